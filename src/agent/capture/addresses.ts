// Which destinations are inside the mesh, as the elements of kernel sets: merged ranges, single
// addresses outside them, and the control plane, which is never captured. Pure.
import {
  cidrsOf,
  normalizeRanges,
  parseIp,
  parseRange,
  rangesContain,
  renderIp,
  type IpRange,
  type IpVersion,
} from '#base/ip.ts';
import type { HostPort } from '../settings.ts';

/** What the control plane says is the mesh (message isthmus.v1.MeshAddresses). */
export type MeshAddresses = {
  readonly ranges: readonly string[];
  readonly addresses: readonly string[];
};

/** Elements by the name of their set, each list sorted and without repetition. */
export type CaptureSets = { readonly [name in SetName]: readonly string[] };

/** Of each set, its elements in full; the sets of DNS servers are apart (see `planDnsServers`). */
export const SET_NAMES = [
  'mesh_ranges4',
  'mesh_ranges6',
  'mesh_addresses4',
  'mesh_addresses6',
  'control_plane4',
  'control_plane6',
] as const;
export type SetName = (typeof SET_NAMES)[number];

/**
 * The address and port that the agent dials to see that traffic is captured. It is in the sets
 * whatever the control plane says, and no workload can have it: it is the first address of the
 * block that Istio allocates VIPs from (240.240.0.0/16), which never leaves the machine.
 */
export const PROBE: HostPort = { host: '240.240.0.1', port: 15_002 };

/** More than this is not a mesh but a mistake: nft would take seconds to load it. */
const RANGES_MAX = 10_000;
const ADDRESSES_MAX = 100_000;

/** The first thing that is wrong with what the control plane said, or undefined. */
export function meshAddressesProblem(mesh: MeshAddresses): string | undefined {
  if (mesh.ranges.length > RANGES_MAX) {
    return `${mesh.ranges.length} ranges, at most ${RANGES_MAX} are taken`;
  }
  if (mesh.addresses.length > ADDRESSES_MAX) {
    return `${mesh.addresses.length} addresses, at most ${ADDRESSES_MAX} are taken`;
  }
  const range = mesh.ranges.find((text) => !parseRange(text));
  if (range !== undefined) return `"${range}" is not a range`;
  const address = mesh.addresses.find((text) => !parseIp(text));
  return address === undefined ? undefined : `"${address}" is not an address`;
}

/**
 * @param options.mesh what `meshAddressesProblem` has found nothing wrong with
 * @param options.ranges captured too (ISTIO_SERVICE_CIDR)
 * @param options.controlPlane addresses (not names) that the agent itself dials
 */
export function captureSets(options: {
  readonly mesh: MeshAddresses;
  readonly ranges: readonly string[];
  readonly controlPlane: readonly HostPort[];
}): CaptureSets {
  const ranges = normalizeRanges(
    [...options.mesh.ranges, ...options.ranges]
      .map(parseRange)
      .filter((range) => range !== undefined),
  );
  const singles = [...options.mesh.addresses, PROBE.host]
    .map(parseIp)
    .filter((ip) => ip !== undefined)
    .filter((ip) => !rangesContain(ranges, ip));
  const rangesOf = (version: IpVersion): string[] =>
    ranges.filter((range) => range.version === version).map(renderRange);
  const singlesOf = (version: IpVersion): string[] =>
    sorted(singles.filter((ip) => ip.version === version).map(renderIp));
  const controlPlaneOf = (version: IpVersion): string[] =>
    sorted(
      options.controlPlane.flatMap(({ host, port }) => {
        const ip = parseIp(host);
        return ip?.version === version ? [`${renderIp(ip)} . ${port}`] : [];
      }),
    );
  return {
    mesh_ranges4: rangesOf(4),
    mesh_ranges6: rangesOf(6),
    mesh_addresses4: singlesOf(4),
    mesh_addresses6: singlesOf(6),
    control_plane4: controlPlaneOf(4),
    control_plane6: controlPlaneOf(6),
  };
}

/** One element of an interval set: a prefix where the range is one, else `first-last`. */
export function renderRange(range: IpRange): string {
  const [cidr = '', ...more] = cidrsOf(range);
  const { version, first, last } = range;
  if (first === last) return renderIp({ version, value: first });
  if (more.length === 0) return cidr;
  return `${renderIp({ version, value: first })}-${renderIp({ version, value: last })}`;
}

const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort();
