// Whatever is sent: the answer is a Status or an object, never an internal error, and what is
// stored can always be read again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { TestServer, WIDGETS } from '../../../test/fakes/api-core.ts';

const RESOURCES = [
  '/api/v1/namespaces/default/configmaps',
  '/api/v1/namespaces/default/secrets',
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/services',
  '/api/v1/namespaces/default/serviceaccounts',
  '/api/v1/namespaces',
  '/apis/apps/v1/namespaces/default/deployments',
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
  '/apis/example.com/v1/namespaces/default/widgets',
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
  '/apis/authentication.k8s.io/v1/tokenreviews',
];
const SUFFIXES = ['', '/a', '/a/status', '/a/scale', '/a/token', '/a/log', '/a/binding', '/%zz'];
const TYPES = [
  'application/json',
  'application/yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
];
/** Field names that mean something somewhere, so that noise gets past the first check. */
const NAMES = [
  'metadata',
  'name',
  'labels',
  'finalizers',
  'ownerReferences',
  'managedFields',
  'spec',
  'status',
  'data',
  'ports',
  'port',
  'selector',
  'template',
  'containers',
  'image',
  'endpoints',
  'addresses',
  'addressType',
  'roleRef',
  'subjects',
  'rules',
  'versions',
  'schema',
  'openAPIV3Schema',
  'webhooks',
  'size',
  'hosts',
  'free',
  '$patch',
  '$retainKeys',
  'op',
  'path',
  'value',
  'from',
  'kind',
  'names',
  'x-kubernetes-validations',
  'rule',
  'properties',
  'type',
  'fieldsV1',
  'resourceAttributes',
];
const VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 40,
  '',
  'a',
  'self.x == 1',
  '/metadata/name',
  'v1',
  'Pod',
  'delete',
  'object',
  'add',
  'replace',
  '10.96.0.1',
  '{{',
  '__proto__',
  '\u0000',
  'x'.repeat(300),
];

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(...VALUES),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('json'), { maxKeys: 4 }),
  ),
}));

const object = fc
  .tuple(fc.dictionary(fc.constantFrom(...NAMES), json, { maxKeys: 5 }), fc.boolean())
  .map(([fields, isNamed]) => ({ ...(isNamed && { metadata: { name: 'a' } }), ...fields }));

const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  resource: fc.constantFrom(...RESOURCES),
  suffix: fc.constantFrom(...SUFFIXES),
  type: fc.constantFrom(...TYPES),
  body: fc.oneof(object, json, fc.string()),
  query: fc.dictionary(
    fc.constantFrom(
      'limit',
      'continue',
      'resourceVersion',
      'labelSelector',
      'fieldSelector',
      'dryRun',
      'fieldManager',
      'force',
      'fieldValidation',
    ),
    fc.constantFrom('', '0', '1', 'a', 'All', 'true', 'a=b', 'metadata.name=a', 'Strict', 'e30='),
    { maxKeys: 3 },
  ),
  accept: fc.constantFrom(
    'application/json',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'x/y',
  ),
});

test('no request makes the server fail', async () => {
  await using server = await TestServer.start();
  await server.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGETS);
  await fc.assert(
    fc.asyncProperty(request, async ({ method, resource, suffix, type, body, query, accept }) => {
      const { status, text } = await server.call(method, `${resource}${suffix}`, {
        body,
        query,
        headers: { 'content-type': type, accept },
      });
      // 504 is a version that is still to come; nodes there are none.
      assert(status < 500 || status === 504, `${status} ${text}`);
    }),
    fuzz(3_000),
  );
  for (const path of RESOURCES.slice(0, 12)) await server.get(path);
});

const template = {
  metadata: { labels: { a: 'b' } },
  spec: {
    containers: [
      { name: 'c', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: 'b' }] },
    ],
    volumes: [{ name: 'v', secret: { secretName: 's' } }],
  },
};
const metadata = { name: 'a', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['x.io/y'] };
const rule = { operations: ['CREATE'], apiGroups: ['x'], apiVersions: ['v1'], resources: ['pods'] };
const client = { service: { name: 's', namespace: 'default', path: '/x' } };

/** One valid object of each of these, by the path that creates it. */
const VALID: Readonly<Record<string, object>> = {
  '/api/v1/namespaces/default/configmaps': {
    metadata,
    data: { a: 'b' },
    binaryData: { c: 'aGk=' },
  },
  '/api/v1/namespaces/default/pods': { metadata, spec: template.spec },
  '/api/v1/namespaces/default/services': {
    metadata,
    spec: { selector: { a: 'b' }, ports: [{ name: 'p', port: 80, targetPort: 'x' }] },
  },
  '/apis/apps/v1/namespaces/default/deployments': {
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: { a: 'b' } },
      template,
      strategy: { type: 'Recreate' },
    },
  },
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices': {
    metadata,
    addressType: 'IPv4',
    ports: [{ name: 'p', port: 80 }],
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
  },
  '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings': {
    metadata,
    roleRef: { kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', name: 'u' }],
  },
  '/apis/rbac.authorization.k8s.io/v1/clusterroles': {
    metadata,
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  },
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions': {
    ...WIDGETS,
    ...JSON.parse(
      JSON.stringify(WIDGETS).replaceAll('widget', 'gadget').replaceAll('Widget', 'Gadget'),
    ),
  },
  '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations': {
    metadata,
    webhooks: [
      {
        name: 'a.b.c',
        rules: [rule],
        clientConfig: client,
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        admissionReviewVersions: ['v1'],
      },
    ],
  },
  '/apis/example.com/v1/namespaces/default/widgets': {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata,
    spec: {
      size: 1,
      grade: 'A',
      hosts: ['a'],
      port: 'x',
      free: { a: { b: 1 } },
      labels: { a: 'b' },
    },
  },
};

/** The value with one node somewhere in it replaced, the one that `at` counts to. */
function mutate(value: unknown, at: { left: number }, by: unknown): unknown {
  at.left -= 1;
  if (at.left < 0) return at.left === -1 ? by : value;
  if (Array.isArray(value)) return value.map((item: unknown) => mutate(item, at, by));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mutate(item, at, by)]),
  );
}

const PATCH_TYPES = ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'];

test('no object that is almost right makes the server fail, or stays half stored', async () => {
  const paths = Object.keys(VALID);
  await using server = await TestServer.start();
  await server.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', WIDGETS);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        path: fc.constantFrom(...paths),
        at: fc.nat({ max: 60 }),
        by: json,
        type: fc.constantFrom(...PATCH_TYPES),
      }),
      async ({ path, at, by, type }) => {
        const valid = VALID[path];
        const body = mutate(valid, { left: at }, by);
        const created = await server.call('POST', path, { body });
        assert(created.status < 500, created.text);
        const { name } = Object(Object(valid).metadata);
        const base = await server.call('POST', path, { body: valid });
        assert(base.status < 500, base.text);
        const patched = await server.call('PATCH', `${path}/${name}`, {
          body,
          query: { fieldManager: 'fuzz', force: 'true' },
          headers: { 'content-type': `application/${type}` },
        });
        assert(patched.status < 500, patched.text);
        await server.get(path);
        await server.call('PATCH', `${path}/${name}`, {
          body: { metadata: { finalizers: null } },
          headers: { 'content-type': 'application/merge-patch+json' },
        });
        if (!path.endsWith('customresourcedefinitions')) await server.call('DELETE', path);
      },
    ),
    fuzz(500),
  );
});
