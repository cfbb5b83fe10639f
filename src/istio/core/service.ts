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
};

const EXPORT_TO = 'networking.istio.io/exportTo';

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
  };
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
