// A Kubernetes Service, as far as the mesh uses it.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parseMeta, stringsOf } from '../object.ts';
import type { ParsedMeta } from '../object.ts';
import { fieldsOf, objectsAt, portAt, textAt, textsAt } from './fields.ts';
import { kubeProtocol } from './protocol.ts';
import type { Protocol } from './protocol.ts';

export type KubeServicePort = {
  readonly number: number;
  /** Empty when the only port has none. */
  readonly name: string;
  readonly protocol: Protocol;
  /** A port, or the name of one of the workload's ports. */
  readonly targetPort: number | string;
};

export type KubeService = ParsedMeta & {
  /** Canonical. */
  readonly clusterIps: readonly string[];
  readonly isHeadless: boolean;
  /** The name that a Service of type ExternalName stands for; empty otherwise. */
  readonly externalName: string;
  /** TCP only: the mesh carries nothing else. */
  readonly ports: readonly KubeServicePort[];
  /** Empty selects nothing. */
  readonly selector: Readonly<Record<string, string>>;
  readonly publishesNotReady: boolean;
  /** As annotated: `.`, `*`, `~`, namespaces; empty for the mesh's default. */
  readonly exportTo: readonly string[];
  /** Canonical addresses by which it is reached from outside: its own, its load balancer's. */
  readonly externalAddresses: readonly string[];
  readonly trafficDistribution: TrafficDistribution;
  /** Is a client only ever served by what runs on its own node (internalTrafficPolicy Local)? */
  readonly isNodeLocal: boolean;
};

/** Where clients are to be served from, if possible. */
export type TrafficDistribution = 'any' | 'zone' | 'close' | 'node';

const EXPORT_TO = 'networking.istio.io/exportTo';
/** Istio's word for it, on ServiceEntries and where Kubernetes has none yet. */
const DISTRIBUTION = 'networking.istio.io/traffic-distribution';

const DISTRIBUTIONS: ReadonlyMap<string, TrafficDistribution> = new Map([
  ['preferclose', 'close'],
  ['prefersamezone', 'zone'],
  ['prefersamenode', 'node'],
]);

/** @param spec what `spec.trafficDistribution` says; the annotation wins, as in Istio */
export function trafficDistributionOf(
  { annotations }: Pick<ParsedMeta, 'annotations'>,
  spec = '',
): TrafficDistribution {
  return DISTRIBUTIONS.get((annotations[DISTRIBUTION] ?? spec).toLowerCase()) ?? 'any';
}

export function parseService(object: KubeObject): KubeService {
  const meta = parseMeta(object);
  const spec = fieldsOf(object.spec);
  const clusterIp = textAt(spec, 'clusterIP');
  const all = textsAt(spec, 'clusterIPs');
  return {
    ...meta,
    clusterIps: (all.length > 0 ? all : [clusterIp]).flatMap((ip) => canonicalIp(ip) ?? []),
    isHeadless: clusterIp === 'None' || all.includes('None'),
    externalName: textAt(spec, 'type') === 'ExternalName' ? textAt(spec, 'externalName') : '',
    ports: objectsAt(spec, 'ports').flatMap(portOf),
    selector: stringsOf(spec['selector']),
    publishesNotReady: spec['publishNotReadyAddresses'] === true,
    exportTo: (meta.annotations[EXPORT_TO] ?? '').split(',').flatMap((text) => text.trim() || []),
    externalAddresses: externalAddressesOf(object),
    trafficDistribution: trafficDistributionOf(meta, textAt(spec, 'trafficDistribution')),
    isNodeLocal: textAt(spec, 'internalTrafficPolicy') === 'Local',
  };
}

function externalAddressesOf(object: KubeObject): readonly string[] {
  const { loadBalancer } = fieldsOf(object.status);
  const texts = [
    ...objectsAt(fieldsOf(loadBalancer), 'ingress').map((entry) => textAt(entry, 'ip')),
    ...textsAt(fieldsOf(object.spec), 'externalIPs'),
  ];
  return [...new Set(texts.flatMap((text) => canonicalIp(text) ?? []))].sort();
}

function portOf(port: Readonly<Record<string, unknown>>): KubeServicePort[] {
  const number = portAt(port, 'port');
  const transport = textAt(port, 'protocol') || 'TCP';
  if (number === undefined || transport !== 'TCP') return [];
  const name = textAt(port, 'name');
  const appProtocol = textAt(port, 'appProtocol');
  return [
    {
      number,
      name,
      protocol: kubeProtocol({ number, name, appProtocol, transport }),
      targetPort: portAt(port, 'targetPort') ?? (textAt(port, 'targetPort') || number),
    },
  ];
}
