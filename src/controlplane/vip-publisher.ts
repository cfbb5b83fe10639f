// Publishes automatic addresses in the status of ServiceEntries, as Istio does: from there the
// model reads them, like any other part of an object.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { aborted } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import { MESH_CONFIG_NAME, MESH_CONFIG_NAMESPACE } from '#istio/meshconfig/mesh-config.ts';
import {
  isAutomaticAddress,
  publishedAddresses,
  wantsAutomaticAddresses,
} from '#istio/serviceentry/automatic-address.ts';
import { parseServiceEntry } from '#istio/serviceentry/service-entry.ts';
import type { KubeClient } from '#kube/client.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { CONFIG_MAP, resourceName, SERVICE_ENTRY, type ResourceType } from '#kube/resources.ts';
import { isConflict, isNotFound } from '#kube/status.ts';
import type { IngestTarget } from './ingest.ts';
import { ownerOf, planVips, type VipEntry } from './vips.ts';

/** For how long an address that was given back is nobody's: far beyond what DNS clients keep. */
const REST_MS = 600_000;
/** When somebody else was faster: their change is about to arrive. */
const CONFLICT_RETRY_MS = 100;
/** All addresses are decided at once. */
const ALL = 'automatic addresses';

export type VipPublisherOptions = {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
  /** Is there IPv6 in the mesh? Asked whenever its settings have changed; not if absent. */
  readonly isDualStack?: () => boolean;
};

type Known = VipEntry & { readonly resourceVersion: string | undefined };
type Resting = { readonly owner: string; readonly untilMs: number };

export class VipPublisher implements IngestTarget {
  readonly #options: VipPublisherOptions;
  readonly #queue: WorkQueue;
  readonly #entries = new Map<string, Known>();
  readonly #resting = new Map<string, Resting>();
  #exhausted = 0;

  constructor(options: VipPublisherOptions) {
    this.#options = options;
    this.#queue = new WorkQueue(options);
  }

  ingest(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void {
    if (isMeshConfig(type, object)) this.#queue.add(ALL);
    if (resourceName(type) !== resourceName(SERVICE_ENTRY)) return;
    const key = objectKey(object.metadata);
    const before = this.#entries.get(key);
    const after = change === 'applied' ? knownOf(object, before) : undefined;
    if (after) this.#entries.set(key, after);
    else this.#entries.delete(key);
    if (before) this.#rest(before, after);
    this.#queue.add(ALL);
  }

  /**
   * Publishes until aborted.
   *
   * @param synced every ServiceEntry has been heard of: before, a taken address may seem free
   */
  async run(synced: Promise<void>, signal: AbortSignal): Promise<void> {
    await Promise.race([synced, aborted(signal)]);
    await this.#queue.run(() => this.#publish(signal), signal);
  }

  /** @returns when to look again, if the API server has newer facts than we */
  async #publish(signal: AbortSignal): Promise<number | undefined> {
    const { isDualStack } = this.#options;
    const plan = planVips(this.#entries.values(), {
      resting: this.#owners(),
      isDualStack: isDualStack?.() === true,
    });
    this.#tellExhausted(plan.exhausted);
    let isOutdated = false;
    for (const { entry, addresses } of plan.writes) {
      try {
        await this.#write(entry, addresses, signal);
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
        isOutdated = true;
      }
    }
    return isOutdated ? CONFLICT_RETRY_MS : undefined;
  }

  async #write(entry: Known, addresses: VipEntry['published'], signal: AbortSignal): Promise<void> {
    const { namespace, name, resourceVersion } = entry;
    const values = addresses.map(({ address: value, host }) => ({ value, host }));
    const patch = {
      ...(resourceVersion !== undefined && { metadata: { resourceVersion } }),
      status: { addresses: values.length > 0 ? values : null },
    };
    const options = { kind: 'merge', subresource: 'status', signal } as const;
    const ref = { namespace, name };
    const written = await this.#options.client.patch(SERVICE_ENTRY, ref, patch, options);
    // the watch will say the same, a little later; what it has said meanwhile is newer
    const isLatest = this.#entries.get(objectKey(ref))?.resourceVersion === resourceVersion;
    if (isLatest) this.#entries.set(objectKey(ref), knownOf(written, entry));
  }

  /** What one host has given back is not given to another for a while. */
  #rest(before: Known, after: Known | undefined): void {
    const still = new Set(after?.published.map(({ address }) => address));
    const untilMs = this.#options.clock.nowMs() + REST_MS;
    for (const { address, host } of before.published) {
      if (still.has(address) || !isAutomaticAddress(address)) continue;
      this.#resting.set(address, { owner: ownerOf(before, host), untilMs });
    }
  }

  #owners(): ReadonlyMap<string, string> {
    const nowMs = this.#options.clock.nowMs();
    for (const [address, { untilMs }] of this.#resting) {
      if (untilMs <= nowMs) this.#resting.delete(address);
    }
    return new Map([...this.#resting].map(([address, { owner }]) => [address, owner]));
  }

  #tellExhausted(exhausted: readonly string[]): void {
    const { length: count } = exhausted;
    if (count > this.#exhausted) {
      const [example = ''] = exhausted;
      this.#options.log.error('no automatic address is left for a host', { count, example });
    }
    this.#exhausted = count;
  }
}

const isMeshConfig = (type: ResourceType, { metadata }: KubeObject): boolean =>
  resourceName(type) === resourceName(CONFIG_MAP) &&
  metadata.namespace === MESH_CONFIG_NAMESPACE &&
  metadata.name === MESH_CONFIG_NAME;

/** Of an entry that is refused as it is now, what it had stays. */
function knownOf(object: KubeObject, before: Known | undefined): Known {
  const { namespace = '', name, resourceVersion } = object.metadata;
  const published = publishedAddresses(object.status);
  const parsed = parseServiceEntry(object);
  if (!parsed.ok) {
    const hosts = published.map(({ host }) => host);
    const { createdAtMs = 0, written = [] } = before ?? {};
    return { namespace, name, resourceVersion, createdAtMs, hosts, written, published };
  }
  const { hosts, addresses: written, createdAtMs } = parsed.value;
  return {
    namespace,
    name,
    resourceVersion,
    createdAtMs,
    hosts: wantsAutomaticAddresses(parsed.value) ? hosts : [],
    written,
    published,
  };
}
