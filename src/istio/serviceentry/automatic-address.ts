// Addresses that the mesh gives to hosts of ServiceEntries which have none, so that a connection to
// such a host can be told by where it goes. Istio publishes them in `status.addresses`.
import { canonicalIp, parseIp, parseRange, rangeContains } from '#base/ip.ts';
import { isRecord } from '#kube/objects.ts';

/** Istio's range for them: reserved for ever (RFC 1112 §4), so it is nobody's on any network. */
export const AUTOMATIC_RANGE = '240.240.0.0/16';
/** The same in IPv6 (RFC 5180 §8: for benchmarks only), for meshes of both families. */
export const AUTOMATIC_RANGE_V6 = '2001:2::/48';
const RANGES = [AUTOMATIC_RANGE, AUTOMATIC_RANGE_V6].flatMap((text) => parseRange(text) ?? []);

/** Istio's word for "give me no address". */
export const AUTO_ALLOCATE_LABEL = 'networking.istio.io/enable-autoallocate-ip';

/** An address that stands for one host of a ServiceEntry. */
export type HostAddress = {
  /** Canonical. */
  readonly address: string;
  /** Empty: for every host (Istio before 1.25 did not say). */
  readonly host: string;
};

/** One spelling for one host: DNS knows no case, and a final dot changes nothing. */
export const canonicalHost = (host: string): string => host.toLowerCase().replace(/\.$/, '');

export function isAutomaticAddress(address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && RANGES.some((range) => rangeContains(range, ip));
}

/**
 * Is the mesh to give the hosts of a ServiceEntry addresses? With resolution NONE traffic goes to
 * the address that was dialled, and behind an automatic one there is nobody.
 */
export function wantsAutomaticAddresses(entry: {
  /** As the user wrote them. */
  readonly addresses: readonly string[];
  readonly resolution: string;
  readonly labels: Readonly<Record<string, string>>;
}): boolean {
  const isRefused = entry.labels[AUTO_ALLOCATE_LABEL]?.toLowerCase() === 'false';
  return entry.addresses.length === 0 && entry.resolution !== 'NONE' && !isRefused;
}

/** `status.addresses`, which a controller of the mesh writes. What makes no sense is left out. */
export function publishedAddresses(status: unknown): readonly HostAddress[] {
  const addresses: unknown = isRecord(status) ? status['addresses'] : undefined;
  if (!Array.isArray(addresses)) return [];
  const all: readonly unknown[] = addresses;
  return all.filter(isRecord).flatMap(({ value, host }) => {
    const address = typeof value === 'string' ? canonicalIp(value) : undefined;
    if (address === undefined) return [];
    return [{ address, host: typeof host === 'string' ? canonicalHost(host) : '' }];
  });
}
