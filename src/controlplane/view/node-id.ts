// How the map calls workloads and peers. Pure.
import { parsePeerName } from '#base/peer-name.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { workloadOfPeer } from '#resolve/workload-facts.ts';

/** `wl:<namespace>/<workload>`: one for all instances of a workload. */
export const nodeIdOf = (workload: Pick<Workload, 'namespace' | 'name' | 'labels'>): string =>
  `wl:${workload.namespace}/${workloadName(workload)}`;

/**
 * The node that a peer's name (`base/peer-name.ts`) means: a workload, one that has been and left
 * its certificate's name, or an address that means nothing.
 */
export function nodeIdOfPeer(mesh: Mesh, name: string): string {
  const workload = workloadOfPeer(mesh, name);
  if (workload) return nodeIdOf(workload);
  const peer = parsePeerName(name);
  if (peer?.kind === 'address') return `ip:${peer.address}`;
  const { namespace, serviceAccount, workload: named } = peer?.identity ?? {};
  return peer === undefined ? `host:${name}` : `wl:${namespace}/${named?.name ?? serviceAccount}`;
}

export type NodeName =
  | { readonly kind: 'workload'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'host' | 'address'; readonly name: string };

/** Reads an id; undefined: it is none. */
export function parseNodeId(id: string): NodeName | undefined {
  const [, namespace, workload] = /^wl:([^/]+)\/(.+)$/.exec(id) ?? [];
  if (namespace !== undefined && workload !== undefined) {
    return { kind: 'workload', namespace, name: workload };
  }
  const [, form, name] = /^(host|ip):(.+)$/.exec(id) ?? [];
  if (form === undefined || name === undefined) return undefined;
  return { kind: form === 'host' ? 'host' : 'address', name };
}
