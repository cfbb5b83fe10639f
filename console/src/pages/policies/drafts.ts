// Texts that another page hands over to the editor, and those that were left unfinished: they wait
// here until their policy is opened. Kept in memory only: a policy is no thing to leave in storage.
import type { PolicyReference } from '../../api/types.ts';

const DRAFTS_MAX = 50;
const drafts = new Map<string, string>();

const keyOf = ({ kind, namespace, name }: PolicyReference): string =>
  `${kind}/${namespace}/${name}`;

export function leaveDraft(of: PolicyReference, yaml: string): void {
  drafts.delete(keyOf(of));
  drafts.set(keyOf(of), yaml);
  const [oldest] = drafts.keys();
  if (drafts.size > DRAFTS_MAX && oldest !== undefined) drafts.delete(oldest);
}

export const draftOf = (of: PolicyReference): string | undefined => drafts.get(keyOf(of));

export const dropDraft = (of: PolicyReference): boolean => drafts.delete(keyOf(of));
