// Rules for RBAC's own objects.
import { fieldOf, itemOf } from '../field-path.ts';
import type { BuiltInKind } from '../kinds/define.ts';
import type { Behaviour } from '../kinds/kind.ts';
import { isSameJson, listAt, objectAt, objectsAt, stringAt, withFallbacks } from '../object.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Violation } from '../violation.ts';
import { invalid, notSupported, required } from '../violation.ts';

const API = 'rbac.authorization.k8s.io/v1';
const GROUP = 'rbac.authorization.k8s.io';
const SUBJECTS = ['Group', 'ServiceAccount', 'User'];

const ROLE: Behaviour = {
  validate: (role) =>
    objectsAt(role, 'rules').flatMap((rule, index) =>
      validateRule(rule, itemOf('rules', index), role.metadata.namespace !== undefined),
    ),
};

function validateRule(rule: JsonObject, path: string, isNamespaced: boolean): Violation[] {
  const isEmpty = (field: string) => listAt(rule, field).length === 0;
  const found: Violation[] = [];
  if (isEmpty('verbs')) {
    found.push(required(fieldOf(path, 'verbs'), 'verbs must contain at least one value'));
  }
  if (!isEmpty('nonResourceURLs')) {
    const at = fieldOf(path, 'nonResourceURLs');
    const value = rule['nonResourceURLs'];
    if (isNamespaced) {
      found.push(invalid(at, value, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (!isEmpty('apiGroups') || !isEmpty('resources')) {
      const why = 'rules cannot apply to both regular resources and non-resource URLs';
      found.push(invalid(at, value, why));
    }
    return found;
  }
  if (isEmpty('apiGroups')) {
    const why = 'resource rules must supply at least one api group';
    found.push(required(fieldOf(path, 'apiGroups'), why));
  }
  if (isEmpty('resources')) {
    const why = 'resource rules must supply at least one resource';
    found.push(required(fieldOf(path, 'resources'), why));
  }
  return found;
}

const BINDING: Behaviour = {
  defaults(draft) {
    draft['roleRef'] = withFallbacks(objectAt(draft, 'roleRef'), { apiGroup: GROUP });
    if (draft['subjects'] === undefined) return;
    draft['subjects'] = objectsAt(draft, 'subjects').map((subject) =>
      withFallbacks(subject, { apiGroup: subject['kind'] === 'ServiceAccount' ? '' : GROUP }),
    );
  },
  validate(binding) {
    const reference = objectAt(binding, 'roleRef');
    const kinds =
      binding.metadata.namespace === undefined ? ['ClusterRole'] : ['ClusterRole', 'Role'];
    const kind = stringAt(reference, 'kind');
    return [
      ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
      ...(stringAt(reference, 'name') === '' ? [required('roleRef.name')] : []),
      ...objectsAt(binding, 'subjects').flatMap((subject, index) =>
        validateSubject(subject, itemOf('subjects', index), binding),
      ),
    ];
  },
  validateUpdate(next, previous) {
    if (isSameJson(next['roleRef'], previous['roleRef'])) return [];
    return [invalid('roleRef', next['roleRef'], 'cannot change roleRef')];
  },
};

function validateSubject(subject: JsonObject, path: string, binding: KubeObject): Violation[] {
  const kind = stringAt(subject, 'kind');
  const isHomeless =
    kind === 'ServiceAccount' &&
    stringAt(subject, 'namespace') === '' &&
    binding.metadata.namespace === undefined;
  return [
    ...(SUBJECTS.includes(kind) ? [] : [notSupported(fieldOf(path, 'kind'), kind, SUBJECTS)]),
    ...(stringAt(subject, 'name') === '' ? [required(fieldOf(path, 'name'))] : []),
    ...(isHomeless ? [required(fieldOf(path, 'namespace'))] : []),
  ];
}

function rbacKind(kind: string, behaviour: Behaviour): BuiltInKind {
  return {
    api: API,
    kind,
    plural: `${kind.toLowerCase()}s`,
    type: `rbac.${kind}`,
    scope: kind.startsWith('Cluster') ? 'Cluster' : 'Namespaced',
    nameRule: 'path-segment',
    behaviour,
  };
}

export const RBAC_KINDS: readonly BuiltInKind[] = [
  rbacKind('Role', ROLE),
  rbacKind('RoleBinding', BINDING),
  rbacKind('ClusterRole', ROLE),
  rbacKind('ClusterRoleBinding', BINDING),
];
