// The roles and bindings that a new server begins with, and mends at every start: enough for it to
// be usable, and no more. The control plane's role has its name, not its code, in common with the
// mesh.
import type { PolicyRule } from '../auth/rules.ts';
import { GROUP_AUTHENTICATED, GROUP_MASTERS, GROUP_UNAUTHENTICATED } from '../auth/user.ts';

export type BootstrapRole = {
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Whom it is bound to, everywhere; nobody: a role for users' own bindings. */
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
};

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const DISCOVERY = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];
const HEALTH = ['/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*', '/version'];

/** The user of the control plane's client certificate. */
export const CONTROL_PLANE_USER = 'isthmusd';

/**
 * The group of the administrator's certificate: what it may, it may by RBAC, so that others can act
 * in its name; in that of `system:masters`, of which RBAC is not asked, nobody should.
 */
export const ADMINS_GROUP = 'isthmus:cluster-admins';

/** The user of the certificate for the controllers that are clients of this server. */
export const CONTROLLERS_USER = 'system:kube-controller-manager';

const MESH_GROUPS = [
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'authentication.istio.io',
  'gateway.networking.k8s.io',
  'isthmus.dev',
];

/** What somebody who runs an application looks at: neither secrets nor RBAC. */
const APPLICATION: readonly PolicyRule[] = [
  {
    verbs: READ,
    apiGroups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'events',
      'namespaces',
      'pods',
      'pods/log',
      'pods/status',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'serviceaccounts',
      'services',
      'services/status',
    ],
  },
  { verbs: READ, apiGroups: ['apps', 'batch'], resources: ['*'] },
  { verbs: READ, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { verbs: READ, apiGroups: MESH_GROUPS, resources: ['*'] },
];

const CHANGE_APPLICATION: readonly PolicyRule[] = [
  {
    verbs: WRITE,
    apiGroups: [''],
    resources: ['configmaps', 'pods', 'secrets', 'serviceaccounts', 'services', 'events'],
  },
  { verbs: READ, apiGroups: [''], resources: ['secrets'] },
  {
    verbs: ['get', 'create'],
    apiGroups: [''],
    resources: ['pods/exec', 'pods/portforward', 'pods/attach'],
  },
  { verbs: ['create'], apiGroups: [''], resources: ['pods/eviction', 'serviceaccounts/token'] },
  {
    verbs: [...WRITE, 'get'],
    apiGroups: ['apps'],
    resources: [
      'daemonsets',
      'deployments',
      'deployments/scale',
      'replicasets',
      'replicasets/scale',
      'statefulsets',
      'statefulsets/scale',
    ],
  },
  { verbs: [...WRITE, 'get'], apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  {
    verbs: [...WRITE, 'get'],
    apiGroups: [''],
    resources: ['replicationcontrollers', 'replicationcontrollers/scale'],
  },
  { verbs: WRITE, apiGroups: MESH_GROUPS, resources: ['*'] },
];

/**
 * For users of the mesh's console. `flows`, `proxies` and `joins` are no objects, but rights that
 * the control plane asks for.
 */
const LOOK_AT_MESH: readonly PolicyRule[] = [
  {
    verbs: ['get'],
    apiGroups: ['isthmus.dev'],
    resources: ['flows', 'proxies/config', 'proxies/logs', 'joins'],
  },
  { verbs: READ, apiGroups: MESH_GROUPS, resources: ['*'] },
  { verbs: READ, apiGroups: [''], resources: ['namespaces', 'pods', 'services'] },
];

const CHANGE_MESH: readonly PolicyRule[] = [
  {
    verbs: ['create'],
    apiGroups: ['isthmus.dev'],
    resources: ['proxies/probe', 'proxies/sessions', 'joins'],
  },
  { verbs: WRITE, apiGroups: MESH_GROUPS, resources: ['*'] },
  // What a VM that is invited is registered by. No tokens of service accounts: what it gets is a
  // certificate of the mesh, which is nothing to the API server.
  {
    verbs: ['get', 'list', 'create', 'patch'],
    apiGroups: [''],
    resources: ['serviceaccounts'],
  },
  { verbs: ['create', 'patch'], apiGroups: [''], resources: ['services'] },
];

export const BOOTSTRAP_ROLES: readonly BootstrapRole[] = [
  {
    name: 'cluster-admin',
    groups: [GROUP_MASTERS, ADMINS_GROUP],
    rules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ],
  },
  { name: 'view', rules: APPLICATION },
  { name: 'edit', rules: [...APPLICATION, ...CHANGE_APPLICATION] },
  {
    name: 'admin',
    rules: [
      ...APPLICATION,
      ...CHANGE_APPLICATION,
      {
        verbs: [...READ, ...WRITE],
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
      },
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['localsubjectaccessreviews'],
      },
    ],
  },
  {
    name: 'system:public-info-viewer',
    groups: [GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED],
    rules: [{ verbs: ['get'], nonResourceURLs: HEALTH }],
  },
  {
    name: 'system:discovery',
    groups: [GROUP_AUTHENTICATED],
    rules: [{ verbs: ['get'], nonResourceURLs: [...DISCOVERY, ...HEALTH] }],
  },
  {
    name: 'system:basic-user',
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
    groups: ['system:serviceaccounts'],
    rules: [
      { verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'] },
    ],
  },
  {
    name: 'system:auth-delegator',
    rules: [
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['subjectaccessreviews'],
      },
    ],
  },
  {
    // What kube-controller-manager and kube-scheduler do, as one user.
    name: 'system:kube-controller-manager',
    users: [CONTROLLERS_USER],
    rules: [
      {
        verbs: READ,
        apiGroups: [''],
        resources: ['namespaces', 'nodes', 'services', 'serviceaccounts', 'configmaps'],
      },
      {
        verbs: [...READ, ...WRITE],
        apiGroups: [''],
        resources: ['endpoints', 'endpoints/restricted', 'events', 'pods'],
      },
      { verbs: ['update', 'patch'], apiGroups: [''], resources: ['pods/status', 'nodes/status'] },
      { verbs: ['create'], apiGroups: [''], resources: ['pods/binding', 'pods/eviction'] },
      {
        verbs: [...READ, ...WRITE],
        apiGroups: ['apps'],
        resources: ['deployments', 'replicasets'],
      },
      {
        verbs: ['update', 'patch'],
        apiGroups: ['apps'],
        resources: ['deployments/status', 'replicasets/status'],
      },
      { verbs: ['update'], apiGroups: ['apps'], resources: ['*/finalizers'] },
      {
        verbs: [...READ, ...WRITE],
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices', 'endpointslices/restricted'],
      },
      { verbs: [...READ, ...WRITE], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
    ],
  },
  { name: 'isthmus-viewer', rules: LOOK_AT_MESH },
  { name: 'isthmus-editor', rules: [...LOOK_AT_MESH, ...CHANGE_MESH] },
  {
    name: 'isthmusd',
    users: [CONTROL_PLANE_USER],
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
      { verbs: ['get', 'update', 'patch'], apiGroups: MESH_GROUPS, resources: ['*/status'] },
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
  {
    // What the console writes is written in its user's name, and decided by that user's rights. A
    // role of its own, so that whoever wants less can narrow it, or leave it out.
    name: 'isthmusd-impersonator',
    users: [CONTROL_PLANE_USER],
    rules: [
      {
        verbs: ['impersonate'],
        apiGroups: [''],
        resources: ['groups', 'serviceaccounts', 'users'],
      },
    ],
  },
];
