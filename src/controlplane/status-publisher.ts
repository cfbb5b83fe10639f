// Writes what the control plane has to say of objects into their statuses, until it is said.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { aborted } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { KINDS } from '#istio/kinds.ts';
import { MESH_CONFIG_NAME, MESH_CONFIG_NAMESPACE } from '#istio/meshconfig/mesh-config.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import type { KubeClient } from '#kube/client.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import {
  apiVersionOf,
  AUTHORIZATION_POLICY,
  CONFIG_MAP,
  resourceName,
  TELEMETRY,
  type ResourceType,
} from '#kube/resources.ts';
import { isConflict, isNotFound } from '#kube/status.ts';
import { authorizationNotes } from '#resolve/rbac.ts';
import type { IngestTarget } from './ingest.ts';
import { ProviderNotes } from './provider-notes.ts';
import { hasOwnStatus, planStatus, verdictOf, type Verdict } from './status.ts';

/** When somebody else was faster: their change is about to arrive. */
const CONFLICT_RETRY_MS = 100;
/**
 * Between two writes of one object: should somebody else say otherwise in our place (a control
 * plane of another version, say), the two must not keep the API server busy.
 */
const SAME_OBJECT_MS = 2_000;
/** Between two writes at all. */
const WRITE_INTERVAL_MS = 10;

/** Istio's own: the status of others is not of its form. */
const TYPES: ReadonlyMap<string, ResourceType> = new Map(
  KINDS.filter(({ type }) => type.group.endsWith('.istio.io')).map(({ type }) => [
    resourceName(type),
    type,
  ]),
);

export type StatusPublisherOptions = {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

type Remembered = {
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly verdict: Verdict;
};

export class StatusPublisher implements IngestTarget {
  readonly #options: StatusPublisherOptions;
  readonly #queue: WorkQueue;
  /** Objects of which there is something to say, or to take back. */
  readonly #objects = new Map<string, Remembered>();
  /** Objects of which a good form was seen: it stays in force when a bad one follows. */
  readonly #hadGood = new Set<string>();
  readonly #writtenAtMs = new Map<string, number>();
  readonly #providers = new ProviderNotes();

  constructor(options: StatusPublisherOptions) {
    this.#options = options;
    this.#queue = new WorkQueue(options);
  }

  ingest(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void {
    if (isMeshConfig(type, object)) {
      const now = change === 'applied' ? object : undefined;
      const concerned = this.#providers.setMeshConfig(now);
      for (const telemetry of concerned) this.ingest(TELEMETRY, telemetry, 'applied');
      return;
    }
    if (!TYPES.has(resourceName(type))) return;
    const key = `${resourceName(type)}/${objectKey(object.metadata)}`;
    if (change === 'deleted') {
      this.#objects.delete(key);
      this.#hadGood.delete(key);
      this.#writtenAtMs.delete(key);
      if (isTelemetry(type)) this.#providers.forget(object);
      return;
    }
    const verdict = this.#judge(key, type, object);
    if (verdict.kind === 'good' && !hasOwnStatus(object)) {
      this.#objects.delete(key);
      return;
    }
    // of the object, no more than the next write needs
    const { metadata, status } = object;
    this.#objects.set(key, { type, object: { metadata, status }, verdict });
    this.#queue.add(key);
  }

  /**
   * Writes until aborted.
   *
   * @param synced all objects have been heard of: what is said of them rests on that
   */
  async run(synced: Promise<void>, signal: AbortSignal): Promise<void> {
    await Promise.race([synced, aborted(signal)]);
    await this.#queue.run((key) => this.#write(key, signal), signal);
  }

  #judge(key: string, type: ResourceType, object: KubeObject): Verdict {
    // items of a list do not say what they are
    const named = { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
    const result = parseIstioObject(named) ?? { ok: true, value: undefined };
    const isFormerInForce = this.#hadGood.has(key);
    if (result.ok) this.#hadGood.add(key);
    const notes = isTelemetry(type) ? this.#providers.notesOn(named) : notesOn(type, named);
    return verdictOf(result, { isFormerInForce, notes });
  }

  /** @returns when to look again, if it could not be said now */
  async #write(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { client, clock } = this.#options;
    const remembered = this.#objects.get(key);
    if (!remembered) return undefined;
    const { type, object, verdict } = remembered;
    const nowMs = clock.nowMs();
    const status = planStatus(object, verdict, { kind: type.kind, nowMs });
    if (!status) return undefined;
    const sinceMs = nowMs - (this.#writtenAtMs.get(key) ?? -SAME_OBJECT_MS);
    if (sinceMs < SAME_OBJECT_MS) return SAME_OBJECT_MS - sinceMs;
    const { resourceVersion } = object.metadata;
    const patch = { ...(resourceVersion && { metadata: { resourceVersion } }), status };
    const options = { kind: 'merge', subresource: 'status', signal } as const;
    try {
      await client.patch(type, object.metadata, patch, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (isConflict(error)) return CONFLICT_RETRY_MS;
      throw error;
    }
    this.#writtenAtMs.set(key, nowMs);
    await clock.sleep(WRITE_INTERVAL_MS, signal);
    return undefined;
  }
}

const isTelemetry = (type: ResourceType): boolean => resourceName(type) === resourceName(TELEMETRY);

const isMeshConfig = (type: ResourceType, { metadata }: KubeObject): boolean =>
  resourceName(type) === resourceName(CONFIG_MAP) &&
  metadata.namespace === MESH_CONFIG_NAMESPACE &&
  metadata.name === MESH_CONFIG_NAME;

/** What becomes of an AuthorizationPolicy on TCP ports is known to whoever translates it. */
function notesOn(type: ResourceType, object: KubeObject): readonly string[] {
  if (resourceName(type) !== resourceName(AUTHORIZATION_POLICY)) return [];
  const result = parseAuthorizationPolicy(object);
  return result.ok ? authorizationNotes(result.value).map(({ message }) => message) : [];
}
