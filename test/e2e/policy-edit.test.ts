// An edit of a policy in the library's mesh: what the preview says is what happens, a shadow refuses
// nobody and counts, and an apply that nobody confirms is taken back, though isthmusd was killed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Connection } from '#api/history.ts';
import type { PolicyDocument, PolicyImpact, PolicyReference } from '#api/policies.ts';
import { systemClock } from '#base/clock.ts';
import { AUTHORIZATION_POLICY, SERVICE_ACCOUNT, type ResourceType } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { CONSOLE_PORT } from '#lab/cluster.ts';
import { openDoor, Passage, portOf } from '#lab/door.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually, until } from '#lab/eventually.ts';
import { HeldSessions } from '#lab/library.ts';
import { CLIENT, LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';

await enterSandbox();

const CLUSTER_ROLE_BINDING: ResourceType = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};
const EDITOR = { namespace: 'default', name: 'kim' };
const REF = { kind: 'AuthorizationPolicy', namespace: 'default', name: 'only-other' };
const PATH = `/api/v1/policies/${REF.kind}/${REF.namespace}/${REF.name}`;
const YAML = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: only-other, namespace: default }
spec:
  rules:
    - from: [{ source: { principals: [cluster.local/ns/default/sa/postgresql-1-vm] } }]
`;
const TTL_SECONDS = 5;
/** A machine beside the VM that is not in the mesh, and has no identity. */
const OUTSIDE = 'outside';
const ONLY_CLIENT = {
  only: PATH.replace(REF.name, 'only-client'),
  headers: { 'if-none-match': '*' },
  body: {
    endsOpenConnections: true,
    yaml: YAML.replace('only-other', 'only-client').replace('sa/postgresql-1-vm', `sa/${CLIENT}`),
  },
};

const stack = new AsyncDisposableStack();
let mesh: LibraryMesh;
let url = '';
let token = '';

before(async () => {
  const others = { [OUTSIDE]: '10.128.0.16' };
  mesh = stack.use(await LibraryMesh.create({ env: process.env, others }));
  const { address: host } = mesh.cluster.machine;
  const door = await openDoor(0);
  stack.use(new Passage(door, () => Promise.resolve({ host, port: CONSOLE_PORT })));
  url = `http://127.0.0.1:${portOf(door)}`;
  const { kube } = mesh.cluster;
  await kube.create(SERVICE_ACCOUNT, { metadata: EDITOR });
  await kube.create(CLUSTER_ROLE_BINDING, {
    metadata: { name: 'kim-edits' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'isthmus-editor',
    },
    subjects: [{ kind: 'ServiceAccount', ...EDITOR }],
  });
  ({ token } = await kube.createToken(EDITOR, { audiences: [], expirationSeconds: 3600 }));
});

after(() => stack.disposeAsync());

async function ask<T>(
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<T> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
  });
  const text = await answer.text();
  assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  const value: T = JSON.parse(text || 'null'); // of the program under test
  return value;
}

const write = (mode: string): Promise<PolicyDocument> =>
  ask('PUT', `${PATH}?mode=${mode}&ttl=${TTL_SECONDS}`, {
    body: { yaml: YAML, endsOpenConnections: false },
    headers: { 'if-none-match': '*' },
  });

/** Is a new session with the database let in? */
async function isLetIn(): Promise<boolean> {
  try {
    const { machine } = mesh.client;
    await using held = await HeldSessions.open(machine, { ...TARGET, name: 'asked', count: 1 });
    return held.opened.alive === 1;
  } catch {
    return false; // closed before it answered
  }
}

async function isThere(): Promise<boolean> {
  try {
    await mesh.cluster.kube.get(AUTHORIZATION_POLICY, REF);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

test('the preview names the client that the policy would refuse', async () => {
  assert(await isLetIn());
  const { refused, diagnostics } = await eventually('the flow', async () => {
    const impact = await ask<PolicyImpact>('POST', '/api/v1/policies:preview', {
      body: { ...REF, yaml: YAML, window: '1h' },
    });
    return impact.refused.length > 0 ? impact : undefined;
  });
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(
    refused.map(({ from, to, port, after: then }) => [from, to, port, then]),
    [
      [
        'wl:default/inventory',
        'wl:default/postgresql-1-vm',
        5432,
        'DENY: no rule of default/only-other matches',
      ],
    ],
  );
});

test('a shadow refuses nobody, and counts whom it would have', async () => {
  const { pending } = await write('shadow');
  assert.equal(pending?.mode, 'shadow');
  const counted = await eventually('a count', async () => {
    assert(await isLetIn(), 'nobody is refused');
    const document = await ask<PolicyDocument>('GET', PATH);
    return (document.pending?.wouldDeny ?? 0) > 0 ? document : undefined;
  });
  assert.equal(counted.yaml, '', 'nothing is in force');
  assert.match(counted.shadowYaml, /principals:/);
  assert.doesNotMatch(counted.shadowYaml, /-shadow/);
});

/** Makes one of another kind, not to be undone by itself. */
const make = (ref: PolicyReference, yaml: string): Promise<PolicyDocument> =>
  ask('PUT', `/api/v1/policies/${ref.kind}/${ref.namespace}/${ref.name}?mode=keep`, {
    body: { yaml, endsOpenConnections: false },
    headers: { 'if-none-match': '*' },
  });

test('plaintext against STRICT is foretold of a DestinationRule, and happens', async () => {
  const strict = { kind: 'PeerAuthentication', namespace: 'default', name: 'strict' };
  const plain = { kind: 'DestinationRule', namespace: 'default', name: 'plain' };
  const yaml = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: plain, namespace: default }
spec: { host: ${TARGET.host}, trafficPolicy: { tls: { mode: DISABLE } } }
`;
  const preview = async (): Promise<readonly string[]> => {
    const body = { ...plain, yaml, window: '1h' };
    const { refused } = await ask<PolicyImpact>('POST', '/api/v1/policies:preview', { body });
    return refused.map(({ from, to, after: then }) => `${from} ${to} ${then}`);
  };
  assert.deepEqual(await preview(), [], 'PERMISSIVE takes plaintext');
  await make(
    strict,
    `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: default }
spec: { mtls: { mode: STRICT } }
`,
  );
  const foretold = await eventually('what it would do', async () => {
    const rows = await preview();
    return rows.length > 0 ? rows : undefined;
  });
  const why = 'DENY: the server takes mutual TLS only (STRICT)';
  assert.deepEqual(foretold, [`wl:default/inventory wl:default/${VM} ${why}`]);
  assert(await isLetIn());
  await make(plain, yaml);
  await until('the refusal that was foretold', async () => !(await isLetIn()));
  for (const ref of [plain, strict]) await ask('POST', '/api/v1/policies:undo', { body: ref });
  await until('a session', isLetIn);
});

test('who is refused loses the open session within three seconds, and nobody else', async () => {
  const { machine } = mesh.client;
  const outside = { host: mesh.vm.machine.address, port: TARGET.port };
  await using held = await HeldSessions.open(machine, { ...TARGET, name: 'held', count: 1 });
  await using doomed = await HeldSessions.open(mesh.cloud.machine(OUTSIDE), {
    ...outside,
    name: 'doomed',
    count: 1,
  });
  const [backend = 0] = doomed.opened.backends;
  const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${backend}`;
  await until('both sessions to be known', async () => {
    const path = `/api/v1/workloads/default/${VM}/connections`;
    const open = (await ask<Connection[]>('GET', path)).filter(
      ({ closedAtMs, seenBy }) => closedAtMs === null && seenBy.includes('destination'),
    );
    return open.length >= 2;
  });
  const { only, ...options } = ONLY_CLIENT;
  const sinceMs = systemClock.nowMs();
  const writing = ask<PolicyDocument>('PUT', `${only}?mode=keep`, options);
  await until('the end of the session', async () => {
    return (await mesh.postgres.query(sql)).length === 0;
  });
  const tookMs = systemClock.nowMs() - sinceMs;
  assert(tookMs < 3_000, `it took ${tookMs} ms`);
  assert.deepEqual((await writing).endedSessions, { ended: 1, resetting: 0, left: [] });
  const { alive, backends } = await held.probe('after');
  assert.equal(alive, 1);
  assert.deepEqual(backends, held.opened.backends, 'the same session as before');
  assert.equal((await doomed.probe('after')).alive, 0);
  await ask('POST', '/api/v1/policies:undo', { body: { ...REF, name: 'only-client' } });
});

test('an apply that nobody confirms is taken back, over the death of isthmusd', async () => {
  const { pending } = await write('confirm');
  assert.match(pending?.by ?? '', /kim$/);
  await until('the refusal that was foretold', async () => !(await isLetIn()));
  await mesh.cluster.restartIsthmusd();
  await until('the undoing', async () => !(await isThere()));
  await until('a session', isLetIn);
});
