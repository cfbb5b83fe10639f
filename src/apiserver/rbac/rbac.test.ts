import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestServer } from '../../../test/fakes/api-core.ts';
import { objectAt, objectsAt, stringAt } from '../object.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/default/roles`;
const BINDINGS = `${RBAC}/namespaces/default/rolebindings`;
const CLUSTER_ROLES = `${RBAC}/clusterroles`;
const PODS = '/api/v1/namespaces/default/pods';
const SECRETS = '/api/v1/namespaces/default/secrets';
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';

const reader = {
  metadata: { name: 'reader' },
  rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
};
const bind = (name: string, role: string, ...subjects: object[]) => ({
  metadata: { name },
  roleRef: { kind: 'Role', name: role },
  subjects,
});
const jane = { kind: 'User', name: 'jane' };

test('a role gives what it says, where it is bound, to whom, and as long as it is', async () => {
  await using server = await TestServer.start();
  const as = { user: 'jane' };
  await server.create(ROLES, reader);
  await server.refused(403, 'GET', PODS, { as });
  await server.create(BINDINGS, bind('b', 'reader', jane));
  await server.ok('GET', PODS, { as });
  await server.refused(403, 'GET', SECRETS, { as });
  await server.refused(403, 'GET', '/api/v1/namespaces/kube-system/pods', { as });
  await server.refused(403, 'GET', '/api/v1/pods', { as });
  await server.refused(403, 'GET', PODS, { as: { user: 'joe' } });
  await server.ok('DELETE', `${BINDINGS}/b`);
  await server.refused(403, 'GET', PODS, { as });
});

test('groups and service accounts are bound as well, and cluster roles within a namespace', async () => {
  await using server = await TestServer.start();
  const roleRef = { kind: 'ClusterRole', name: 'view' };
  const subjects = [
    { kind: 'Group', name: 'team' },
    { kind: 'ServiceAccount', name: 'bot', namespace: 'default' },
  ];
  await server.create(BINDINGS, { metadata: { name: 'b' }, roleRef, subjects });
  await server.ok('GET', PODS, { as: { user: 'x', groups: ['team'] } });
  await server.create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'bot' } });
  const token = stringAt(
    objectAt(
      await server.ok('POST', '/api/v1/namespaces/default/serviceaccounts/bot/token', {
        body: { spec: {} },
      }),
      'status',
    ),
    'token',
  );
  await server.ok('GET', PODS, { token });
  await server.refused(403, 'GET', SECRETS, { token });
});

test('nobody gives away more than they have', async () => {
  await using server = await TestServer.start();
  await server.create(ROLES, {
    metadata: { name: 'role-writer' },
    rules: [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['*'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    ],
  });
  // The star on verbs would hold `escalate` and `bind`, too.
  const rules = [
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      verbs: ['get', 'create', 'update'],
    },
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  ];
  await server.ok('PUT', `${ROLES}/role-writer`, {
    body: { metadata: { name: 'role-writer' }, rules },
  });
  await server.create(BINDINGS, bind('b', 'role-writer', jane));
  const as = { user: 'jane' };
  const said = await server.refused(403, 'POST', ROLES, { as, body: reader });
  assert(said.endsWith('held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}'), said);
  const less = { ...reader, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] };
  await server.ok('POST', ROLES, { as, body: less });
  await server.ok('POST', BINDINGS, { as, body: bind('c', 'reader', { kind: 'User', name: 'x' }) });
  const admin = {
    metadata: { name: 'd' },
    roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [jane],
  };
  await server.refused(403, 'POST', BINDINGS, { as, body: admin });
});

test('reviews answer what the server would', async () => {
  await using server = await TestServer.start();
  await server.create(ROLES, reader);
  await server.create(BINDINGS, bind('b', 'reader', jane));
  const resourceAttributes = { namespace: 'default', verb: 'list', resource: 'pods' };
  const subject = await server.create(`${AUTHORIZATION}/subjectaccessreviews`, {
    spec: { user: 'jane', resourceAttributes },
  });
  assert.deepEqual(subject['status'], {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "b" of Role "reader"',
  });
  const as = { user: 'jane' };
  const self = await server.ok('POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, {
    as,
    body: { spec: { resourceAttributes: { ...resourceAttributes, verb: 'delete' } } },
  });
  assert.deepEqual(self['status'], { allowed: false });
  const path = await server.ok('POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, {
    as,
    body: { spec: { nonResourceAttributes: { path: '/healthz', verb: 'get' } } },
  });
  assert.equal(objectAt(path, 'status')['allowed'], true);
  const rules = await server.ok('POST', `${AUTHORIZATION}/selfsubjectrulesreviews`, {
    as,
    body: { spec: { namespace: 'default' } },
  });
  const found = objectsAt(objectAt(rules, 'status'), 'resourceRules');
  assert(found.some((rule) => JSON.stringify(rule).includes('"pods"')));
  const who = await server.ok('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    as,
    body: {},
  });
  assert.deepEqual(objectAt(who, 'status')['userInfo'], {
    username: 'jane',
    groups: ['system:authenticated'],
  });
  await server.refused(400, 'POST', `${AUTHORIZATION}/subjectaccessreviews`, {
    body: { spec: {} },
  });
  await server.refused(403, 'POST', `${AUTHORIZATION}/subjectaccessreviews`, { as, body: {} });
});

test('who may impersonate acts with the rights of the other, and with no more', async () => {
  await using server = await TestServer.start();
  await server.create(ROLES, reader);
  await server.create(BINDINGS, bind('b', 'reader', jane));
  const headers = { 'impersonate-user': 'jane' };
  await server.ok('GET', PODS, { headers });
  await server.refused(403, 'GET', SECRETS, { headers });
  const as = { user: 'joe' };
  assert.equal(
    await server.refused(403, 'GET', PODS, { as, headers }),
    'users "jane" is forbidden: User "joe" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
  await server.create(CLUSTER_ROLES, {
    metadata: { name: 'imp' },
    rules: [
      { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['jane'] },
    ],
  });
  await server.create(`${RBAC}/clusterrolebindings`, {
    metadata: { name: 'imp' },
    roleRef: { kind: 'ClusterRole', name: 'imp' },
    subjects: [{ kind: 'User', name: 'joe' }],
  });
  await server.ok('GET', PODS, { as, headers });
  const asMaster = { ...headers, 'impersonate-group': 'system:masters' };
  await server.refused(403, 'GET', PODS, { as, headers: asMaster });
  await server.refused(400, 'GET', PODS, { as, headers: { 'impersonate-group': 'x' } });
});

const BAD: readonly (readonly [string, object, RegExp])[] = [
  [
    ROLES,
    { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'] }] },
    /rules\[0\]\.verbs: Required value/,
  ],
  [
    ROLES,
    { metadata: { name: 'r' }, rules: [{ verbs: ['get'], nonResourceURLs: ['/'] }] },
    /namespaced rules cannot apply to non-resource URLs/,
  ],
  [
    CLUSTER_ROLES,
    { metadata: { name: 'r' }, rules: [{ verbs: ['get'], resources: ['pods'] }] },
    /at least one api group/,
  ],
  [
    BINDINGS,
    { metadata: { name: 'b' }, roleRef: { kind: 'Rule', name: 'r' } },
    /roleRef\.kind: Unsupported value: "Rule"/,
  ],
  [
    BINDINGS,
    bind('b', 'r', { kind: 'Person', name: 'x' }),
    /subjects\[0\]\.kind: Unsupported value: "Person"/,
  ],
];

for (const [path, body, message] of BAD) {
  test(`refused: ${message.source}`, async () => {
    await using server = await TestServer.start();
    assert.match(await server.refused(422, 'POST', path, { body }), message);
  });
}

test('a binding cannot be turned to another role', async () => {
  await using server = await TestServer.start();
  await server.create(BINDINGS, bind('b', 'reader', jane));
  const said = await server.refused(422, 'PUT', `${BINDINGS}/b`, {
    body: bind('b', 'other', jane),
  });
  assert.match(said, /roleRef: Invalid value: .*: cannot change roleRef/);
});

test('a start mends the roles that the server needs, unless told not to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-rbac-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'db');
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  {
    await using server = await TestServer.start({ path });
    await server.ok('DELETE', `${CLUSTER_ROLES}/isthmusd`);
    await server.refused(403, 'GET', '/api/v1/services', { as: { user: 'isthmusd' } });
    await server.ok('PUT', `${CLUSTER_ROLES}/view`, {
      body: { metadata: { name: 'view', annotations }, rules },
    });
  }
  await using server = await TestServer.start({ path });
  await server.ok('GET', '/api/v1/services', { as: { user: 'isthmusd' } });
  assert.deepEqual((await server.get(`${CLUSTER_ROLES}/view`))['rules'], rules);
});

test('rights survive a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-rbac-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'db');
  {
    await using server = await TestServer.start({ path });
    await server.create(ROLES, reader);
    await server.create(BINDINGS, bind('b', 'reader', jane));
  }
  await using server = await TestServer.start({ path });
  await server.ok('GET', PODS, { as: { user: 'jane' } });
});
