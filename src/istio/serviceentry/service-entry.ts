// A ServiceEntry as the mesh uses it: hosts, and what stands behind them.
import { canonicalCidr, canonicalIp } from '#base/ip.ts';
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { entryProtocol } from '../core/protocol.ts';
import type { Protocol } from '../core/protocol.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult } from '../object.ts';
import { workloadAddressOf } from '../workloadentry/workload-entry.ts';
import type { WorkloadAddress } from '../workloadentry/workload-entry.ts';
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
  /** Canonical addresses and CIDRs: those written, or else those given automatically. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServiceEntryPort[];
  readonly isExternal: boolean;
  readonly resolution: ServiceEntryResolution;
  readonly endpoints: readonly WorkloadAddress[];
  /** Labels of the Pods and WorkloadEntries behind it; empty selects none. */
  readonly selector: Readonly<Record<string, string>>;
  /** As written: `.`, `*`, `~`, namespaces; empty for the mesh's default. */
  readonly exportTo: readonly string[];
  readonly subjectAltNames: readonly string[];
};

export function parseServiceEntry(object: KubeObject): ParseResult<ServiceEntry> {
  return parseObject(serviceEntryKind, object, (spec, meta, at) => {
    checkServiceEntry(spec, meta.namespace, at);
    const { resolution = 'NONE', exportTo = [], subjectAltNames = [] } = spec;
    const written = addressesOf(spec.addresses ?? []);
    return {
      ...meta,
      hosts: spec.hosts.map(canonicalHost),
      addresses: written.length > 0 ? written : addressesOf(givenAddresses(object.status)),
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
    };
  });
}

/** One spelling for one host: DNS knows no case, and a final dot changes nothing. */
const canonicalHost = (host: string): string => host.toLowerCase().replace(/\.$/, '');

function addressesOf(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => canonicalAddress(text) ?? []);
}

/** A range of one address is that address. */
function canonicalAddress(text: string): string | undefined {
  if (!text.includes('/')) return canonicalIp(text);
  const cidr = canonicalCidr(text);
  return cidr?.replace(/^([\d.]+)\/32$|^([\da-f:]+)\/128$/, '$1$2');
}

/** `status.addresses[].value`, which a controller of the mesh writes. */
function givenAddresses(status: unknown): readonly string[] {
  const addresses: unknown = isRecord(status) ? status['addresses'] : undefined;
  if (!Array.isArray(addresses)) return [];
  const all: readonly unknown[] = addresses;
  return all.filter(isRecord).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}
