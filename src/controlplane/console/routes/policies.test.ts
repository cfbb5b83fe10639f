import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Denial } from '#api/events.ts';
import type { TalkedTo } from '#api/history.ts';
import type { PolicyDocument, PolicyImpact, PolicySummary } from '#api/policies.ts';
import { silentLogger } from '#base/log.ts';
import { meshOf } from '#model/mesh-of.ts';
import { CLIENT_ID, LIBRARY, SERVER_ID } from '#reach/fake-library.ts';
import { POLICY_TYPES, policyType } from '#reach/policy-types.ts';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { AgentRequestError } from '../../agents/agents.ts';
import { FakePolicies, FakeStore } from '../../policies/fake-policies.ts';
import { PolicyKeeper } from '../../policies/keeper.ts';
import { refusalOf } from '../problems.ts';
import { STREAMED, type ApiCall, type Method } from '../route.ts';
import { policyRoutes, type PolicyParts } from './policies.ts';

const DAY_MS = 24 * 3_600_000;
const NOW = 10 * DAY_MS;
const SERVER = 'wl:default/postgresql-1-vm';

const talked = (from: string, clientIdentity: string): TalkedTo => ({
  from,
  to: SERVER,
  port: 5432,
  clientIdentity,
  serverIdentity: SERVER_ID,
  service: 'db.default.svc.cluster.local',
  protocol: 'tcp',
  toServerBytes: 600,
  toClientBytes: 400,
  connections: 3,
  lastSeenMs: NOW - 1000,
});

const CATALOGUE = 'spiffe://cluster.local/ns/library/sa/catalogue';

class World {
  readonly server = new FakePolicies();
  readonly clock = new FakeClock(NOW);
  readonly denials: Denial[] = [];
  readonly mesh = meshOf(LIBRARY);
  readonly #routes;

  constructor() {
    const { server, clock } = this;
    const policies = new PolicyKeeper({
      client: server,
      store: new FakeStore(),
      clock,
      random: () => 0,
      log: silentLogger,
    });
    const agents: PolicyParts['agents'] = {
      session: () => undefined,
      ask: () => {
        throw new AgentRequestError('not-connected', 'nobody is here');
      },
    };
    const flows: PolicyParts['flows'] = {
      talkedTo: () => [
        talked('wl:library/inventory', CLIENT_ID),
        talked('wl:library/catalogue-1', CATALOGUE),
      ],
      denials: () => this.denials,
      edges: () => [],
      connections: () => [],
      samples: () => [],
      openAt: () => [],
      edge: () => undefined,
    };
    const xds = { statusOf: () => [] };
    const { mesh } = this;
    this.#routes = policyRoutes({ mesh, flows, xds, client: server, policies, clock, agents });
  }

  /** As a user asks: status and body. */
  async ask(
    method: Method,
    path: string,
    options: {
      readonly body?: unknown;
      readonly ifMatch?: string;
      readonly isNew?: boolean;
      readonly user?: string;
    } = {},
  ): Promise<{ status: number; body: unknown }> {
    this.watch();
    const url = new URL(path, 'http://console');
    const [kind = '', namespace = '', name = ''] = url.pathname.split('/').slice(4);
    const pattern = kind === '' ? url.pathname : '/api/v1/policies/:kind/:namespace/:name';
    const route = this.#routes.find((one) => one.method === method && one.path === pattern);
    assert(route, `${method} ${path}`);
    const unused = (): never => assert.fail('not needed here');
    const call: ApiCall = {
      params: { kind, namespace, name },
      query: url.searchParams,
      body: options.body,
      ifMatch: options.ifMatch,
      isOnlyNew: options.isNew ?? false,
      lastEventId: undefined,
      user: { username: options.user ?? 'kim', uid: '', groups: [], extra: {} },
      credential: { kind: 'certificate', endsAtMs: 0 },
      session: undefined,
      signal: new AbortController().signal,
      remoteAddress: '127.0.0.1',
      isEncrypted: false,
      cookieName: 'isthmus',
      // pia writes policies, and that is all
      may: async ({ resource }) => {
        await Promise.resolve();
        return options.user !== 'pia' || resource !== 'proxies/sessions';
      },
      stream: unused,
    };
    try {
      const answer = await route.handle(call);
      assert(answer !== STREAMED);
      const body: unknown = JSON.parse(JSON.stringify(answer.body ?? null));
      return { status: answer.status, body };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      return { status: refusal.status, body: refusal.problem };
    }
  }

  /** Tells the mesh what is kept, as the watches do. */
  watch(): void {
    for (const object of this.server.all()) {
      const type = policyType(object.kind ?? '');
      if (type) this.mesh.ingest(type, object, 'applied');
    }
    this.mesh.commit();
  }

  get version(): string {
    return this.server.find('pg-allow')?.metadata.resourceVersion ?? '';
  }
}

const PATH = '/api/v1/policies/AuthorizationPolicy/default/pg-allow';
const REF = { kind: 'AuthorizationPolicy', namespace: 'default', name: 'pg-allow' };
const BOTH = {
  rules: [
    { from: [{ source: { principals: ['cluster.local/ns/library/sa/inventory'] } }] },
    { from: [{ source: { principals: ['cluster.local/ns/library/sa/catalogue'] } }] },
  ],
};
const ONE_YAML = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: pg-allow, namespace: default }
spec:
  rules:
    - from: [{ source: { principals: [cluster.local/ns/library/sa/inventory] } }]
`;
const WRITE = { yaml: ONE_YAML, endsOpenConnections: false };

const documentOf = (body: unknown): PolicyDocument => JSON.parse(JSON.stringify(body)); // ours
const impactOf = (body: unknown): PolicyImpact => JSON.parse(JSON.stringify(body)); // ours
/** Of our own making. */
const rowsOf = (body: unknown): readonly PolicySummary[] => JSON.parse(JSON.stringify(body));

test('the list says whom a policy is for, what it does, and what it has decided', async () => {
  const world = new World();
  world.server.put('pg-allow', { ...BOTH, selector: { matchLabels: { app: 'db' } } });
  world.server.put('no-legacy', { action: 'DENY', rules: [{}] });
  world.denials.push({
    edge: 'e',
    from: 'wl:old/legacy',
    to: SERVER,
    port: 5432,
    clientIdentity: '',
    policy: 'default/no-legacy',
    atMs: NOW,
  });
  const { status, body } = await world.ask('GET', '/api/v1/policies');
  assert.equal(status, 200);
  const [allow, deny] = rowsOf(body);
  assert.equal(allow?.scope, 'app=db');
  assert.deepEqual(allow?.targets, ['default/postgresql-1-vm']);
  assert.equal(allow?.effect, 'ALLOW, 2 rules');
  assert.deepEqual(allow?.conflicts, ['default/no-legacy refuses everybody whom this lets in']);
  assert.deepEqual([deny?.denied, deny?.effect], [1, 'DENY, 1 rule']);
});

test('hits are the connections that a policy let in', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  const { body } = await world.ask('GET', PATH);
  const { allowed, denied, yaml, pending } = documentOf(body);
  assert.deepEqual([allowed, denied, pending], [6, 0, null]);
  assert(!/resourceVersion|uid|managedFields/.test(yaml), yaml);
});

test('a preview names who will be refused, and by what', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  const { body } = await world.ask('POST', '/api/v1/policies:preview', {
    body: { ...REF, yaml: ONE_YAML, window: '24h' },
  });
  const { refused, unchanged, diagnostics } = impactOf(body);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(
    refused.map(({ from, before, bytes }) => [from, before, bytes]),
    [['wl:library/catalogue-1', 'ALLOW by default/pg-allow rule 2', 1000]],
  );
  assert.equal(unchanged.length, 1);
});

test('what is wrong is said instead of an impact', async () => {
  const body = { ...REF, yaml: `${ONE_YAML}  ruls: []\n`, window: '1h' };
  const answer = await new World().ask('POST', '/api/v1/policies:preview', { body });
  const { diagnostics, refused } = impactOf(answer.body);
  assert.deepEqual(
    diagnostics.map(({ line, message }) => [line, message]),
    [[7, 'unknown field "spec.ruls"']],
  );
  assert.deepEqual(refused, []);
});

test('an apply says until when it may be kept, and keeping it ends that', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  const written = await world.ask('PUT', `${PATH}?mode=confirm&ttl=60`, {
    body: WRITE,
    ifMatch: world.version,
  });
  const { pending, previousYaml, changedBy } = documentOf(written.body);
  assert.deepEqual([pending?.revertsAtMs, pending?.by], [NOW + 60_000, 'kim']);
  assert.equal(changedBy, 'kim');
  assert.match(previousYaml, /sa\/catalogue/);
  const kept = await world.ask('POST', '/api/v1/policies:confirm', { body: REF });
  assert.equal(documentOf(kept.body).pending, null);
  const undone = await world.ask('POST', '/api/v1/policies:undo', { body: REF });
  assert.match(documentOf(undone.body).yaml, /sa\/catalogue/);
});

test('a shadow leaves the policy as it is, and nobody who counts is no zero', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  const { body } = await world.ask('PUT', `${PATH}?mode=shadow`, {
    body: WRITE,
    ifMatch: world.version,
  });
  const { pending, yaml } = documentOf(body);
  assert.deepEqual([pending?.mode, pending?.wouldDeny], ['shadow', null]);
  assert.match(yaml, /sa\/catalogue/);
});

test('what is tried in shadow is given back, and may be changed', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  const put = async (yaml: string): Promise<PolicyDocument> => {
    const write = { body: { ...WRITE, yaml }, ifMatch: world.version };
    return documentOf((await world.ask('PUT', `${PATH}?mode=shadow`, write)).body);
  };
  const { shadowYaml } = await put(ONE_YAML);
  assert.doesNotMatch(shadowYaml, /catalogue|dry-run|shadow-of|pg-allow-shadow/);
  assert.match(shadowYaml, /sa\/inventory/);
  const changed = await put(ONE_YAML.replace('sa/inventory', 'sa/catalogue'));
  assert.match(changed.shadowYaml, /sa\/catalogue/);
  assert.deepEqual(changed.pending?.mode, 'shadow');
  const { body } = await world.ask('POST', '/api/v1/policies:undo', { body: REF });
  assert.equal(documentOf(body).shadowYaml, '');
});

test('a policy of the whole mesh is written under no namespace', async () => {
  const world = new World();
  const path = '/api/v1/policies/MeshPolicy/-/default';
  const yaml = `apiVersion: authentication.istio.io/v1alpha1
kind: MeshPolicy
metadata: { name: default }
spec: { peers: [{ mtls: {} }] }
`;
  const written = await world.ask('PUT', path, { body: { ...WRITE, yaml }, isNew: true });
  const { namespace, effect, scope, yaml: kept } = documentOf(written.body);
  assert.deepEqual([namespace, effect, scope], ['', 'STRICT', 'mesh']);
  assert.doesNotMatch(kept, /namespace/);
  const request = { kind: 'MeshPolicy', namespace: '', name: 'default', yaml: '', window: '1h' };
  const preview = await world.ask('POST', '/api/v1/policies:preview', { body: request });
  assert.equal(impactOf(preview.body).unchanged.length, 2);
  const undone = await world.ask('POST', '/api/v1/policies:undo', { body: request });
  assert.equal(undone.status, 204);
  const elsewhere = await world.ask('GET', '/api/v1/policies/MeshPolicy/default/default');
  assert.equal(elsewhere.status, 400);
});

test('kinds that a user may not list are left out, all of them are refused', async () => {
  const world = new World();
  world.server.put('pg-allow', BOTH);
  world.server.hidden = new Set(['MeshPolicy', 'DestinationRule']);
  const { body } = await world.ask('GET', '/api/v1/policies');
  assert.equal(rowsOf(body).length, 1);
  world.server.hidden = new Set(POLICY_TYPES.map(({ kind }) => kind));
  assert.equal((await world.ask('GET', '/api/v1/policies')).status, 403);
});

test('what a kind’s preview leaves out is said', async () => {
  const world = new World();
  const yaml = `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: quiet, namespace: default }
spec: { accessLogging: [{ disabled: true }] }
`;
  const request = { kind: 'Telemetry', namespace: 'default', name: 'quiet', yaml, window: '1h' };
  const { body } = await world.ask('POST', '/api/v1/policies:preview', { body: request });
  const { note, refused, unchanged, diagnostics } = impactOf(body);
  assert.deepEqual([diagnostics, refused, unchanged.length], [[], [], 2]);
  assert.match(note, /no connection is judged/);
});

describe('what is refused', () => {
  const rows: readonly (readonly [
    title: string,
    status: number,
    says: RegExp,
    options: {
      readonly ifMatch?: string;
      readonly user?: string;
      readonly mode?: string;
      readonly body?: unknown;
    },
  ])[] = [
    ['a version that is not the present', 409, /changed by somebody else/, { ifMatch: '1' }],
    ['no version', 428, /which version/, {}],
    ['a viewer', 403, /is forbidden/, { ifMatch: 'present', user: 'vera' }],
    [
      'the end of open connections without the right to it',
      403,
      /may not create proxies\/sessions of isthmus.dev in default/,
      { ifMatch: 'present', user: 'pia', body: { ...WRITE, endsOpenConnections: true } },
    ],
    [
      'the end of open connections by a shadow',
      400,
      /a shadow refuses nobody/,
      { ifMatch: 'present', mode: 'shadow', body: { ...WRITE, endsOpenConnections: true } },
    ],
    [
      'a policy that is none',
      422,
      /line 1: /,
      { ifMatch: 'present', body: { ...WRITE, yaml: 'a: [' } },
    ],
  ];
  for (const [title, status, says, { ifMatch, mode = 'confirm', ...options }] of rows) {
    test(title, async () => {
      const world = new World();
      world.server.put('pg-allow', BOTH);
      world.server.viewers.add('vera');
      const answer = await world.ask('PUT', `${PATH}?mode=${mode}`, {
        body: WRITE,
        ...(ifMatch !== undefined && { ifMatch: ifMatch === 'present' ? world.version : ifMatch }),
        ...options,
      });
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.match(JSON.stringify(answer.body), says);
      assert.deepEqual(world.server.find('pg-allow')?.spec, BOTH, 'nothing is overwritten');
    });
  }

  test('an edit of what somebody else keeps', async () => {
    const world = new World();
    world.server.put('pg-allow', BOTH, { labels: { 'argocd.argoproj.io/instance': 'shop' } });
    const { status, body } = await world.ask('PUT', PATH, { body: WRITE, ifMatch: world.version });
    assert.equal(status, 403);
    assert.match(JSON.stringify(body), /Argo CD keeps this policy/);
  });

  test('the keeping of a write by whoever may not write', async () => {
    const world = new World();
    world.server.put('pg-allow', BOTH);
    world.server.viewers.add('vera');
    await world.ask('PUT', PATH, { body: WRITE, ifMatch: world.version });
    const body = REF;
    const { status } = await world.ask('POST', '/api/v1/policies:confirm', { body, user: 'vera' });
    assert.equal(status, 403);
  });
});
