// Which policies the list shows. Pure.
import type { PolicySummary, PolicyReference } from '../../api/types.ts';
import type { Tone } from '../../components/badge.tsx';

export type Filter = {
  readonly text: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly kind: string;
  readonly isProblemsOnly: boolean;
};

export const policyKey = ({ kind, namespace, name }: PolicyReference): string =>
  `${kind}/${namespace}/${name}`;

export function shown(
  policies: readonly PolicySummary[],
  { text, namespaces, kind, isProblemsOnly }: Filter,
): readonly PolicySummary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return policies.filter(
    (policy) =>
      (kind === '' || policy.kind === kind) &&
      (namespaces.length === 0 || namespaces.includes(policy.namespace)) &&
      (!isProblemsOnly || policy.conflicts.length > 0 || (policy.denied ?? 0) > 0) &&
      words.every((word) => textOf(policy).includes(word)),
  );
}

const textOf = (policy: PolicySummary): string =>
  [policy.kind, policy.namespace, policy.name, policy.scope, policy.effect, ...policy.targets]
    .join(' ')
    .toLowerCase();

export const kindsOf = (policies: readonly PolicySummary[]): readonly string[] =>
  [...new Set(policies.map(({ kind }) => kind))].toSorted();

export function effectTone(effect: string): Tone {
  if (effect.startsWith('DENY') || effect.startsWith('DISABLE')) return 'warn';
  return effect.startsWith('STRICT') ? 'good' : 'neutral';
}
