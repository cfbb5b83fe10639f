// The authority in force, following its Secrets while the control plane runs: a rotated root takes
// effect without a restart, and a broken one never does.
//
// To change roots: put both into root-cert.pem while the old one signs; when all workloads have
// renewed (half of 24 h), let the new one sign; when all have renewed again, drop the old root.
import { runTasks } from '#base/tasks.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createDiffingStore } from '#kube/diffing-store.ts';
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import { runReflector } from '#kube/reflector.ts';
import { SECRET } from '#kube/resources.ts';
import type { Authority } from './authority.ts';
import {
  authorityIn,
  loadOrCreateAuthority,
  OWN_SECRET,
  PLUGGED_IN_SECRET,
  ROOT_NAMESPACE,
  type RootSecretOptions,
} from './root-secret.ts';

export type AuthoritySourceOptions = RootSecretOptions & {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'list' | 'watch'>;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Another authority is in force now. */
  readonly onChange?: (authority: Authority) => void;
};

export type AuthoritySource = {
  current(): Authority;
  /** Calls `listener` after each change. @returns a function that ends it */
  subscribe(listener: () => void): () => void;
  /** Follows the Secrets until aborted. */
  run(signal: AbortSignal): Promise<void>;
};

/**
 * Begins with the authority that is there, or makes one.
 *
 * @throws as `loadOrCreateAuthority`
 */
export async function openAuthoritySource(
  options: AuthoritySourceOptions,
  signal?: AbortSignal,
): Promise<AuthoritySource> {
  let current = await loadOrCreateAuthority(options, signal);
  const secrets = new Map<string, KubeObject>();
  const listeners = new Set<() => void>();
  const reload = (): void => {
    const next = chooseAuthority(secrets, options);
    if (!next || next.fingerprint === current.fingerprint) return;
    current = next;
    options.log.info('another certificate authority is in force', {
      roots: next.roots.length,
      expires: new Date(next.notAfterMs).toISOString(),
    });
    options.onChange?.(next);
    for (const listener of listeners) listener();
  };
  return {
    current: () => current,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run: (signal) => {
      const follow = (name: string) => (signal: AbortSignal) =>
        followSecret(name, { secrets, reload, options }, signal);
      return runTasks(signal, [follow(PLUGGED_IN_SECRET), follow(OWN_SECRET)]);
    },
  };
}

function followSecret(
  name: string,
  context: {
    readonly secrets: Map<string, KubeObject>;
    readonly reload: () => void;
    readonly options: AuthoritySourceOptions;
  },
  signal: AbortSignal,
): Promise<void> {
  const { secrets, reload, options } = context;
  const { client, clock, random, log, namespace = ROOT_NAMESPACE } = options;
  const store = createDiffingStore((changes) => {
    for (const change of changes) {
      if (change.kind === 'applied') secrets.set(name, change.object);
      else secrets.delete(name);
    }
    reload();
  });
  const selection = { namespace, fieldSelector: `metadata.name=${name}` };
  return runReflector({ client, type: SECRET, selection, clock, random, log, store }, signal);
}

/**
 * The authority that the Secrets hold now, the plugged-in one first. None, when it cannot be used
 * or is gone: the present one then stays in force, because without it the whole mesh would stop.
 */
function chooseAuthority(
  secrets: ReadonlyMap<string, KubeObject>,
  { clock, log }: AuthoritySourceOptions,
): Authority | undefined {
  const secret = secrets.get(PLUGGED_IN_SECRET) ?? secrets.get(OWN_SECRET);
  if (!secret) return undefined;
  try {
    return authorityIn(secret, clock.nowMs());
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    log.error('keeping the present certificate authority', { problem: error.message });
    return undefined;
  }
}
