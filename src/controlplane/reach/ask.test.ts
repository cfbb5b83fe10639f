import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MeshCatalog } from '#resolve/catalog.ts';
import { LIBRARY } from '#reach/fake-library.ts';
import { understand } from '#reach/question.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { AgentRequestError, type AgentSession, type AgentSessions } from '../agents/agents.ts';
import type { AgentAnswers, AgentRequest, AgentRequestKind } from '../agents/requests.ts';
import { CertificateLedger } from '../debug-certificates.ts';
import { AgentQueue } from './agent-queue.ts';
import { answerReach, type ReachParts } from './ask.ts';

const CLIENT = 'Pod/library/inventory-7d9f';
const SERVER = 'WorkloadEntry/default/postgresql-1-vm';

type Reply = AgentAnswers[AgentRequestKind] | AgentRequestError;

const HEALTHY = (key: string, request: AgentRequest): Reply => {
  switch (request.kind) {
    case 'dns_query':
      return { addresses: ['240.240.0.7'], problem: '', durationMs: 1 };
    case 'capture_check':
      return { state: 'verified', reason: '' };
    case 'sockets':
      return {
        sockets: [{ address: '127.0.0.1', port: 5432, program: 'postgres', pid: 1 }],
        isCut: false,
      };
    case 'tcp_probe': {
      const isThrough = request.mode === 'captured';
      const application = isThrough ? ({ kind: 'postgres', detail: 'no TLS' } as const) : undefined;
      return { outcome: 'connected', connectMs: 1, reason: '', application };
    }
    default:
      return new AgentRequestError('refused', `${key} is not asked for ${request.kind}`);
  }
};

const sessionOf = (key: string): AgentSession => ({
  key,
  namespace: key.split('/')[1] ?? '',
  identity: '',
  remoteAddress: '10.0.0.1:1',
  connectedAtMs: 0,
  version: '1',
  clockSkewMs: 0,
  os: '',
  addresses: [],
  logSources: [],
  status: undefined,
});

function world(reply = HEALTHY) {
  const asked: string[] = [];
  const agents: Pick<AgentSessions, 'session' | 'ask'> = {
    session: sessionOf,
    async *ask<Kind extends AgentRequestKind>(
      key: string,
      request: Extract<AgentRequest, { readonly kind: Kind }>,
    ): AsyncGenerator<AgentAnswers[Kind]> {
      asked.push(`${key} ${request.kind}`);
      const answer: unknown = await Promise.resolve(reply(key, request));
      if (answer instanceof AgentRequestError) throw answer;
      const typed: AgentAnswers[Kind] = JSON.parse(JSON.stringify(answer)); // of the kind asked for
      yield typed;
    },
  };
  const flows: Pick<Flows, 'edges' | 'witness' | 'denials'> = {
    edges: () => [],
    witness: () => ({ reachedMs: 0, answeredMs: 0 }),
    denials: () => [],
  };
  const mesh = meshOf(LIBRARY);
  const parts: ReachParts = {
    mesh,
    catalog: new MeshCatalog(mesh),
    xds: { resourcesOf: () => [] },
    agents,
    certificates: new CertificateLedger(),
    authority: { current: () => ({ roots: [] }) },
    flows,
    clock: new FakeClock(1_000_000),
  };
  const understood = understand(mesh, { from: 'inventory.library', to: 'db.default', port: 0 });
  assert(understood.ok);
  const { question } = understood;
  const everywhere = (): Promise<boolean> => Promise.resolve(true);
  const answer = (mayProbe: (at: string) => Promise<boolean> = everywhere) =>
    answerReach(parts, question, { signal: new AbortController().signal, by: 'kim', mayProbe });
  return { parts, question, asked, answer };
}

describe('probes', () => {
  test('all that is healthy answers: A can', async () => {
    const { asked, answer } = world();
    const result = await answer();
    assert.equal(result.summary, 'Can connect.');
    assert.deepEqual(asked.toSorted(), [
      `${CLIENT} capture_check`,
      `${CLIENT} dns_query`,
      `${CLIENT} tcp_probe`,
      `${CLIENT} tcp_probe`,
      `${SERVER} capture_check`,
      `${SERVER} sockets`,
    ]);
  });

  test('nothing is tried unless it is asked for', async () => {
    const { parts, question, asked } = world();
    const result = await answerReach(parts, question, undefined);
    assert.deepEqual([asked, result.verdict], [[], 'unknown']);
  });

  test('a port that is dropped is told apart from one that nobody hears', async () => {
    const dropped = world((key, request) =>
      request.kind === 'tcp_probe'
        ? { outcome: 'timed-out', connectMs: 3000, reason: '', application: undefined }
        : HEALTHY(key, request),
    );
    const { summary: ofDropped, steps } = await dropped.answer();
    assert.equal(ofDropped, 'Cannot connect — stopped at step 6 of 11: Network.');
    assert.match(steps[5]?.summary ?? '', /timed out after 3\.0 s/);
    const silent = world((key, request) =>
      request.kind === 'sockets' ? { sockets: [], isCut: false } : HEALTHY(key, request),
    );
    const { summary } = await silent.answer();
    assert.equal(summary, 'Cannot connect — stopped at step 10 of 11: Port.');
  });

  test('an agent that is away leaves its steps unknown, and says why', async () => {
    const away = world((key, request) =>
      key === SERVER
        ? new AgentRequestError('not-connected', `${key} has no agent here`)
        : HEALTHY(key, request),
    );
    const { verdict, steps } = await away.answer();
    assert.equal(verdict, 'unknown');
    assert.deepEqual(steps[9]?.evidence, [`${SERVER} has no agent here`]);
  });

  test('only on machines where the user may', async () => {
    const { asked, answer } = world();
    const { steps } = await answer((at) => Promise.resolve(at === CLIENT));
    assert(asked.every((line) => line.startsWith(CLIENT)));
    assert.deepEqual(steps[9]?.evidence, [`you may not probe on ${SERVER}`]);
  });

  test('two who ask at once are both answered, though an agent takes but four at a time', async () => {
    const open = new Map<string, number>();
    const count = (key: string, more: number): number => {
      const now = (open.get(key) ?? 0) + more;
      open.set(key, now);
      return now;
    };
    const { parts, question } = world();
    const limited: ReachParts['agents'] = {
      session: sessionOf,
      async *ask(key, request, options) {
        try {
          if (count(key, 1) > 4) throw new AgentRequestError('busy', `${key} has 4 requests open`);
          await new Promise((resolve) => setImmediate(resolve));
          yield* parts.agents.ask(key, request, options);
        } finally {
          count(key, -1);
        }
      },
    };
    const asked = (agents: ReachParts['agents']) =>
      Promise.all(
        ['kim', 'lee'].map((by) =>
          answerReach({ ...parts, agents }, question, {
            signal: new AbortController().signal,
            by,
            mayProbe: () => Promise.resolve(true),
          }),
        ),
      );
    const without = await asked(limited);
    assert(without.some(({ steps }) => steps.some(({ verdict }) => verdict === 'unknown')));
    const queue = new AgentQueue(limited, parts);
    const verdicts = (await asked(queue)).map(({ summary }) => summary);
    assert.deepEqual(verdicts, ['Can connect.', 'Can connect.']);
  });
});

describe('the way back', () => {
  const ask = (parts: ReachParts, from: string, to: string) => {
    const understood = understand(parts.mesh, { from, to, port: 0 });
    assert(understood.ok);
    return answerReach(parts, understood.question, undefined);
  };

  test('is told where it ends otherwise', async () => {
    const { parts } = world();
    apply(
      parts.mesh,
      `
kind: AuthorizationPolicy
metadata: { name: nobody, namespace: library }
spec: {}
`,
    );
    const { verdict, back } = await ask(parts, 'catalogue-1.library', 'db.default');
    assert.equal(verdict, 'unknown');
    assert.equal(back?.summary, 'Cannot connect — stopped at step 9 of 11: Authorization.');
    assert.deepEqual(
      [back.from, back.port, back.command],
      ['postgresql-1-vm.default', 80, 'isthmus why postgresql-1-vm.default catalogue-1.library:80'],
    );
  });

  test('is asked of every port that the client serves', async () => {
    const { parts } = world();
    apply(
      parts.mesh,
      `
kind: ServiceEntry
metadata: { name: more, namespace: library }
spec:
  hosts: [more.library.svc.cluster.local]
  addresses: [240.240.0.10]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 9090, name: tcp, protocol: TCP }]
  workloadSelector: { labels: { app: catalogue } }
---
kind: AuthorizationPolicy
metadata: { name: no-metrics, namespace: library }
spec: { action: DENY, rules: [{ to: [{ operation: { ports: ['9090'] } }] }] }
`,
    );
    const { back } = await ask(parts, 'catalogue-1.library', 'db.default');
    assert.deepEqual([back?.port, back?.verdict], [9090, 'cannot']);
  });

  test('is no news where nobody knows, or where the client serves nothing', async () => {
    const { parts } = world();
    assert.equal((await ask(parts, 'catalogue-1.library', 'db.default')).back, null);
    assert.equal((await ask(parts, 'inventory.library', 'db.default')).back, null);
  });
});
