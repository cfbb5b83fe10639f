import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServer } from '../../../test/fakes/api-core.ts';
import { ruleCovers } from './rules.ts';
import type { Attributes } from './authorizer.ts';

const user = { username: 'u', groups: [] };
const resource = (verb: string, group: string, name: string, subresource = ''): Attributes => ({
  user,
  verb,
  isResource: true,
  group,
  resource: name,
  subresource,
  namespace: 'ns',
  name: 'n',
});
const path = (text: string): Attributes => ({ user, verb: 'get', isResource: false, path: text });

const RULES: readonly (readonly [object, Attributes, boolean])[] = [
  [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }, resource('get', '', 'pods'), true],
  [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }, resource('list', '', 'pods'), false],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
    resource('get', 'apps', 'pods'),
    false,
  ],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
    resource('get', '', 'pods', 'log'),
    false,
  ],
  [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, resource('get', 'x', 'y', 'z'), true],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] },
    resource('get', '', 'pods', 'log'),
    true,
  ],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['*/log'] },
    resource('get', '', 'pods', 'log'),
    true,
  ],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['n'] },
    resource('get', '', 'pods'),
    true,
  ],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['m'] },
    resource('get', '', 'pods'),
    false,
  ],
  [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }, path('/healthz'), true],
  [{ verbs: ['get'], nonResourceURLs: ['/api/*'] }, path('/api/v1'), true],
  [{ verbs: ['get'], nonResourceURLs: ['/api/*'] }, path('/apis'), false],
  [{ verbs: ['get'], apiGroups: ['*'], resources: ['*'] }, path('/api'), false],
];

for (const [index, [rule, attributes, isCovered]] of RULES.entries()) {
  test(`rule ${index + 1} ${isCovered ? 'covers' : 'does not cover'} the request`, () => {
    assert.equal(ruleCovers({ verbs: [], ...rule }, attributes), isCovered);
  });
}

test('nobody may do anything but look at the health of the server', async () => {
  await using server = await TestServer.start();
  const anonymous = { kind: 'none' } as const;
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await server.core.handle({
      method: 'GET',
      path,
      query: new URLSearchParams(),
      headers,
      body: new Uint8Array(),
      certificate: anonymous,
    });
    return response.status;
  };
  for (const open of ['/healthz', '/livez', '/readyz', '/version'])
    assert.equal(await ask(open), 200);
  for (const closed of ['/api', '/apis', '/openapi/v3', '/api/v1/pods', '/nonsense']) {
    assert.equal(await ask(closed), 403, closed);
  }
  assert.equal(await ask('/healthz', { authorization: 'Bearer nonsense' }), 401);
  assert.equal(await ask('/healthz', { authorization: 'Basic YTpi' }), 401);
});

test('an unknown user with a good certificate may only discover', async () => {
  await using server = await TestServer.start();
  const as = { user: 'jane' };
  assert.equal((await server.call('GET', '/apis', { as })).status, 200);
  assert.equal(
    await server.refused(403, 'GET', '/api/v1/namespaces/default/pods/p', { as }),
    'pods "p" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"',
  );
  assert.equal(
    await server.refused(403, 'GET', '/api/v1/nodes', { as }),
    'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  assert.equal(
    await server.refused(403, 'GET', '/metrics', { as }),
    'forbidden: User "jane" cannot get path "/metrics"',
  );
});

test('the control plane may do its work and no more', async () => {
  await using server = await TestServer.start();
  const as = { user: 'isthmusd' };
  const allowed = async (method: string, path: string, body?: object) => {
    const { status } = await server.call(method, path, { as, ...(body && { body }) });
    return status !== 403;
  };
  assert(await allowed('GET', '/api/v1/services'));
  assert(await allowed('GET', '/apis/discovery.k8s.io/v1/endpointslices'));
  assert(await allowed('GET', '/apis/networking.istio.io/v1/serviceentries'));
  assert(
    await allowed('PUT', '/apis/networking.istio.io/v1/namespaces/a/serviceentries/b/status', {}),
  );
  assert(await allowed('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {}));
  assert(await allowed('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {}));
  assert(await allowed('POST', '/api/v1/namespaces/default/configmaps', {}));
  assert(!(await allowed('POST', '/api/v1/namespaces/default/pods', {})));
  assert(!(await allowed('DELETE', '/api/v1/namespaces/default')));
  assert(!(await allowed('POST', '/api/v1/namespaces/default/serviceaccounts/a/token', {})));
});
