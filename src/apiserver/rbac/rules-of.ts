// RBAC's objects as our own types.
import type { PolicyRule } from '../auth/rules.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { listAt, objectAt, objectsAt, stringAt } from '../object.ts';

export type Subject = {
  readonly kind: 'User' | 'Group' | 'ServiceAccount';
  readonly name: string;
  readonly namespace: string;
};

export type RoleRef = { readonly kind: 'Role' | 'ClusterRole'; readonly name: string };

export type Binding = {
  /** Empty: everywhere. */
  readonly namespace: string;
  readonly name: string;
  readonly role: RoleRef;
  readonly subjects: readonly Subject[];
};

export function rulesOf(role: KubeObject): readonly PolicyRule[] {
  return objectsAt(role, 'rules').map((rule) => policyRule(rule));
}

function policyRule(rule: JsonObject): PolicyRule {
  const texts = (field: string) => listAt(rule, field).filter((one) => typeof one === 'string');
  return {
    verbs: texts('verbs'),
    apiGroups: texts('apiGroups'),
    resources: texts('resources'),
    resourceNames: texts('resourceNames'),
    nonResourceURLs: texts('nonResourceURLs'),
  };
}

export function bindingOf(object: KubeObject): Binding {
  const reference = objectAt(object, 'roleRef');
  const namespace = object.metadata.namespace ?? '';
  return {
    namespace,
    name: object.metadata.name,
    role: {
      kind: stringAt(reference, 'kind') === 'Role' ? 'Role' : 'ClusterRole',
      name: stringAt(reference, 'name'),
    },
    subjects: objectsAt(object, 'subjects').flatMap((subject) => subjectOf(subject, namespace)),
  };
}

function subjectOf(subject: JsonObject, home: string): readonly Subject[] {
  const kind = stringAt(subject, 'kind');
  if (kind !== 'User' && kind !== 'Group' && kind !== 'ServiceAccount') return [];
  const namespace = stringAt(subject, 'namespace') || home;
  return [{ kind, name: stringAt(subject, 'name'), namespace }];
}
