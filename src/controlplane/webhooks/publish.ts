// Keeps the API server told of the webhooks: makes both configurations, brings them up to date when
// the mesh's roots change, and restores them when they are deleted. What a person changed in them
// stays until there is something new to say: in an emergency somebody must be able to.
import { assertNever } from '#base/assert-never.ts';
import { backoffDelayMs } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { KubeClient } from '#kube/client.ts';
import { createDiffingStore } from '#kube/diffing-store.ts';
import type { KubeObject } from '#kube/objects.ts';
import { runReflector } from '#kube/reflector.ts';
import { SERVICE_ENTRY, type ResourceType } from '#kube/resources.ts';
import { isAlreadyExists, isConflict, isNotFound, KubeStatusError } from '#kube/status.ts';
import {
  CONTENT_ANNOTATION,
  INJECTOR_NAME,
  injectorConfiguration,
  MUTATING_WEBHOOK_CONFIGURATION,
  VALIDATING_WEBHOOK_CONFIGURATION,
  VALIDATOR_NAME,
  validatorConfiguration,
  type WebhookAddress,
} from './configurations.ts';
import { PROBE_ANSWER, PROBE_NAME } from './validate.ts';

export type PublishOptions = {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'watch' | 'create' | 'update'>;
  readonly address: WebhookAddress;
  /** PEM of the mesh's roots, as they are now. */
  readonly rootsPem: () => string;
  /** Calls back when the roots have changed. @returns a function that ends it */
  readonly subscribe: (listener: () => void) => () => void;
  readonly revision: string;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

const CONFLICT_RETRY_MS = 50;
/** A webhook that is not reached yet may be so soon: its Service gets its endpoints just now. */
const PROBE_RETRY = { firstMs: 1_000, maxMs: 60_000 };
/** An API server without admission webhooks may be replaced by one that has them. */
const ABSENT_KIND_RETRY_MS = 60_000;
const ROOT_NAMESPACE = 'istio-system';

const INJECTOR = MUTATING_WEBHOOK_CONFIGURATION.plural;
const VALIDATOR = VALIDATING_WEBHOOK_CONFIGURATION.plural;

/** Until aborted. Refusals are logged and tried again: the mesh goes on without. */
export async function publishConfigurations(
  options: PublishOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, random, log, subscribe } = options;
  const queue = new WorkQueue({ clock, random, log });
  const publisher = new Publisher(options);
  const follow = (type: ResourceType, name: string) => (group: AbortSignal) => {
    const store = createDiffingStore(() => queue.add(type.plural));
    const selection = { fieldSelector: `metadata.name=${name}` };
    const kind = { type, selection, isOptional: true };
    return runReflector({ client, ...kind, clock, random, log, store }, group);
  };
  const refresh = (): void => [INJECTOR, VALIDATOR].forEach((key) => queue.add(key));
  const unsubscribe = subscribe(refresh);
  refresh();
  try {
    await runTasks(signal, [
      follow(MUTATING_WEBHOOK_CONFIGURATION, INJECTOR_NAME),
      follow(VALIDATING_WEBHOOK_CONFIGURATION, VALIDATOR_NAME),
      (group) => queue.run((key) => publisher.reconcile(key, group), group),
    ]);
  } finally {
    unsubscribe();
  }
}

type Outcome = 'done' | 'outdated' | 'absent' | 'foreign';

class Publisher {
  readonly #options: PublishOptions;
  /** Has the API server been seen to ask the validating webhook? */
  #isReached = false;
  #hasComplained = false;
  #probes = 0;

  constructor(options: PublishOptions) {
    this.#options = options;
  }

  /** @returns when to look again, in milliseconds */
  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const outcome = key === INJECTOR ? await this.#injector(signal) : await this.#validator(signal);
    switch (outcome) {
      case 'outdated':
        return CONFLICT_RETRY_MS;
      case 'absent':
        this.#complain(
          'the API server has no admission webhooks: nothing is injected or validated',
        );
        return ABSENT_KIND_RETRY_MS;
      case 'foreign':
        this.#complain('a webhook configuration of another control plane is left alone', key);
        return undefined;
      case 'done':
        if (key === INJECTOR || this.#isReached) return undefined;
        this.#isReached = await this.#probe(signal);
        return this.#isReached ? 0 : this.#probeDelayMs();
      default:
        return assertNever(outcome);
    }
  }

  #injector(signal: AbortSignal): Promise<Outcome> {
    const { address, revision } = this.#options;
    const rootsPem = this.#options.rootsPem();
    const wanted = injectorConfiguration({ address, rootsPem, revision });
    return this.#apply(MUTATING_WEBHOOK_CONFIGURATION, wanted, signal);
  }

  async #validator(signal: AbortSignal): Promise<Outcome> {
    const { address, revision, client } = this.#options;
    const options = { address, rootsPem: this.#options.rootsPem(), revision };
    const strict = validatorConfiguration(options, 'Fail');
    // What an earlier run of the control plane has found out still holds.
    const present = await read(client, VALIDATING_WEBHOOK_CONFIGURATION, VALIDATOR_NAME, signal);
    if (present && contentOf(present) === contentOf(strict)) this.#isReached = true;
    const wanted = this.#isReached ? strict : validatorConfiguration(options, 'Ignore');
    return this.#apply(VALIDATING_WEBHOOK_CONFIGURATION, wanted, signal);
  }

  async #apply(type: ResourceType, wanted: KubeObject, signal: AbortSignal): Promise<Outcome> {
    const { client, log } = this.#options;
    const { name } = wanted.metadata;
    const present = await read(client, type, name, signal);
    if (present && contentOf(present) === undefined) return 'foreign';
    if (present && contentOf(present) === contentOf(wanted)) return 'done';
    try {
      if (present) await client.update(type, takingOver(wanted, present), { signal });
      else await client.create(type, wanted, { signal });
    } catch (error) {
      if (isNotFound(error)) return present ? 'outdated' : 'absent';
      if (isConflict(error) || isAlreadyExists(error)) return 'outdated';
      throw error;
    }
    log.info('webhook configuration written', { name, failurePolicy: failurePolicyOf(wanted) });
    return 'done';
  }

  /** Does an object that the webhook never allows come through? Nothing is stored either way. */
  async #probe(signal: AbortSignal): Promise<boolean> {
    const { client, log } = this.#options;
    const probe = { metadata: { name: PROBE_NAME, namespace: ROOT_NAMESPACE }, spec: PROBE_SPEC };
    try {
      await client.create(SERVICE_ENTRY, probe, { isDryRun: true, signal });
    } catch (error) {
      if (error instanceof KubeStatusError && error.message.includes(PROBE_ANSWER)) return true;
      const problem = error instanceof Error ? error.message : String(error);
      log.debug('the validating webhook could not be tried', { problem });
      return false;
    }
    this.#complain('the API server does not reach the webhooks yet: see --webhook-url');
    return false;
  }

  #probeDelayMs(): number {
    this.#probes += 1;
    return backoffDelayMs(this.#probes - 1, this.#options.random(), PROBE_RETRY);
  }

  /** Once: what is wrong stays wrong for long. */
  #complain(message: string, resource?: string): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    this.#options.log.warn(message, { resource });
  }
}

/** Valid, so that only the webhook refuses it. */
const PROBE_SPEC = {
  hosts: ['isthmus-webhook-probe.invalid'],
  ports: [{ number: 80, name: 'tcp', protocol: 'TCP' }],
  resolution: 'NONE',
};

async function read(
  client: PublishOptions['client'],
  type: ResourceType,
  name: string,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, { name }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const contentOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.annotations?.[CONTENT_ANNOTATION];

function takingOver(wanted: KubeObject, { metadata }: KubeObject): KubeObject {
  const { resourceVersion } = metadata;
  return {
    ...wanted,
    metadata: { ...wanted.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
  };
}

function failurePolicyOf({ webhooks }: KubeObject): string {
  const [first]: readonly unknown[] = Array.isArray(webhooks) ? webhooks : [];
  const hasPolicy = typeof first === 'object' && first !== null && 'failurePolicy' in first;
  return hasPolicy ? String(first.failurePolicy) : '';
}
