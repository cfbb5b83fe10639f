// A WorkloadEntry as the mesh uses it: one workload that is no Pod, such as a VM.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { NETWORK_LABEL } from '../core/place.ts';
import { conditionStatus } from '../kind-parts.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult } from '../object.ts';
import type { Reading } from '../schema/reading.ts';
import { checkLabels, isDnsLabel, isHostname } from '../syntax.ts';
import { UNIX, workloadEntryKind } from './schema.ts';
import type { WorkloadEntrySpec } from './schema.ts';

/** What a WorkloadEntry and an endpoint written into a ServiceEntry have in common. */
export type WorkloadAddress = {
  /** Canonical, if it is an IP address; else a host name, `unix://…`, or empty (network only). */
  readonly address: string;
  /** By the service port's name; wins over every other port number. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  /** `region/zone/subzone`. */
  readonly locality: string;
  /** At least 1. */
  readonly weight: number;
  readonly serviceAccount: string;
  readonly takesMeshTls: boolean;
};

export type WorkloadEntry = ParsedMeta &
  WorkloadAddress & {
    /** False while a health check of this entry fails or has not been heard of yet. */
    readonly isHealthy: boolean;
  };

/** Says (`true`) that an entry is in use only while its agent reports it healthy. */
const HEALTH_CHECKED = 'proxy.istio.io/health-checks-enabled';

export const TLS_MODE = 'security.istio.io/tlsMode';

export function parseWorkloadEntry(object: KubeObject): ParseResult<WorkloadEntry> {
  return parseObject(workloadEntryKind, object, (spec, meta, at) => {
    checkWorkloadAddress(spec, at, { allowsHostname: true });
    // Istio: "labels in metadata and in spec are merged, metadata wins".
    const labels = { ...spec.labels, ...meta.labels };
    const isChecked = meta.annotations[HEALTH_CHECKED] === 'true';
    return {
      ...meta,
      ...workloadAddressOf({ ...spec, labels }),
      isHealthy: !isChecked || conditionStatus(object.status, 'Healthy') === 'True',
    };
  });
}

export function workloadAddressOf(spec: WorkloadEntrySpec): WorkloadAddress {
  const { address = '', labels = {}, serviceAccount = '' } = spec;
  return {
    address: canonicalIp(address) ?? address,
    ports: spec.ports ?? {},
    labels,
    network: spec.network || (labels[NETWORK_LABEL] ?? ''),
    locality: spec.locality || (labels['istio-locality'] ?? '').replaceAll('.', '/'),
    weight: spec.weight || 1,
    serviceAccount,
    // Without a word on it, an identity is what tells a workload in the mesh from one outside.
    takesMeshTls: (labels[TLS_MODE] ?? (serviceAccount === '' ? 'disabled' : 'istio')) === 'istio',
  };
}

/** Istio's rules for an entry that its schema cannot say. */
export function checkWorkloadAddress(
  spec: WorkloadEntrySpec,
  at: Reading,
  options: {
    readonly allowsHostname: boolean;
    /** Of the ServiceEntry that the entry stands in: it may name no other. */
    readonly portNames?: ReadonlySet<string>;
  },
): void {
  const { address = '', ports = {}, labels = {} } = spec;
  checkAddress(spec, at.property('address'), options.allowsHostname);
  for (const name of Object.keys(ports)) {
    const place = at.property('ports').key(name);
    if (!isDnsLabel(name)) place.refuse(`Invalid value: ${at.quote(name)}: not a port's name`);
    if (options.portNames && !options.portNames.has(name)) {
      place.refuse(`Invalid value: ${at.quote(name)}: the service entry has no port of this name`);
    }
  }
  checkLabels(labels, at.property('labels'));
  if (options.portNames && options.portNames.size !== 1 && address.startsWith(UNIX)) {
    at.property('address').refuse('Invalid value: a unix endpoint serves exactly one service port');
  }
}

function checkAddress(
  { address = '', network = '' }: WorkloadEntrySpec,
  at: Reading,
  allowsHostname: boolean,
): void {
  if (address === '' && network === '') return void at.missing();
  if (address === '' || address.startsWith(UNIX) || canonicalIp(address) !== undefined) return;
  if (allowsHostname && isHostname(address)) return;
  const wanted = allowsHostname ? 'an IP address or a host name' : 'an IP address';
  at.refuse(`Invalid value: ${at.quote(address)}: must be ${wanted}`);
}
