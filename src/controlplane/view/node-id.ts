// How the map calls workloads and peers. Pure.
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';

/** `wl:<namespace>/<workload>`: one for all instances of a workload. */
export const nodeIdOf = (workload: Pick<Workload, 'namespace' | 'name' | 'labels'>): string =>
  `wl:${workload.namespace}/${workloadName(workload)}`;

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
