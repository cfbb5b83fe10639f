// The mesh's roots in every namespace, as ConfigMap istio-ca-root-cert, where Pods mount them from:
// Istio's way to tell a workload whom to trust before it has spoken to anybody.
import { backoffDelayMs } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted, runTasks } from '#base/tasks.ts';
import type { KubeClient } from '#kube/client.ts';
import { createDiffingStore } from '#kube/diffing-store.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import { createReflector } from '#kube/reflector.ts';
import { CONFIG_MAP, NAMESPACE } from '#kube/resources.ts';
import { isAlreadyExists, isNotFound, KubeStatusError } from '#kube/status.ts';

export const ROOT_CONFIG_MAP = 'istio-ca-root-cert';
const ROOT_KEY = 'root-cert.pem';
/** Istio leaves these alone, too: no workload of the mesh runs there. */
const SYSTEM_NAMESPACES = new Set(['kube-system', 'kube-public', 'kube-node-lease']);
const RETRY = { firstMs: 200, maxMs: 30_000 };

export type RootPublication = { readonly kind: 'create' | 'update'; readonly namespace: string };

/** What is to be written so that every namespace has the bundle. Pure. */
export function planRootPublications(
  namespaces: ReadonlySet<string>,
  /** Namespace → what its ConfigMap says now. */
  published: ReadonlyMap<string, string>,
  bundlePem: string,
): RootPublication[] {
  return [...namespaces]
    .filter((namespace) => !SYSTEM_NAMESPACES.has(namespace))
    .filter((namespace) => published.get(namespace) !== bundlePem)
    .map((namespace) => ({ kind: published.has(namespace) ? 'update' : 'create', namespace }));
}

export type RootPublisherOptions = {
  readonly client: Pick<KubeClient, 'list' | 'watch' | 'create' | 'patch'>;
  readonly bundlePem: () => string;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

export type RootPublisher = {
  /** The bundle may be another now. */
  refresh(): void;
  /** Publishes until aborted. */
  run(signal: AbortSignal): Promise<void>;
};

/** Keeps the ConfigMap right in all namespaces, new ones included, whoever changes it. */
export function createRootPublisher(options: RootPublisherOptions): RootPublisher {
  const { client, clock, random, log } = options;
  const state: PublisherState = { namespaces: new Set(), published: new Map() };
  const due = new Wakeup();
  const namespaceStore = createDiffingStore((changes) => {
    for (const change of changes) {
      const isLiving = change.kind === 'applied' && !change.object.metadata.deletionTimestamp;
      const { name } = change.kind === 'applied' ? change.object.metadata : change.ref;
      if (isLiving) state.namespaces.add(name);
      else state.namespaces.delete(name);
      if (change.kind === 'deleted') state.published.delete(name);
    }
    due.wake();
  });
  const configMapStore = createDiffingStore((changes) => {
    for (const change of changes) {
      if (change.kind === 'deleted') state.published.delete(change.ref.namespace ?? '');
      else state.published.set(change.object.metadata.namespace ?? '', textIn(change.object));
    }
    due.wake();
  });
  const selection = { fieldSelector: `metadata.name=${ROOT_CONFIG_MAP}` };
  const common = { client, clock, random, log };
  const namespaces = createReflector({ ...common, type: NAMESPACE, store: namespaceStore });
  const configMaps = createReflector({
    ...common,
    type: CONFIG_MAP,
    selection,
    store: configMapStore,
  });
  const publish = async (signal: AbortSignal): Promise<void> => {
    await Promise.race([Promise.all([namespaces.synced, configMaps.synced]), aborted(signal)]);
    let failures = 0;
    while (!signal.aborted) {
      const isDone = await publishAll(state, options, signal);
      failures = isDone ? 0 : failures + 1;
      if (isDone) await due.next(signal);
      else {
        const delayMs = backoffDelayMs(failures - 1, random(), RETRY);
        await clock.sleep(delayMs, signal).catch(() => undefined); // aborted
      }
    }
  };
  return {
    refresh: () => due.wake(),
    run: (signal) =>
      runTasks(signal, [(it) => namespaces.run(it), (it) => configMaps.run(it), publish]),
  };
}

type PublisherState = {
  readonly namespaces: Set<string>;
  /** Namespace → what its ConfigMap says. */
  readonly published: Map<string, string>;
};

/** @returns whether every namespace has the bundle now */
async function publishAll(
  { namespaces, published }: PublisherState,
  { client, bundlePem, log }: RootPublisherOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const bundle = bundlePem();
  let isComplete = true;
  for (const { kind, namespace } of planRootPublications(namespaces, published, bundle)) {
    try {
      await write(client, { kind, namespace, bundle, signal });
      published.set(namespace, bundle); // the watch will say the same, a little later
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof KubeStatusError || error instanceof OperatorError)) throw error;
      if (isNotFound(error)) continue; // the namespace is gone, as its watch is about to say
      log.warn('root certificate not published', { namespace, problem: error.message });
      isComplete = false;
      if (error instanceof OperatorError) return false; // the others would fail alike
    }
  }
  return isComplete;
}

async function write(
  client: RootPublisherOptions['client'],
  publication: RootPublication & { readonly bundle: string; readonly signal: AbortSignal },
): Promise<void> {
  const { kind, namespace, bundle, signal } = publication;
  const data = { [ROOT_KEY]: bundle };
  const metadata = { name: ROOT_CONFIG_MAP, namespace, labels: { 'istio.io/config': 'true' } };
  if (kind === 'create') {
    try {
      await client.create(CONFIG_MAP, { metadata, data }, { signal });
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error; // another replica was first: see that it is right
    }
  }
  await client.patch(CONFIG_MAP, metadata, { data }, { kind: 'merge', signal });
}

function textIn(configMap: KubeObject): string {
  const data = isRecord(configMap['data']) ? configMap['data'] : {};
  const text = data[ROOT_KEY];
  return typeof text === 'string' ? text : '';
}

/** A call that comes while nobody waits is not lost; many are one. */
class Wakeup {
  #isDue = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#resolve?.();
  }

  /** Resolves at the first call of `wake` since the last `next`, or when aborted. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#isDue && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const onAbort = (): void => resolve();
      this.#resolve = resolve;
      signal.addEventListener('abort', onAbort, { once: true });
      await promise;
      signal.removeEventListener('abort', onAbort);
    }
    this.#isDue = false;
  }
}
