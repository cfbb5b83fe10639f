// Which workload a user means by a name, on the debug pages. Pure.
import { certificateNameOf } from '#base/workload-identity.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';

export type Found<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** More names than this in a complaint help nobody. */
const CANDIDATES_MAX = 10;
/** Labels that name the workload which several Pods or machines are instances of. */
const NAME_LABELS = ['service.istio.io/workload-name', 'app'];

/** `inventory-1.default`, as istioctl names proxies. */
export const proxyName = ({ name, namespace }: Pick<Workload, 'name' | 'namespace'>): string =>
  `${name}.${namespace}`;

/**
 * A Pod or WorkloadEntry by what people call it: its name, `name.namespace`, `namespace/name`, the
 * name that it is registered under, or its name without the last word (a Deployment's).
 *
 * @param namespace where a bare name is looked for first; then everywhere
 */
export function findWorkload(mesh: Mesh, text: string, namespace: string): Found<Workload> {
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const exact = mesh.workloads.get(text);
  if (exact) return { ok: true, value: exact };
  for (const [name, within] of readings(text, namespace)) {
    const there = all.filter((one) => within === undefined || one.namespace === within);
    for (const matches of MATCHERS) {
      const found = there.filter((one) => matches(one, name));
      const [first, ...others] = found;
      if (first && others.length === 0) return { ok: true, value: first };
      if (first) return { ok: false, problem: `${text} may be any of ${listOf(found)}` };
    }
  }
  return { ok: false, problem: `the mesh has no workload ${text}; it has ${listOf(all)}` };
}

const MATCHERS: readonly ((workload: Workload, name: string) => boolean)[] = [
  (workload, name) => workload.name === name,
  ({ labels }, name) => NAME_LABELS.some((label) => labels[label] === name),
  (workload, name) => workload.name.startsWith(`${name}-`),
];

/** What a text may mean, the narrowest first. Names may have dots in them, namespaces may not. */
function readings(
  text: string,
  namespace: string,
): readonly (readonly [name: string, namespace: string | undefined])[] {
  const [, slashed, rest] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (slashed !== undefined && rest !== undefined) return [[rest, slashed]];
  const [, name, dotted] = /^(.+)\.([^.]+)$/.exec(text) ?? [];
  return [
    [text, namespace],
    ...(name === undefined ? [] : [[name, dotted] as const]),
    [text, undefined],
  ];
}

function listOf(workloads: readonly Workload[]): string {
  if (workloads.length === 0) return 'none';
  const names = workloads.map(proxyName).toSorted();
  const shown = names.slice(0, CANDIDATES_MAX).join(', ');
  const more = names.length - CANDIDATES_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** The xDS server's name for that proxy's streams. */
export const streamId = ({ kind, namespace, name }: Workload): string =>
  `${kind}/${namespace}/${certificateNameOf(name)}`;
