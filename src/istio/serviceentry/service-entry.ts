// A ServiceEntry as the mesh uses it: hosts, and what stands behind them.
import { canonicalCidr, canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON } from '../acted-on.ts';
import { entryProtocol } from '../core/protocol.ts';
import type { Protocol } from '../core/protocol.ts';
import { trafficDistributionOf } from '../core/service.ts';
import type { TrafficDistribution } from '../core/service.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { workloadAddressOf } from '../workloadentry/workload-entry.ts';
import type { WorkloadAddress } from '../workloadentry/workload-entry.ts';
import {
  canonicalHost,
  publishedAddresses,
  wantsAutomaticAddresses,
  type HostAddress,
} from './automatic-address.ts';
import { checkServiceEntry } from './check.ts';
import { serviceEntryKind } from './schema.ts';
import type { ServiceEntrySpec } from './schema.ts';

export type ServiceEntryPort = {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  readonly targetPort: number | undefined;
};

export type ServiceEntryResolution = NonNullable<ServiceEntrySpec['resolution']>;

export type ServiceEntry = ParsedMeta & {
  /** At least one; the first label may be `*`. */
  readonly hosts: readonly string[];
  /** Canonical addresses and CIDRs, as written. */
  readonly addresses: readonly string[];
  /** Those that the mesh has given to hosts; none where any is written, or none is wanted. */
  readonly automaticAddresses: readonly HostAddress[];
  readonly ports: readonly ServiceEntryPort[];
  readonly isExternal: boolean;
  readonly resolution: ServiceEntryResolution;
  readonly endpoints: readonly WorkloadAddress[];
  /** Labels of the Pods and WorkloadEntries behind it; empty selects none. */
  readonly selector: Readonly<Record<string, string>>;
  /** As written: `.`, `*`, `~`, namespaces; empty for the mesh's default. */
  readonly exportTo: readonly string[];
  readonly subjectAltNames: readonly string[];
  readonly trafficDistribution: TrafficDistribution;
  readonly remarks: readonly Violation[];
};

export function parseServiceEntry(object: KubeObject): ParseResult<ServiceEntry> {
  return parseObject(serviceEntryKind, object, (spec, meta, at) => {
    checkServiceEntry(spec, meta.namespace, at);
    const { resolution = 'NONE', exportTo = [], subjectAltNames = [] } = spec;
    const entry = {
      ...meta,
      hosts: spec.hosts.map(canonicalHost),
      addresses: addressesOf(spec.addresses ?? []),
      ports: (spec.ports ?? []).map((port) => ({
        number: port.number,
        name: port.name,
        protocol: entryProtocol({ ...port, protocol: port.protocol ?? '' }),
        targetPort: port.targetPort,
      })),
      isExternal: spec.location !== 'MESH_INTERNAL',
      resolution,
      endpoints: (spec.endpoints ?? []).map(workloadAddressOf),
      selector: spec.workloadSelector?.labels ?? {},
      exportTo,
      subjectAltNames,
      trafficDistribution: trafficDistributionOf(meta),
      remarks: resolution === 'DYNAMIC_DNS' ? [DYNAMIC] : [],
    };
    const isGivenAny = wantsAutomaticAddresses(entry);
    return { ...entry, automaticAddresses: isGivenAny ? publishedAddresses(object.status) : [] };
  });
}

const DYNAMIC: Violation = {
  field: 'spec.resolution',
  message: `DYNAMIC_DNS is ${NOT_ACTED_ON}: connections are refused`,
};

/** The addresses of one of its hosts. */
export function addressesOfHost(entry: ServiceEntry, host: string): readonly string[] {
  const automatic = entry.automaticAddresses.filter((it) => it.host === '' || it.host === host);
  return [...entry.addresses, ...automatic.map(({ address }) => address)];
}

function addressesOf(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => canonicalAddress(text) ?? []);
}

/** A range of one address is that address. */
function canonicalAddress(text: string): string | undefined {
  if (!text.includes('/')) return canonicalIp(text);
  const cidr = canonicalCidr(text);
  return cidr?.replace(/^([\d.]+)\/32$|^([\da-f:]+)\/128$/, '$1$2');
}
