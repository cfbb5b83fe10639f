// Where a policy's page is. A file of its own, so that other pages link to it and load nothing
// else.
import type { PolicyReference } from '../../api/types.ts';

export const policyPath = ({ kind, namespace, name }: PolicyReference): string =>
  `/policies/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;
