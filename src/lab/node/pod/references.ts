// Which Secrets and ConfigMaps a container's environment and a Pod's volumes ask for. Pure.
import type { ObjectKind } from './objects.ts';
import type { ContainerSpec, VolumePart } from './spec.ts';

export type Reference = { readonly kind: ObjectKind; readonly name: string };

export function environmentReferences({ env, envFrom }: ContainerSpec): Reference[] {
  const single = env.flatMap((variable) => {
    if (!('from' in variable)) return [];
    const { from } = variable;
    return from.kind === 'secret' || from.kind === 'configmap'
      ? [{ kind: from.kind, name: from.object }]
      : [];
  });
  return unique([...single, ...envFrom.map(({ kind, object }) => ({ kind, name: object }))]);
}

export function volumeReferences(parts: readonly VolumePart[]): Reference[] {
  return unique(
    parts.flatMap((part) =>
      part.kind === 'secret' || part.kind === 'configmap'
        ? [{ kind: part.kind, name: part.object }]
        : [],
    ),
  );
}

export const referenceKey = ({ kind, name }: Reference): string => `${kind}/${name}`;

function unique(references: readonly Reference[]): Reference[] {
  return [...new Map(references.map((it) => [referenceKey(it), it])).values()];
}
