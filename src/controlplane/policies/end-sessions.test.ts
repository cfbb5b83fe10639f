import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndedSessions } from '#api/policies.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import { CLIENT_ID, LIBRARY, SERVER_ID } from '#reach/fake-library.ts';
import type { OpenSession } from '#telemetry/flows/flows.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { AgentRequestError } from '../agents/agents.ts';
import type {
  AgentAnswers,
  AgentRequest,
  AgentRequestKind,
  EndSessionsAnswer,
} from '../agents/requests.ts';
import { endRefused, type EnderParts } from './end-sessions.ts';

const SERVER = 'WorkloadEntry/default/postgresql-1-vm';
const SERVER_NODE = 'wl:default/postgresql-1-vm';
const GOVERNED = new Set([SERVER]);
const CATALOGUE_ID = 'spiffe://cluster.local/ns/library/sa/catalogue';
const DONE: EndSessionsAnswer = { ended: 1, resetting: 0, gone: 0, problem: '', remedy: '' };
const ONLY_INVENTORY = `
kind: AuthorizationPolicy
metadata: { name: only-inventory, namespace: default }
spec:
  selector: { matchLabels: { app: db } }
  rules:
    - from: [{ source: { principals: [cluster.local/ns/library/sa/inventory] } }]
`;

const edge = (id: string, from: string, protocol: 'tcp' | 'http' = 'tcp') => ({
  id,
  from,
  to: SERVER_NODE,
  port: 5432,
  service: '',
  protocol,
  lastSeenMs: 0,
});

const session = (id: string, edgeId: string, rest: Partial<OpenSession> = {}): OpenSession => ({
  id,
  edge: edgeId,
  clientAddress: `10.24.2.23:${id.slice(1)}`,
  serverAddress: '10.128.0.14:5432',
  clientIdentity: CLIENT_ID,
  serverIdentity: SERVER_ID,
  ...rest,
});

class World {
  readonly mesh = meshOf(LIBRARY);
  readonly clock = new FakeClock();
  readonly edges = [
    edge('inventory', 'wl:library/inventory'),
    edge('catalogue', 'wl:library/catalogue-1'),
    edge('web', 'wl:library/catalogue-1', 'http'),
  ];
  sessions: OpenSession[] = [
    session('c1', 'inventory'),
    session('c2', 'catalogue', {
      clientAddress: '10.24.2.30:2',
      clientIdentity: CATALOGUE_ID,
    }),
  ];
  /** `2 of <server>: <clients>` */
  readonly asked: string[] = [];
  answer: (count: number) => EndSessionsAnswer = (count) => ({ ...DONE, ended: count });
  dueCount = 0;

  readonly parts: EnderParts = {
    mesh: this.mesh,
    clock: this.clock,
    flows: {
      openAt: (node) => (node === SERVER_NODE ? this.sessions : []),
      edge: (id) => this.edges.find((one) => one.id === id),
    },
    xds: {
      statusOf: () => {
        const type = { typeUrl: 't', isWildcard: false, nameCount: 1, acknowledgedCount: 1 };
        return [{ types: [{ ...type, dueCount: this.dueCount, rejections: [] }] }];
      },
    },
    agents: { ask: (key, request, { by }) => this.#ask(key, request, by) },
  };

  async *#ask<Kind extends AgentRequestKind>(
    key: string,
    request: AgentRequest,
    by: string,
  ): AsyncGenerator<AgentAnswers[Kind]> {
    await Promise.resolve();
    assert(request.kind === 'end_sessions');
    const { sessions } = request;
    const clients = sessions.map(({ client }) => client).join(' ');
    this.asked.push(`${by}: ${sessions.length} of ${key}: ${clients}`);
    const json = JSON.stringify(this.answer(sessions.length));
    const typed: AgentAnswers[Kind] = JSON.parse(json); // of the kind asked for
    yield typed;
  }

  async end(
    governed: ReadonlySet<string> = GOVERNED,
    between: (pass: number) => void = () => undefined,
  ): Promise<EndedSessions> {
    const ending = endRefused(this.parts, { governed, by: 'kim' });
    const over = new AbortController();
    const done = ending.then(() => 'done' as const).finally(() => over.abort());
    for (let pass = 0; ; pass += 1) {
      if ((await Promise.race([done, this.#untilAsleep(over.signal)])) === 'done')
        return await ending;
      between(pass);
      this.clock.advance(1000);
    }
  }

  /** Between two looks; deadlines of questions are longer. */
  async #untilAsleep(over: AbortSignal): Promise<void> {
    while (!over.aborted && !this.clock.pendingMs().some((ms) => ms <= 1000)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('whom the policies refuse now is cut, once, by name; others live', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  assert.deepEqual(await world.end(), { ended: 1, resetting: 0, left: [] });
  assert.deepEqual(world.asked, [`kim: 1 of ${SERVER}: 10.24.2.30:2`]);
});

test('each session goes by its own identity, not by the newest of its edge', async () => {
  const world = new World();
  const more = session('c3', 'inventory', { clientIdentity: CATALOGUE_ID });
  world.sessions = [...world.sessions, more];
  apply(world.mesh, ONLY_INVENTORY);
  assert.equal((await world.end()).ended, 2);
  assert.deepEqual(world.asked, [`kim: 2 of ${SERVER}: 10.24.2.30:2 10.24.2.23:3`]);
});

test('nobody is cut before the proxy has the policy: they would come back', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  world.dueCount = 1;
  const ended = await world.end(GOVERNED, (pass) => {
    assert.deepEqual(pass <= 3 ? world.asked : [], []);
    if (pass === 3) world.dueCount = 0;
  });
  assert.equal(ended.ended, 1);
});

test('a proxy that does not take it is named, and nothing is ended there', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  world.dueCount = 1;
  const { ended, left } = await world.end();
  assert.equal(ended, 0);
  assert.deepEqual(
    left.map(({ server, sessions }) => [server, sessions]),
    [[SERVER, 1]],
  );
  assert.match(left[0]?.problem ?? '', /has not taken the policy/);
});

test('a session that is told of a moment later is cut, too', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  const late = session('c9', 'catalogue', { clientIdentity: CATALOGUE_ID });
  const { ended } = await world.end(GOVERNED, (pass) => {
    if (pass === 4) world.sessions = [...world.sessions, late];
  });
  assert.equal(ended, 2);
});

test('other workloads’ sessions, and HTTP, are left alone', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  assert.deepEqual(await world.end(new Set(['Pod/library/inventory-7d9f'])), {
    ended: 0,
    resetting: 0,
    left: [],
  });
  world.sessions = [session('c4', 'web', { clientIdentity: CATALOGUE_ID })];
  assert.equal((await world.end()).ended, 0);
  assert.deepEqual(world.asked, []);
});

test('what an agent cannot do is told; more than it was asked it has not done', async () => {
  const world = new World();
  apply(world.mesh, ONLY_INVENTORY);
  world.answer = () => ({ ...DONE, ended: 0, problem: 'cannot be ended', remedy: 'restart it' });
  assert.deepEqual(await world.end(), {
    ended: 0,
    resetting: 0,
    left: [{ server: SERVER, sessions: 1, problem: 'cannot be ended', remedy: 'restart it' }],
  });
  const liar = new World();
  apply(liar.mesh, ONLY_INVENTORY);
  liar.answer = () => ({ ...DONE, ended: 4_000_000, resetting: 7 });
  assert.deepEqual(await liar.end(), { ended: 1, resetting: 0, left: [] });
  const silent = new World();
  apply(silent.mesh, ONLY_INVENTORY);
  silent.answer = () => {
    throw new AgentRequestError('not-connected', 'no agent attends');
  };
  const { left } = await silent.end();
  assert.equal(left[0]?.problem, 'no agent attends');
});
