// The console's API before a real Kubernetes API: who may see, who may change, what a stream tells.
// With $ISTHMUS_TEST_KUBECONFIG, before that cluster's.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { runCli } from '../../src/cli/run.ts';
import { buildControlPlane, runControlPlane } from '#controlplane/build.ts';
import { parseControlPlaneConfig } from '#controlplane/config.ts';
import type { ApiRoute } from '#controlplane/console/route.ts';
import { apiRoutes } from '#controlplane/console/routes.ts';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { isRecord, type ObjectRef } from '#kube/objects.ts';
import {
  AUTHORIZATION_POLICY,
  NAMESPACE,
  POD,
  SERVICE,
  SERVICE_ACCOUNT,
  WORKLOAD_GROUP,
  type ResourceType,
} from '#kube/resources.ts';
import { isNotFound, KubeStatusError } from '#kube/status.ts';
import { eventually } from '#lab/eventually.ts';
import { ensure, rbacType, startTestCluster, type TestCluster } from './test-cluster.ts';

const CLUSTER_ROLE_BINDING = rbacType('ClusterRoleBinding', false);
const ROLE_BINDING = rbacType('RoleBinding', true);
const SHOP = 'console-shop';
const POLICY = '/api/v1/policies/AuthorizationPolicy/default/only-inventory';
const YAML = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: only-inventory
  namespace: default
spec:
  rules:
    - from: [{ source: { principals: [cluster.local/ns/default/sa/inventory] } }]
`;

let cluster: TestCluster;
let kube: KubeClient;
let url = '';
let routes: readonly ApiRoute[] = [];
let stop = new AbortController();
let running: Promise<void>;
let stateDir = '';
const tokens: Record<'nobody' | 'viewer' | 'editor' | 'tenant' | 'workload', string> = {
  nobody: '',
  viewer: '',
  editor: '',
  tenant: '',
  workload: '',
};

before(async () => {
  cluster = await startTestCluster();
  ({ kube } = cluster);
  stateDir = await mkdtemp(join(tmpdir(), 'isthmusd-'));
  await ensure(kube, NAMESPACE, { metadata: { name: SHOP } });
  for (const name of ['nobody', 'viewer', 'editor', 'tenant'] as const) {
    const account = accountOf(name);
    await ensure(kube, SERVICE_ACCOUNT, { metadata: account });
    const options = { audiences: [], expirationSeconds: 3600 };
    tokens[name] = (await kube.createToken(account, options)).token;
  }
  await bind(CLUSTER_ROLE_BINDING, 'viewer', { role: 'isthmus-viewer' });
  await bind(CLUSTER_ROLE_BINDING, 'editor', { role: 'isthmus-editor' });
  await bind(CLUSTER_ROLE_BINDING, 'tenant', { role: 'isthmus-viewer' });
  await bind(ROLE_BINDING, 'tenant', { role: 'isthmus-editor', namespace: SHOP });
  const forMesh = { audiences: ['istio-ca'], expirationSeconds: 3600 };
  tokens.workload = (await kube.createToken(accountOf('editor'), forMesh)).token;
  await startControlPlane();
  await eventually('the mesh is known', async () => {
    const { status } = await ask('/api/v1/snapshot', { headers: as('viewer') });
    return status === 200 || undefined;
  });
});

const accountOf = (name: string) => ({ namespace: 'default', name: `console-${name}` });

async function bind(
  type: ResourceType,
  name: keyof typeof tokens,
  { role, namespace }: { readonly role: string; readonly namespace?: string },
): Promise<void> {
  await ensure(kube, type, {
    metadata: { name: `console-${name}`, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', ...accountOf(name) }],
  });
}

async function startControlPlane(): Promise<void> {
  const kubeconfig = cluster.controlPlaneKubeconfig;
  const servers = ['--listen', '--monitoring', '--console', '--webhooks'];
  const flags = [
    '--kubeconfig',
    kubeconfig,
    '--state-dir',
    stateDir,
    ...servers.flatMap((flag) => [flag, '127.0.0.1:0']),
  ];
  const config = parseControlPlaneConfig(flags, {});
  const client = createKubeClient(await loadKubeconfig(kubeconfig));
  const parts = { client, clock: systemClock, log: silentLogger };
  const built = await buildControlPlane(config, parts, stop.signal);
  routes = apiRoutes(built);
  const listening = Promise.withResolvers<number>();
  running = runControlPlane(
    built,
    { ...parts, config, onListening: ({ console: port }) => listening.resolve(port) },
    stop.signal,
  ).finally(() => client.close());
  url = `http://127.0.0.1:${await Promise.race([listening.promise, running.then(() => 0)])}`;
}

after(async () => {
  stop.abort();
  await running;
  // a cluster that was there before stays
  await removed(AUTHORIZATION_POLICY, { namespace: 'default', name: 'only-inventory' });
  await removed(POD, { namespace: 'default', name: 'inventory' });
  await removed(NAMESPACE, { name: SHOP });
  await cluster[Symbol.asyncDispose]();
  await rm(stateDir, { recursive: true });
});

async function removed(type: ResourceType, ref: ObjectRef): Promise<void> {
  await kube.remove(type, ref).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url + path, init);
const as = (who: keyof typeof tokens): Record<string, string> => ({
  authorization: `Bearer ${tokens[who]}`,
});
const sending = (method: string, headers: Record<string, string>, body: unknown): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

async function recordOf(answer: Response): Promise<Record<string, unknown>> {
  const body: unknown = await answer.json();
  assert(isRecord(body), JSON.stringify(body));
  return body;
}

describe('who may', () => {
  test('a token is needed, one for the API server, and a right', async () => {
    assert.equal((await ask('/api/v1/snapshot')).status, 401);
    // A workload's own token is for the mesh's authority: whoever has it does not get in here.
    assert.equal((await ask('/api/v1/snapshot', { headers: as('workload') })).status, 401);
    assert.equal((await ask('/api/v1/snapshot', { headers: as('nobody') })).status, 403);
    assert.equal((await ask('/api/v1/snapshot', { headers: as('viewer') })).status, 200);
  });

  test('no path answers nobody, nor somebody without its right', async () => {
    assert(routes.length > 20);
    for (const { method, path, allow } of routes) {
      const where = `${method} ${path}`;
      assert.notEqual(allow, 'anyone', where);
      const real = path.replaceAll(/\/:\w+/g, '/x');
      const body = method === 'GET' ? {} : { body: '{}' };
      const type = { 'content-type': 'application/json' };
      const without = await ask(real, { method, headers: type, ...body });
      assert.equal(without.status, 401, where);
      if (allow === 'signed-in') continue;
      const headers = { ...type, ...as('nobody') };
      assert.equal((await ask(real, { method, headers, ...body })).status, 403, where);
    }
  });

  test('a viewer sees, and changes nothing, however it is asked', async () => {
    const session = await ask('/api/v1/session', { headers: as('viewer') });
    const { role, can } = await recordOf(session);
    assert.equal(role, 'viewer');
    const no = { probe: false, join: false, policies: false };
    assert.deepEqual(can, { ...no, proxy: true, logs: true });
    const write = { yaml: YAML, endsOpenConnections: false };
    for (const more of [
      {},
      // Nobody becomes somebody else by saying so.
      { 'impersonate-user': 'kubernetes-admin', 'impersonate-group': 'system:masters' },
      { 'x-remote-user': 'kubernetes-admin' },
    ]) {
      const all = { ...as('viewer'), 'if-none-match': '*', ...more };
      const headers: Record<string, string> = definedOf(all);
      const answer = await ask(POLICY, sending('PUT', headers, write));
      assert.equal(answer.status, 403, JSON.stringify(more));
    }
    const join = sending('POST', as('viewer'), { name: 'vm-1', namespace: 'default' });
    assert.equal((await ask('/api/v1/joins', join)).status, 403);
    assert.deepEqual((await kube.list(AUTHORIZATION_POLICY)).items, []);
  });

  test('an editor changes, in its own name', async () => {
    const headers = { ...as('editor'), 'if-none-match': '*' };
    const write = { yaml: YAML, endsOpenConnections: false };
    const answer = await ask(`${POLICY}?mode=keep`, sending('PUT', headers, write));
    assert(answer.ok, await answer.text());
    const { metadata } = await kube.get(AUTHORIZATION_POLICY, {
      namespace: 'default',
      name: 'only-inventory',
    });
    assert.equal(metadata.name, 'only-inventory');
  });
});

describe('an editor of one namespace', () => {
  const can = async (query: string): Promise<unknown> => {
    const answer = await ask(`/api/v1/session${query}`, { headers: as('tenant') });
    return (await recordOf(answer))['can'];
  };
  const look = { proxy: true, logs: true };
  const nothing = { probe: false, join: false, policies: false, ...look };
  const everything = { probe: true, join: true, policies: true, ...look };

  test('is told where what can be done', async () => {
    const session = await recordOf(await ask('/api/v1/session', { headers: as('tenant') }));
    assert.deepEqual(session['can'], nothing);
    assert.deepEqual(session['canSomewhere'], everything);
    assert.deepEqual([session['role'], session['readOnlyReason']], ['editor', '']);
    assert.deepEqual(await can(`/can?namespace=${SHOP}`), everything);
    assert.deepEqual(await can('/can?namespace=default'), nothing);
    const headers = as('tenant');
    assert.equal((await ask('/api/v1/session/can?namespace=A+B', { headers })).status, 400);
    const viewer = await ask('/api/v1/session', { headers: as('viewer') });
    assert.deepEqual((await recordOf(viewer))['canSomewhere'], nothing);
  });

  test('writes policies there, and nowhere else', async () => {
    const put = async (namespace: string): Promise<number> => {
      const yaml = YAML.replace('namespace: default', `namespace: ${namespace}`);
      const path = POLICY.replace('/default/', `/${namespace}/`);
      const headers = { ...as('tenant'), 'if-none-match': '*' };
      const write = sending('PUT', headers, { yaml, endsOpenConnections: false });
      return (await ask(`${path}?mode=keep`, write)).status;
    };
    assert.equal(await put('istio-system'), 403);
    assert.equal(await put(SHOP), 200);
    await kube.remove(AUTHORIZATION_POLICY, { namespace: SHOP, name: 'only-inventory' });
  });

  test('invites a VM there, by that role alone, and gets no token of its account', async () => {
    const invite = (namespace: string): Promise<Response> => {
      const machine = { name: 'db', service: 'db', ports: ['5432'], serviceAccount: 'db' };
      const body = { ...machine, namespace, gateway: '203.0.113.7' };
      return ask('/api/v1/joins', sending('POST', as('tenant'), body));
    };
    assert.equal((await invite('default')).status, 403);
    const answer = await invite(SHOP);
    assert.equal(answer.status, 201, await answer.clone().text());
    const { join: made, command } = await recordOf(answer);
    assert.match(String(command), /^sudo isthmus vm join \S+@203\.0\.113\.7:15012$/);
    for (const type of [SERVICE_ACCOUNT, SERVICE, WORKLOAD_GROUP]) {
      const { metadata } = await kube.get(type, { namespace: SHOP, name: 'db' });
      // the API server saw who wrote: not isthmusd, which may not make any of these
      assert.equal(metadata.name, 'db');
    }
    const { username, groups } = { username: usernameOf('tenant'), groups: [] };
    const tenant = kube.as({ username, groups, uid: '', extra: {} });
    const options = { audiences: [], expirationSeconds: 3600 };
    await assert.rejects(
      tenant.createToken({ namespace: SHOP, name: 'db' }, options),
      (error) => error instanceof KubeStatusError && error.status.code === 403,
    );
    assert(isRecord(made));
    const off = { method: 'DELETE', headers: as('tenant') };
    assert.equal((await ask(`/api/v1/joins/${String(made['id'])}`, off)).status, 200);
    for (const type of [SERVICE_ACCOUNT, SERVICE, WORKLOAD_GROUP]) {
      await kube.remove(type, { namespace: SHOP, name: 'db' });
    }
  });
});

const usernameOf = (name: string): string => {
  const account = accountOf(name);
  return `system:serviceaccount:${account.namespace}:${account.name}`;
};

const definedOf = (headers: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

describe('sessions', () => {
  test('a cookie is for this console alone, and a forged change is refused', async () => {
    const signedIn = await ask('/api/v1/session', sending('POST', {}, { token: tokens.editor }));
    assert.equal(signedIn.status, 201);
    const cookie = signedIn.headers.get('set-cookie') ?? '';
    assert.match(cookie, /HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    assert.equal((await ask('/api/v1/snapshot', { headers })).status, 200);
    const write = { yaml: YAML, endsOpenConnections: false };
    assert.equal((await ask(POLICY, sending('PUT', headers, write))).status, 403);
    const foreign = { ...headers, origin: 'http://evil.example' };
    assert.equal((await ask(POLICY, sending('DELETE', foreign, {}))).status, 403);
    assert.equal((await kube.list(AUTHORIZATION_POLICY)).items.length, 1);
  });

  test('a link works once, with the rights of whoever asked for it', async () => {
    const link = await isthmus('dashboard', '--kubeconfig', cluster.kubeconfig);
    const [, code = ''] = /#code=([\w-]+)\n/.exec(link) ?? [];
    const first = await ask('/api/v1/session', sending('POST', {}, { code }));
    const { user, role, can, readOnlyReason } = await recordOf(first);
    const { name, isMaster } = cluster.administrator;
    assert.deepEqual([user, role], [name, 'editor']);
    assert.match(String(readOnlyReason), isMaster ? /members of system:masters/ : /^$/);
    assert.equal(Object(can).policies, !isMaster);
    const again = await ask('/api/v1/session', sending('POST', {}, { code }));
    assert.equal(again.status, 401);
  });
});

/** The events of a stream until one is of this type. */
async function eventsUntil(
  type: string,
  path: string,
  headers: Record<string, string>,
): Promise<readonly { readonly id: number; readonly type: string; readonly data: string }[]> {
  const closing = new AbortController();
  const answer = await ask(path, { headers, signal: closing.signal });
  assert.equal(answer.status, 200);
  const events: { id: number; type: string; data: string }[] = [];
  let text = '';
  assert(answer.body);
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, id = '0', name = '', data = ''] =
        /^(?:id: (\d+)\n)?event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (name !== '') events.push({ id: Number(id), type: name, data });
    }
    if (events.some((event) => event.type === type)) break;
  }
  closing.abort();
  return events;
}

async function revisionNow(): Promise<number> {
  const snapshot = await recordOf(await ask('/api/v1/snapshot', { headers: as('viewer') }));
  return Number(snapshot['revision']);
}

describe('what is told', () => {
  test('a new Pod is an event; whoever was away goes on from the last that they saw', async () => {
    const since = await revisionNow();
    const live = eventsUntil('node.upsert', `/api/v1/events?since=${since}`, as('viewer'));
    await kube.create(POD, {
      metadata: { namespace: 'default', name: 'inventory', labels: { app: 'inventory' } },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    });
    const events = await live;
    const seen = events.find((event) => event.type === 'node.upsert');
    assert.match(seen?.data ?? '', /"id":"wl:default\/inventory"/);
    const resumed = { ...as('viewer'), 'last-event-id': String((seen?.id ?? 0) - 1) };
    const [again] = await eventsUntil('node.upsert', '/api/v1/events', resumed);
    assert.deepEqual(again, seen);
  });

  test('a policy that says something else is an event, and a mark on the time line', async () => {
    const since = await revisionNow();
    const live = eventsUntil('policy.upsert', `/api/v1/events?since=${since}`, as('viewer'));
    const policy = { namespace: 'default', name: 'only-inventory' };
    const spec = { rules: [] };
    await kube.patch(AUTHORIZATION_POLICY, policy, { spec }, { kind: 'merge' });
    const event = (await live).find(({ type }) => type === 'policy.upsert');
    assert.match(event?.data ?? '', /"namespace":"default","name":"only-inventory"/);
    const marks = await ask('/api/v1/history/marks', { headers: as('viewer') });
    assert.match(await marks.text(), /"kind":"policy","about":"AuthorizationPolicy\/default\/only/);
  });

  test('whoever was away for too long begins anew', async () => {
    const headers = { ...as('viewer'), 'last-event-id': '1' };
    const [event] = await eventsUntil('reset', '/api/v1/events', headers);
    assert.equal(event?.type, 'reset');
  });

  test('the terminal asks the same, as a user with a certificate', async () => {
    const kubeconfig = ['--kubeconfig', cluster.kubeconfig];
    const graph: unknown = JSON.parse(await isthmus('graph', '-o', 'json', ...kubeconfig));
    assert(isRecord(graph) && Array.isArray(graph['nodes']));
    assert.match(await isthmus('graph', '-o', 'mermaid', ...kubeconfig), /inventory · default/);
    const top = await isthmus('top', '--once', ...kubeconfig);
    assert.match(top, /0 of 0 proxies in sync.*\n\nnobody has talked to anybody yet/);
  });
});

describe('after a restart', () => {
  test('what was is still told, and what happened, and who has left', async () => {
    const viewing = { headers: as('viewer') };
    const namesAt = async (atMs: number): Promise<readonly unknown[]> => {
      const { nodes } = await recordOf(await ask(`/api/v1/snapshot?at=${atMs}`, viewing));
      assert(Array.isArray(nodes));
      return nodes.map((node: unknown) => isRecord(node) && node['name']);
    };
    const since = await revisionNow();
    const atMs = systemClock.nowMs();
    const live = eventsUntil('node.gone', `/api/v1/events?since=${since}`, as('viewer'));
    await kube.remove(POD, { namespace: 'default', name: 'inventory' });
    await live;
    stop.abort();
    await running;
    stop = new AbortController();
    await startControlPlane();
    assert((await namesAt(atMs)).includes('inventory'));
    assert(!(await namesAt(systemClock.nowMs() - 1)).includes('inventory'));
    const path = '/api/v1/workloads/default/inventory/overview';
    const { leftAtMs, node } = await recordOf(await ask(path, viewing));
    assert(Number(leftAtMs) >= atMs && isRecord(node));
    assert.equal(node['id'], 'wl:default/inventory');
    const marks = await (await ask('/api/v1/history/marks', viewing)).text();
    assert.match(marks, /"kind":"policy","about":"AuthorizationPolicy\/default\/only/);
    assert.match(marks, /"text":"inventory left"/);
  });
});

async function isthmus(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const status = await runCli(words, {
    env: { ...process.env, ISTHMUS_CONSOLE: url },
    signal: stop.signal,
    print: (text) => void printed.push(`${text}\n`),
  });
  assert.equal(status, 0);
  return printed.join('');
}
