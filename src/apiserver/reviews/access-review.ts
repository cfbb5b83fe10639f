// Questions about access: may this user do that, what may I do, who am I?
import type { Attributes, Authorizer } from '../auth/authorizer.ts';
import type { UserInfo } from '../auth/user.ts';
import type { Review, SpecialContext } from '../http/special.ts';
import { defineTransient } from '../kinds/define.ts';
import type { JsonObject } from '../object.ts';
import { isJsonObject, listAt, objectAt, stringAt } from '../object.ts';
import type { RbacAuthorizer } from '../rbac/rbac-authorizer.ts';
import { badRequest } from '../status.ts';

const AUTHORIZATION = 'authorization.k8s.io/v1';

export type AccessReviewParts = {
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
};

export function accessReviews(parts: AccessReviewParts): readonly Review[] {
  const { authorizer } = parts;
  return [
    review('SelfSubjectAccessReview', 'Cluster', (spec, { user }) =>
      decide(authorizer, spec, user),
    ),
    review('SubjectAccessReview', 'Cluster', (spec) => decide(authorizer, spec, subjectOf(spec))),
    review('LocalSubjectAccessReview', 'Namespaced', (spec, { info }) => {
      const namespace = stringAt(objectAt(spec, 'resourceAttributes'), 'namespace');
      if (namespace === info.namespace) return decide(authorizer, spec, subjectOf(spec));
      throw badRequest('spec.resourceAttributes.namespace must match the namespace of the request');
    }),
    review('SelfSubjectRulesReview', 'Cluster', (spec, { user }) => rulesStatus(parts, spec, user)),
    {
      served: defineTransient({
        api: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
        plural: 'selfsubjectreviews',
        type: 'authn.SelfSubjectReview',
        scope: 'Cluster',
      }),
      answer: (_, { user }) => ({ metadata: {}, status: { userInfo: user } }),
    },
  ];
}

function review(
  kind: string,
  scope: 'Cluster' | 'Namespaced',
  status: (spec: JsonObject, context: SpecialContext) => JsonObject,
): Review {
  return {
    served: defineTransient({
      api: AUTHORIZATION,
      kind,
      plural: `${kind.toLowerCase()}s`,
      type: `authz.${kind}`,
      scope,
    }),
    answer: (question, context) => {
      const spec = objectAt(question, 'spec');
      return { metadata: {}, spec, status: status(spec, context) };
    },
  };
}

function subjectOf(spec: JsonObject): UserInfo {
  const groups = listAt(spec, 'groups').filter((group) => typeof group === 'string');
  return { username: stringAt(spec, 'user'), groups };
}

function decide(authorizer: Authorizer, spec: JsonObject, user: UserInfo): JsonObject {
  const { isAllowed, reason } = authorizer.authorize(attributesOf(spec, user));
  return { allowed: isAllowed, ...(reason !== '' && { reason }) };
}

/** @throws StatusError when the question is about neither a resource nor a path, or about both */
function attributesOf(spec: JsonObject, user: UserInfo): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (isJsonObject(resource) === isJsonObject(path)) {
    throw badRequest(
      'exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be given',
    );
  }
  if (isJsonObject(path)) {
    const verb = stringAt(path, 'verb');
    return { user, verb, isResource: false, path: stringAt(path, 'path') };
  }
  const of = isJsonObject(resource) ? resource : {};
  return {
    user,
    verb: stringAt(of, 'verb'),
    isResource: true,
    group: stringAt(of, 'group'),
    resource: stringAt(of, 'resource'),
    subresource: stringAt(of, 'subresource'),
    namespace: stringAt(of, 'namespace'),
    name: stringAt(of, 'name'),
  };
}

function rulesStatus({ rbac }: AccessReviewParts, spec: JsonObject, user: UserInfo): JsonObject {
  const rules = rbac.rulesFor(user, stringAt(spec, 'namespace'));
  const isPath = (rule: (typeof rules)[number]) => (rule.nonResourceURLs ?? []).length > 0;
  return {
    incomplete: false,
    resourceRules: rules
      .filter((rule) => !isPath(rule))
      .map(({ verbs, apiGroups = [], resources = [], resourceNames = [] }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames.length > 0 && { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(isPath)
      .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
  };
}
