// What another page proposes to apply: looked at first, then applied so that it undoes itself.
import type { PolicyDocument, PolicyImpact, PolicyReference } from '../../api/types.ts';
import { findPolicy, previewPolicy, writePolicy } from './api.ts';
import { leaveDraft } from './drafts.ts';
import { at } from './json.ts';
import { readYaml } from './yaml-edit.ts';

export type FixPlan = {
  readonly of: PolicyReference;
  readonly yaml: string;
  readonly isNew: boolean;
  readonly version: string;
  readonly impact: PolicyImpact;
};

/** @throws Error of a text that is no object */
export function referenceIn(yaml: string): PolicyReference {
  const { value, problems } = readYaml(yaml);
  const [problem] = problems;
  if (problem) throw new Error(`line ${problem.line}: ${problem.text}`);
  const word = (path: readonly string[]): string => {
    const found = at(value, path);
    return typeof found === 'string' ? found : '';
  };
  const of = {
    kind: word(['kind']),
    namespace: word(['metadata', 'namespace']) || 'default',
    name: word(['metadata', 'name']),
  };
  if (of.kind === '' || of.name === '') throw new Error('the text names no kind or no object');
  return of;
}

/** Also leaves it in the editor, for who wants to look closer. */
export async function planFix(yaml: string): Promise<FixPlan> {
  const of = referenceIn(yaml);
  const { signal } = new AbortController();
  const [current, impact] = await Promise.all([
    findPolicy(of),
    previewPolicy({ ...of, yaml, window: '24h' }, signal),
  ]);
  leaveDraft(of, yaml);
  return { of, yaml, isNew: !current, version: current?.resourceVersion ?? '', impact };
}

export const applyFix = ({ of, version, yaml }: FixPlan): Promise<PolicyDocument> =>
  writePolicy(of, version, 'confirm', { yaml, endsOpenConnections: false });
