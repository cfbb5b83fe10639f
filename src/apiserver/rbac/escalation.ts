// Nobody gives away more than they have: who writes a role or binds one must be allowed everything
// in it, or be allowed to `escalate` or `bind` outright.
import type { Admission, AdmissionRequest } from '../admission/admission.ts';
import type { Attributes, Authorizer } from '../auth/authorizer.ts';
import { ruleCovers } from '../auth/rules.ts';
import type { PolicyRule } from '../auth/rules.ts';
import type { UserInfo } from '../auth/user.ts';
import { isSameJson } from '../object.ts';
import { forbiddenFor } from '../status.ts';
import type { RbacAuthorizer } from './rbac-authorizer.ts';
import { bindingOf, rulesOf } from './rules-of.ts';

const GROUP = 'rbac.authorization.k8s.io';

export type EscalationParts = {
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
};

/** @returns an admission step that only judges */
export function escalationCheck(parts: EscalationParts): Admission {
  return {
    mutate: () => Promise.resolve(),
    validate: (request) => {
      check(parts, request);
      return Promise.resolve();
    },
  };
}

function check({ authorizer, rbac }: EscalationParts, request: AdmissionRequest): void {
  const { scope, object, previous, name } = request;
  const { kind } = scope.served;
  if (kind.group !== GROUP || !object) return;
  const isBinding = kind.kind.endsWith('Binding');
  const field = isBinding ? 'roleRef' : 'rules';
  const isSame = previous !== undefined && isSameJson(previous[field], object[field]);
  if (isSame && !isBinding) return;
  const binding = bindingOf(object);
  const rules = isBinding ? rbac.rulesOfRole(binding) : rulesOf(object);
  const target = isBinding ? binding.role.name : name;
  const plural = isBinding ? `${binding.role.kind.toLowerCase()}s` : kind.plural;
  const attributes: Attributes = {
    user: scope.user,
    verb: isBinding ? 'bind' : 'escalate',
    isResource: true,
    group: GROUP,
    resource: plural,
    subresource: '',
    namespace: scope.namespace,
    name: target,
  };
  if (authorizer.authorize(attributes).isAllowed) return;
  const missing = notCovered(rules, rbac.rulesFor(scope.user, scope.namespace), scope.user);
  if (missing.length === 0) return;
  const why = `user ${JSON.stringify(scope.user.username)} (groups=${JSON.stringify(scope.user.groups)}) is attempting to grant RBAC permissions not currently held:\n${missing.join('\n')}`;
  throw forbiddenFor(kind, name, why);
}

/** At most so many missing permissions are named. */
const NAMED_MAX = 20;

function notCovered(
  rules: readonly PolicyRule[],
  held: readonly PolicyRule[],
  user: UserInfo,
): readonly string[] {
  const wanted = rules.flatMap((rule) => single(rule, user));
  return wanted
    .filter(({ attributes }) => !held.some((rule) => ruleCovers(rule, attributes)))
    .slice(0, NAMED_MAX)
    .map(({ text }) => text);
}

type Single = { readonly attributes: Attributes; readonly text: string };

/** A rule taken apart into single permissions. A `*` is covered by a `*` only. */
function single(rule: PolicyRule, user: UserInfo): readonly Single[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [''] : resourceNames;
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((path): Single => ({
      attributes: { user, verb, isResource: false, path },
      text: `{NonResourceURLs:[${path}], Verbs:[${verb}]}`,
    })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((text) =>
        names.map((name): Single => {
          const [resource = '', subresource = ''] = text.split('/');
          const place = { group, resource, subresource, namespace: '', name };
          return {
            attributes: { user, verb, isResource: true, ...place },
            text: `{APIGroups:[${JSON.stringify(group)}], Resources:[${JSON.stringify(text)}], Verbs:[${JSON.stringify(verb)}]}`,
          };
        }),
      ),
    ),
  ]);
}
