// The host names that programs on this machine have asked for, as the control plane knows them: one
// type of the agent's own stream. Names of the mesh are kept on disk, so that they resolve on a
// machine that restarts while the control plane is away.
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Clock } from '#base/clock.ts';
import { coalesce } from '#base/coalesce.ts';
import { canonicalIp } from '#base/ip.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { NameTable, type NameQuotas } from '#dns/name-table.ts';
import type { NameRecord } from '#dns/zone.ts';
import type { Resource } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { parseState, readFileIfPresent, writeFileAtomic } from './files.ts';
import type { Change, OwnType, Update, Wanted } from './own-stream.ts';

/**
 * Asked for on every stream, without a version, so that there is an answer that shows that the
 * control plane can be asked. A name that agents have use for, should it be in the mesh.
 */
const CONTROL_PLANE = 'istiod.istio-system.svc.cluster.local';

/** The control plane holds 200 names that mean nothing for a stream, and forgets those beyond. */
const QUOTAS: NameQuotas = { namesMax: 4096, absentMax: 128, pendingMax: 64 };
/** More addresses than this for one name are not kept: no client tries so many. */
const ADDRESSES_MAX = 4096;
/** Names change with every lookup of a new one; the disk is spared. */
const SAVE_INTERVAL_MS = 2_000;

export type HostNamesOptions = {
  readonly stateFile: string;
  /** Tells the control plane, if it is there. */
  readonly change: (change: Change) => void;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A name of the mesh as it was last told. */
export type KeptName = { readonly version: string; readonly record: NameRecord };

/** Names of an earlier run. A file, or an entry, that makes no sense counts as none. */
export async function loadHostNames(path: string): Promise<ReadonlyMap<string, KeptName>> {
  const state = parseState(await readFileIfPresent(path));
  const kept = new Map<string, KeptName>();
  for (const [name, entry] of Object.entries(state)) {
    if (!Array.isArray(entry)) continue;
    const [version, ttlSeconds, ...addresses]: unknown[] = entry;
    if (typeof version !== 'string' || typeof ttlSeconds !== 'number') continue;
    const record = recordOf(addresses, ttlSeconds);
    if (typeof record === 'object') kept.set(name, { version, record });
  }
  return kept;
}

export class HostNames implements OwnType {
  readonly typeUrl = `type.googleapis.com/${HostAddressesSchema.typeName}`;
  readonly table: NameTable;
  readonly #options: HostNamesOptions;
  readonly #versions = new WeakMap<NameRecord, string>();
  /** Not told yet: is the name wanted from now on, or no longer? */
  readonly #pending = new Map<string, boolean>();
  readonly #tellSoon = coalesce(() => this.#tell());
  #isConnected = false;
  #isDirty = false;
  #saved = '';

  constructor(options: HostNamesOptions, kept: ReadonlyMap<string, KeptName>) {
    this.#options = options;
    this.table = new NameTable(
      {
        subscribe: (name) => this.#want(name, true),
        unsubscribe: (name) => this.#want(name, false),
      },
      QUOTAS,
    );
    for (const { version, record } of kept.values()) this.#versions.set(record, version);
    this.table.restore([...kept].map(([name, { record }]) => [name, record] as const));
  }

  /** Can new names be asked for? */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  begin(): Wanted {
    this.#pending.clear();
    const held = this.table.entries.filter(([name]) => name !== CONTROL_PLANE);
    const versions = held.flatMap(([name, record]) => {
      const version = this.#versions.get(record);
      return version === undefined ? [] : [[name, version] as const];
    });
    const names = [CONTROL_PLANE, ...held.map(([name]) => name)];
    return { names, versions: Object.fromEntries(versions) };
  }

  receive({ resources, removed }: Update): string | undefined {
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.table.setConnected(true);
    }
    this.#isDirty = true;
    const problems: string[] = [];
    for (const resource of resources) {
      const record = parseResource(resource);
      if (typeof record === 'string') {
        problems.push(`${resource.name}: ${record}`);
        continue;
      }
      this.#versions.set(record, resource.version);
      this.table.apply(resource.name, record);
    }
    // the control plane would not hold so many names for us: it will not tell of their changes
    for (const name of removed) this.table.apply(name, { kind: 'unreachable' });
    if (problems.length === 0) return undefined;
    const reason = problems.join('; ');
    this.#options.log.error('host names rejected, the former stay', { reason });
    return reason;
  }

  end(): void {
    this.#isConnected = false;
    this.table.setConnected(false);
  }

  /** Keeps the state file up to date until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#options.clock.sleep(SAVE_INTERVAL_MS, signal);
        await this.#save();
      }
    } finally {
      await this.#save();
    }
  }

  #want(name: string, isWanted: boolean): void {
    this.#isDirty ||= !isWanted;
    this.#pending.set(name, isWanted);
    this.#tellSoon();
  }

  #tell(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    if (pending.length === 0) return; // a stream has begun meanwhile
    const namesOf = (wanted: boolean): string[] =>
      pending.filter(([, isWanted]) => isWanted === wanted).map(([name]) => name);
    this.#options.change({ subscribe: namesOf(true), unsubscribe: namesOf(false) });
  }

  async #save(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const entries = this.table.entries.flatMap(([name, record]) => {
      if (record.kind !== 'addresses') return [];
      const { ipv4, ipv6, ttlSeconds = 0 } = record;
      return [[name, [this.#versions.get(record) ?? '', ttlSeconds, ...ipv4, ...ipv6]] as const];
    });
    const text = JSON.stringify(Object.fromEntries(entries));
    if (text === this.#saved) return;
    this.#saved = text;
    try {
      await writeFileAtomic(this.#options.stateFile, text);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.warn('host names not saved', { reason: error.message });
    }
  }
}

function parseResource({ resource }: Resource): NameRecord | string {
  let message;
  try {
    message = resource && anyUnpack(resource, HostAddressesSchema);
  } catch {
    message = undefined; // not the bytes of one
  }
  if (!message) return 'the resource is not an isthmus.v1.HostAddresses';
  return message.known ? recordOf(message.addresses, message.ttlSeconds) : { kind: 'absent' };
}

/** @returns a text that says what is wrong with it */
function recordOf(addresses: readonly unknown[], ttlSeconds: number): NameRecord | string {
  if (addresses.length > ADDRESSES_MAX) return `${addresses.length} addresses are too many`;
  const ipv4: string[] = [];
  const ipv6: string[] = [];
  for (const address of addresses) {
    const ip = typeof address === 'string' ? canonicalIp(address) : undefined;
    if (ip === undefined) return `${JSON.stringify(address)} is not an address`;
    (ip.includes(':') ? ipv6 : ipv4).push(ip);
  }
  return { kind: 'addresses', ipv4, ipv6, ...(ttlSeconds > 0 && { ttlSeconds }) };
}
