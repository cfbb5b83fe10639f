// What Namespaces and Nodes tell of where their workloads are.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parseMeta } from '../object.ts';
import { fieldsOf, objectsAt, textAt } from './fields.ts';

export type Namespace = {
  readonly name: string;
  /** The network of its workloads that do not say; empty for none. */
  readonly network: string;
};

export type Node = {
  readonly name: string;
  /** Canonical. */
  readonly addresses: readonly string[];
  /** `region/zone/subzone`; empty when unknown. */
  readonly locality: string;
};

export const NETWORK_LABEL = 'topology.istio.io/network';

export function parseNamespace(object: KubeObject): Namespace {
  const { name, labels } = parseMeta(object);
  return { name, network: labels[NETWORK_LABEL] ?? '' };
}

export function parseNode(object: KubeObject): Node {
  const { name, labels } = parseMeta(object);
  const addresses = objectsAt(fieldsOf(object.status), 'addresses');
  const parts = [
    labels['topology.kubernetes.io/region'] ?? '',
    labels['topology.kubernetes.io/zone'] ?? '',
    labels['topology.istio.io/subzone'] ?? '',
  ];
  return {
    name,
    addresses: addresses.flatMap((address) => canonicalIp(textAt(address, 'address')) ?? []),
    locality: parts.join('/').replace(/\/+$/, ''),
  };
}
