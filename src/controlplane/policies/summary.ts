// A policy in one row: whom it is for, what it does, who keeps it. Pure.
import type { PolicyReference, PolicySummary } from '#api/policies.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { conflictsOf } from './conflicts.ts';
import { effectOf } from './effects.ts';
import { scopeOf, targetNames } from './targets.ts';

/** Of calls in the last day; null: the kind counts nothing. */
export type Hits = { readonly allowed: number | null; readonly denied: number | null };

export type SummaryParts = {
  readonly mesh: Mesh;
  /** All policies that may be in its way. */
  readonly peers: readonly KubeObject[];
  readonly hits: Hits;
  /** Who wrote it last, where it was written here; empty: somewhere else. */
  readonly writtenBy: string;
};

export function summaryOf(object: KubeObject, parts: SummaryParts): PolicySummary {
  const ref = refOf(object);
  const { mesh, hits, writtenBy } = parts;
  const change = lastChange(object);
  return {
    ...ref,
    scope: scopeOf(mesh, object),
    targets: targetNames(mesh, object),
    effect: effectOf(object),
    ...hits,
    conflicts: conflictsOf(object, parts),
    changedAtMs: change.atMs,
    changedBy: writtenBy || change.by,
    managedBy: managedBy(object),
  };
}

export const refOf = ({ kind = '', metadata }: KubeObject): PolicyReference => ({
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

/** The newest write of what its author says, by the server's own record. */
export function lastChange({ metadata }: KubeObject): {
  readonly atMs: number;
  readonly by: string;
} {
  const entries = objectsAt(fieldsOf(metadata), 'managedFields')
    .filter((entry) => textAt(entry, 'subresource') === '')
    .map((entry) => ({ atMs: Date.parse(textAt(entry, 'time')), by: textAt(entry, 'manager') }))
    .filter(({ atMs }) => !Number.isNaN(atMs))
    .toSorted((a, b) => b.atMs - a.atMs);
  const createdAtMs = Date.parse(metadata.creationTimestamp ?? '');
  return entries[0] ?? { atMs: Number.isNaN(createdAtMs) ? 0 : createdAtMs, by: '' };
}

/** By what the tools write on objects that they keep as their sources say. */
const KEEPERS: readonly (readonly [key: string, name: string])[] = [
  ['argocd.argoproj.io/tracking-id', 'Argo CD'],
  ['argocd.argoproj.io/instance', 'Argo CD'],
  ['kustomize.toolkit.fluxcd.io/name', 'Flux'],
  ['helm.toolkit.fluxcd.io/name', 'Flux'],
];

/** Empty: nobody would undo an edit. */
export function managedBy({ metadata }: KubeObject): string {
  const notes = { ...metadata.labels, ...metadata.annotations };
  return KEEPERS.find(([key]) => notes[key] !== undefined)?.[1] ?? '';
}
