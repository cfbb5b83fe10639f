// A Pod, as far as the mesh uses it.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { conditionStatus } from '../kind-parts.ts';
import { parseMeta } from '../object.ts';
import type { ParsedMeta } from '../object.ts';
import type { Health } from './endpoint-slice.ts';
import { fieldsOf, objectsAt, portAt, textAt } from './fields.ts';

export type Pod = ParsedMeta & {
  readonly serviceAccount: string;
  /** Canonical, the primary first; none before the Pod has one, and none after it has ended. */
  readonly addresses: readonly string[];
  /** Container ports by name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly health: Health;
  readonly nodeName: string;
};

export function parsePod(object: KubeObject): Pod {
  const spec = fieldsOf(object.spec);
  const status = fieldsOf(object.status);
  const phase = textAt(status, 'phase');
  const hasEnded = phase === 'Succeeded' || phase === 'Failed';
  return {
    ...parseMeta(object),
    serviceAccount: textAt(spec, 'serviceAccountName') || 'default',
    addresses: hasEnded ? [] : addressesOf(status),
    ports: portsOf(spec),
    health: healthOf(object),
    nodeName: textAt(spec, 'nodeName'),
  };
}

function addressesOf(status: Readonly<Record<string, unknown>>): readonly string[] {
  const texts = [
    textAt(status, 'podIP'),
    ...objectsAt(status, 'podIPs').map((entry) => textAt(entry, 'ip')),
  ];
  return [...new Set(texts.flatMap((text) => canonicalIp(text) ?? []))];
}

/** One for all the many Pods that name no port. */
const NO_PORTS: ReadonlyMap<string, number> = new Map();

/** Should two containers name a port alike, the first counts, as for a Service's targetPort. */
function portsOf(spec: Readonly<Record<string, unknown>>): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const port of objectsAt(spec, 'containers').flatMap((it) => objectsAt(it, 'ports'))) {
    const name = textAt(port, 'name');
    const number = portAt(port, 'containerPort');
    if (name !== '' && number !== undefined && !ports.has(name)) ports.set(name, number);
  }
  return ports.size === 0 ? NO_PORTS : ports;
}

/** A Pod without a word on its readiness was not written by a kubelet: it counts as ready. */
function healthOf({ metadata, status }: KubeObject): Health {
  if (metadata.deletionTimestamp !== undefined) return 'terminating';
  return (conditionStatus(status, 'Ready') ?? 'True') === 'True' ? 'ready' : 'unready';
}
