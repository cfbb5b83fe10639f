// IP addresses and ranges as values: parsing to one canonical form, containment, and sets of
// ranges. Pure. One address has one spelling here, because an address is a key all over the mesh.

export type IpVersion = 4 | 6;

/** An address as a number of 32 or 128 bits. */
export type IpAddress = { readonly version: IpVersion; readonly value: bigint };

/** All addresses from `first` to `last`, both included; `first` is never after `last`. */
export type IpRange = {
  readonly version: IpVersion;
  readonly first: bigint;
  readonly last: bigint;
};

const BITS: Readonly<Record<IpVersion, number>> = { 4: 32, 6: 128 };
/** Longest legal text: eight groups of four with an embedded IPv4 address. */
const TEXT_LENGTH_MAX = 45;
/** ::ffff:0:0/96, RFC 4291 §2.5.5.2. */
const MAPPED_PREFIX = 0xffffn;

/**
 * Reads an address, without zone, brackets or prefix length.
 * An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the IPv4 address: on the wire it is that one.
 *
 * @returns undefined for anything that is not exactly one address; leading zeros in IPv4 are
 *   refused because readers disagree on whether they mean octal (RFC 6943 §3.1.1)
 */
export function parseIp(text: string): IpAddress | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { version: 4, value };
  }
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED_PREFIX
    ? { version: 4, value: value & 0xffff_ffffn }
    : { version: 6, value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? joinGroups(head) : undefined;
  // "::" stands for at least one group (RFC 5952 §4.2.2 frowns on one, RFC 4291 allows it)
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  const zeros = Array.from<number>({ length: 8 - head.length - tail.length }).fill(0);
  return joinGroups([...head, ...zeros, ...tail]);
}

/** The 16-bit groups of one side of `::`; only the last may end in a dotted quad. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = isLast && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (quad === undefined) return undefined;
    groups.push(Number(quad >> 16n), Number(quad & 0xffffn));
  }
  return groups;
}

const joinGroups = (groups: readonly number[]): bigint =>
  groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);

/** RFC 5952 text: lower case, no leading zeros, the longest run of zero groups as `::`. */
export function renderIp({ version, value }: IpAddress): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  ).join(':');
  // the first of the longest runs of two or more zero groups (§4.2.3)
  const [longest] = [...groups.matchAll(/\b0(:0\b)+/g)]
    .map(([run]) => run)
    .toSorted((a, b) => b.length - a.length);
  return longest === undefined ? groups : groups.replace(new RegExp(`:?\\b${longest}\\b:?`), '::');
}

/** The one spelling of an address, or undefined when the text is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && renderIp(ip);
}

/**
 * Reads `10.0.0.0/8`. Bits after the prefix are dropped (`10.1.2.3/8` is `10.0.0.0/8`), as the
 * kernel and Envoy do. An IPv4-mapped range of /96 or longer is the IPv4 range.
 */
export function parseCidr(text: string): IpRange | undefined {
  const [, address = '', bits = ''] = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  const ip = parseIp(address);
  if (!ip) return undefined;
  const isMapped = ip.version === 4 && address.includes(':');
  const prefix = Number(bits) - (isMapped ? 96 : 0);
  if (prefix < 0 || prefix > BITS[ip.version]) return undefined;
  const hostBits = BigInt(BITS[ip.version] - prefix);
  const first = (ip.value >> hostBits) << hostBits;
  return { version: ip.version, first, last: first + (1n << hostBits) - 1n };
}

/** Reads `10.0.0.0/8` or a single address, which is a range of one. */
export function parseRange(text: string): IpRange | undefined {
  return text.includes('/') ? parseCidr(text) : rangeOf(parseIp(text));
}

const rangeOf = (ip: IpAddress | undefined): IpRange | undefined =>
  ip && { version: ip.version, first: ip.value, last: ip.value };

/** The one spelling of a prefix, or undefined when the text is none. */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text);
  return range && cidrsOf(range)[0];
}

export function rangeContains(range: IpRange, ip: IpAddress): boolean {
  return range.version === ip.version && range.first <= ip.value && ip.value <= range.last;
}

/**
 * The same set of addresses as the fewest ranges: sorted (IPv4 first), none touching another.
 * Two inputs that mean the same set have equal results.
 */
export function normalizeRanges(ranges: readonly IpRange[]): IpRange[] {
  const merged: IpRange[] = [];
  for (const range of ranges.toSorted(compareRanges)) {
    const before = merged.at(-1);
    if (before?.version !== range.version || range.first > before.last + 1n) {
      merged.push(range);
    } else if (range.last > before.last) {
      merged[merged.length - 1] = { ...before, last: range.last };
    }
  }
  return merged;
}

function compareRanges(a: IpRange, b: IpRange): number {
  if (a.version !== b.version) return a.version - b.version;
  if (a.first === b.first) return 0;
  return a.first < b.first ? -1 : 1;
}

/** Is the address in one of these ranges, which `normalizeRanges` has sorted? Binary search. */
export function rangesContain(normalized: readonly IpRange[], ip: IpAddress): boolean {
  const point = { version: ip.version, first: ip.value, last: ip.value };
  let low = 0;
  let high = normalized.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = normalized[middle];
    if (range && compareRanges(range, point) <= 0) low = middle + 1;
    else high = middle;
  }
  const candidate = normalized[low - 1];
  return candidate !== undefined && rangeContains(candidate, ip);
}

/** The fewest prefixes that cover exactly this range, in order, each in its one spelling. */
export function cidrsOf(range: IpRange): string[] {
  const { version, last } = range;
  const cidrs: string[] = [];
  for (let first = range.first; first <= last;) {
    let hostBits = 0;
    while (hostBits < BITS[version] && fits(first, hostBits + 1, last)) hostBits += 1;
    cidrs.push(`${renderIp({ version, value: first })}/${BITS[version] - hostBits}`);
    first += 1n << BigInt(hostBits);
  }
  return cidrs;
}

/** Does the block of 2^hostBits addresses at `first` lie on its own boundary and end by `last`? */
function fits(first: bigint, hostBits: number, last: bigint): boolean {
  const size = 1n << BigInt(hostBits);
  return first % size === 0n && first + size - 1n <= last;
}
