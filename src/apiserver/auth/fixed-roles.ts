// Who may do what without any RBAC object: enough for the server to be usable from the first start,
// and no more. The control plane's role has its name, not its code, in common with the mesh.
import type { Authorizer } from './authorizer.ts';
import { DENIED } from './authorizer.ts';
import type { PolicyRule } from './rules.ts';
import { ruleCovers } from './rules.ts';
import { GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED } from './user.ts';

export type FixedRole = {
  readonly name: string;
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly rules: readonly PolicyRule[];
};

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];
const HEALTH_PATHS = [
  '/healthz',
  '/livez',
  '/readyz',
  '/version',
  '/healthz/*',
  '/livez/*',
  '/readyz/*',
];

/** The user of the control plane's client certificate. */
export const CONTROL_PLANE_USER = 'isthmusd';

const MESH_GROUPS = [
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'authentication.istio.io',
  'isthmus.dev',
];

export const FIXED_ROLES: readonly FixedRole[] = [
  {
    name: 'system:public-info-viewer',
    users: [],
    groups: [GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED],
    rules: [{ verbs: ['get'], nonResourceURLs: HEALTH_PATHS }],
  },
  {
    name: 'system:discovery',
    users: [],
    groups: [GROUP_AUTHENTICATED],
    rules: [
      {
        verbs: ['get'],
        nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'],
      },
    ],
  },
  {
    name: 'system:basic-user',
    users: [],
    groups: [GROUP_AUTHENTICATED],
    rules: [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      {
        verbs: ['create'],
        apiGroups: ['authentication.k8s.io'],
        resources: ['selfsubjectreviews'],
      },
    ],
  },
  {
    name: 'system:service-account-issuer-discovery',
    users: [],
    groups: ['system:serviceaccounts'],
    rules: [
      { verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'] },
    ],
  },
  {
    name: 'isthmusd',
    users: [CONTROL_PLANE_USER],
    groups: [],
    rules: [
      {
        verbs: READ,
        apiGroups: ['', 'discovery.k8s.io', 'apps'],
        resources: [
          'configmaps',
          'deployments',
          'endpoints',
          'endpointslices',
          'namespaces',
          'nodes',
          'pods',
          'replicasets',
          'secrets',
          'serviceaccounts',
          'services',
        ],
      },
      { verbs: [...READ, ...WRITE], apiGroups: MESH_GROUPS, resources: ['*'] },
      { verbs: ['update', 'patch'], apiGroups: MESH_GROUPS, resources: ['*/status'] },
      { verbs: WRITE, apiGroups: [''], resources: ['configmaps', 'secrets', 'events'] },
      {
        verbs: [...READ, ...WRITE],
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
      },
      {
        verbs: [...READ, 'create', 'update', 'patch'],
        apiGroups: ['apiextensions.k8s.io', 'admissionregistration.k8s.io'],
        resources: [
          'customresourcedefinitions',
          'mutatingwebhookconfigurations',
          'validatingwebhookconfigurations',
        ],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['subjectaccessreviews'],
      },
    ],
  },
];

export function fixedRoleAuthorizer(roles: readonly FixedRole[]): Authorizer {
  return {
    authorize(attributes) {
      const { user } = attributes;
      const role = roles.find(
        ({ users, groups, rules }) =>
          (users.includes(user.username) || groups.some((group) => user.groups.includes(group))) &&
          rules.some((rule) => ruleCovers(rule, attributes)),
      );
      return role ? { isAllowed: true, reason: `allowed by role ${role.name}` } : DENIED;
    },
  };
}
