// Where a policy's page is, and how it is called. A file of its own, so that other pages link to it
// and load nothing else.
import type { PolicyReference } from '../../api/types.ts';

/** In place of a namespace: a policy of the whole mesh is in none. */
const NO_NAMESPACE = '-';

export const policyPath = ({ kind, namespace, name }: PolicyReference): string =>
  `/policies/${[kind, namespace || NO_NAMESPACE, name].map(encodeURIComponent).join('/')}`;

/** Of a path's part. */
export const namespaceIn = (part: string): string => (part === NO_NAMESPACE ? '' : part);

/** `default/pg-allow` */
export const policyName = ({ namespace, name }: Omit<PolicyReference, 'kind'>): string =>
  namespace === '' ? name : `${namespace}/${name}`;
