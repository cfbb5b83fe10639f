// May this user do that? Deny is the answer unless somebody allows.
import type { UserInfo } from './user.ts';
import { GROUP_MASTERS } from './user.ts';

export type Attributes = {
  readonly user: UserInfo;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, … */
  readonly verb: string;
} & (
  | {
      readonly isResource: true;
      readonly group: string;
      readonly resource: string;
      readonly subresource: string;
      /** Empty: cluster-scoped, or all namespaces. */
      readonly namespace: string;
      /** Empty: all, or a name that is not known yet. */
      readonly name: string;
    }
  | { readonly isResource: false; readonly path: string }
);

export type Decision = { readonly isAllowed: boolean; readonly reason: string };

export interface Authorizer {
  authorize(attributes: Attributes): Decision;
}

export const DENIED: Decision = { isAllowed: false, reason: '' };

/** `system:masters` may do everything: the way in when all else is misconfigured. */
export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }) =>
    user.groups.includes(GROUP_MASTERS)
      ? { isAllowed: true, reason: `group ${GROUP_MASTERS} may do everything` }
      : DENIED,
};

/** Allowed when one of them allows. */
export function anyOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes);
        if (decision.isAllowed) return decision;
      }
      return DENIED;
    },
  };
}

/** Why a request is refused, in Kubernetes' words. */
export function renderDenial(attributes: Attributes): string {
  const user = `User ${JSON.stringify(attributes.user.username)}`;
  if (!attributes.isResource) {
    return `${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  }
  const { group, resource, subresource, namespace, verb } = attributes;
  const thing = subresource === '' ? resource : `${resource}/${subresource}`;
  const where =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `${user} cannot ${verb} resource ${JSON.stringify(thing)} in API group ${JSON.stringify(group)} ${where}`;
}
