// Automatic addresses: which host of which ServiceEntry has which. Pure.
//
// Decided from all entries at once, and from nothing else but what rests: so every replica of the
// control plane decides the same, and none needs a memory of its own. A host's address follows from
// its name where that one is free, so that a ServiceEntry that is deleted and applied anew, as
// deployment tools do, has the same address again.
//
// In a mesh of both families a host has an address of IPv6, too, which follows from that of IPv4.
import { normalizeRanges, parseIp, parseRange, rangeContains, renderIp } from '#base/ip.ts';
import type { IpAddress, IpRange } from '#base/ip.ts';
import {
  AUTOMATIC_RANGE,
  isAutomaticAddress,
  type HostAddress,
} from '#istio/serviceentry/automatic-address.ts';

/** A ServiceEntry as far as addresses go. */
export type VipEntry = {
  readonly namespace: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Canonical hosts that are to have an address. */
  readonly hosts: readonly string[];
  /** Addresses and ranges that users wrote: nobody else gets them. */
  readonly written: readonly string[];
  /** `status.addresses` as it is now. */
  readonly published: readonly HostAddress[];
};

export type VipPlan<Entry extends VipEntry> = {
  /** What `status.addresses` must become, where it differs. */
  readonly writes: readonly { readonly entry: Entry; readonly addresses: readonly HostAddress[] }[];
  /** `namespace/host` of those for whom no address is left. */
  readonly exhausted: readonly string[];
};

/** Whose an address is: hosts of one name in one namespace are one service. */
export const ownerOf = ({ namespace }: Pick<VipEntry, 'namespace'>, host: string): string =>
  `${namespace}/${host}`;

/**
 * @param options.resting addresses that were given back a short while ago → who had them: clients
 *   may still mean that host by them, so nobody else gets them while there are others
 * @param options.isDualStack is there IPv6 in the mesh?
 */
export function planVips<Entry extends VipEntry>(
  entries: Iterable<Entry>,
  options: {
    readonly resting?: ReadonlyMap<string, string>;
    readonly isDualStack?: boolean;
  } = {},
): VipPlan<Entry> {
  const { resting = new Map<string, string>(), isDualStack = false } = options;
  const oldestFirst = [...entries].toSorted(compareEntries);
  const users = oldestFirst.flatMap(({ written }) => written);
  const pool = new Pool(users, resting);
  // what is published stays; should two have one address, the older keeps it
  const kept = oldestFirst.map((entry) => keptAddresses(entry, pool));
  const exhausted: string[] = [];
  const writes = oldestFirst.flatMap((entry, index) => {
    const own = hostsOf(entry).flatMap((host): HostAddress[] => {
      const owner = ownerOf(entry, host);
      const address = kept[index]?.get(host) ?? pool.give(owner);
      if (address === undefined) exhausted.push(owner);
      if (address === undefined) return [];
      const second = isDualStack ? pool.secondOf(address) : undefined;
      return [address, second].flatMap((text) =>
        text === undefined ? [] : [{ address: text, host }],
      );
    });
    const foreign = entry.published.filter(({ address }) => !isOurs(address));
    const addresses = [...own, ...foreign];
    return isSameList(addresses, entry.published) ? [] : [{ entry, addresses }];
  });
  return { writes, exhausted };
}

function compareEntries(a: VipEntry, b: VipEntry): number {
  const [first, second] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return a.createdAtMs - b.createdAtMs || (first < second ? -1 : 1);
}

/** Istio gives wildcards none, either: there is no one host to stand for. */
const hostsOf = ({ hosts }: VipEntry): readonly string[] =>
  [...new Set(hosts)].filter((host) => !host.startsWith('*'));

function keptAddresses(entry: VipEntry, pool: Pool): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  for (const host of hostsOf(entry)) {
    const published = entry.published.find(
      (it) => it.host === host && placeOf(it.address) !== undefined,
    );
    if (published && pool.take(published.address)) kept.set(host, published.address);
  }
  return kept;
}

function isSameList(a: readonly HostAddress[], b: readonly HostAddress[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ address, host }, index) => {
      const other = b[index];
      return other?.address === address && other.host === host;
    })
  );
}

const RANGE = parseRange(AUTOMATIC_RANGE);
/** Ours in IPv6: apart from those that Istio itself gives, which begin with the range. */
const SECONDS = parseRange('2001:2:0:f0f0::/112');
const FIRST = RANGE?.first ?? 0n;
const SIZE = RANGE ? Number(RANGE.last - RANGE.first) + 1 : 0;
/**
 * Never given: the first and last, which would be the network's own, and 240.240.0.1, by which
 * agents see whether they capture traffic.
 */
const RESERVED: readonly number[] = [0, 1, SIZE - 1];

/** How many hosts can have an address. */
export const VIPS_MAX = SIZE - RESERVED.length;

/** Addresses by their place in the range, which is a good deal faster than by their text. */
class Pool {
  /** Users', reserved, or given. */
  readonly #taken = new Set<number>(RESERVED);
  /** Users', of any family. */
  readonly #written: readonly IpRange[];
  readonly #resting: ReadonlyMap<number, string>;

  constructor(written: readonly string[], resting: ReadonlyMap<string, string>) {
    this.#written = normalizeRanges(written.flatMap((text) => parseRange(text) ?? []));
    for (const range of this.#written) {
      for (let place = firstPlace(range); place <= lastPlace(range); place += 1) {
        this.#taken.add(place);
      }
    }
    this.#resting = new Map(
      [...resting].flatMap(([address, owner]) => {
        const place = placeOf(address);
        return place === undefined ? [] : [[place, owner] as const];
      }),
    );
  }

  /** @returns false: somebody has it, or it is not to be given */
  take(address: string): boolean {
    const place = placeOf(address);
    if (place === undefined || this.#taken.has(place)) return false;
    this.#taken.add(place);
    return true;
  }

  give(owner: string): string | undefined {
    if (this.#taken.size >= SIZE) return undefined;
    const isQuiet = (place: number): boolean => (this.#resting.get(place) ?? owner) === owner;
    const place = this.#find(owner, isQuiet) ?? this.#find(owner, () => true);
    if (place === undefined) return undefined;
    this.#taken.add(place);
    return renderIp({ version: 4, value: FIRST + BigInt(place) });
  }

  /** The address of IPv6 that goes with one that was taken or given; undefined: it is a user's. */
  secondOf(address: string): string | undefined {
    const place = placeOf(address);
    if (place === undefined) return undefined;
    const second: IpAddress = { version: 6, value: (SECONDS?.first ?? 0n) + BigInt(place) };
    const isTaken = this.#written.some((range) => rangeContains(range, second));
    return isTaken ? undefined : renderIp(second);
  }

  /** The first that is free from where the owner's name leads. */
  #find(owner: string, isFit: (place: number) => boolean): number | undefined {
    const start = hashOf(owner);
    for (let step = 0; step < SIZE; step += 1) {
      const place = (start + step) % SIZE;
      if (!this.#taken.has(place) && isFit(place)) return place;
    }
    return undefined;
  }
}

/** Is it an address that is given here, of whichever family? */
function isOurs(address: string): boolean {
  const ip = parseIp(address);
  if (ip === undefined) return false;
  return ip.version === 4
    ? isAutomaticAddress(address)
    : SECONDS !== undefined && rangeContains(SECONDS, ip);
}

function placeOf(address: string): number | undefined {
  const ip = parseIp(address);
  const isIpv4 = ip?.version === 4 && isAutomaticAddress(address);
  return isIpv4 ? Number(ip.value - FIRST) : undefined;
}

/** The part of a range that is in ours, as places; empty (last before first) where none is. */
function firstPlace({ version, first }: IpRange): number {
  if (version !== 4) return SIZE;
  return first < FIRST ? 0 : Number(first - FIRST);
}

function lastPlace({ version, last }: IpRange): number {
  if (version !== 4 || last < FIRST) return -1;
  return Math.min(Number(last - FIRST), SIZE - 1);
}

/** FNV-1a, 32 bits: spreads names over the range, the same in every process. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}
