// Joins as the control plane tells them: asked for with a form, then step by step.
import { JOIN_STEPS, type Join, type JoinRequest, type JoinStep } from '#api/joins.ts';
import { problem, type MockAnswer, type MockCall, type MockRoute } from './routes.ts';

/** What a token looks like; the tests look for it where it must not be. */
export const MOCK_TOKEN = 'isthmus-join-3q8Zt0uYw1-4VfLr9c2';

const USUAL_MS: Readonly<Record<string, number>> = {
  'agent-called-in': 19_000,
  'machine-proven': 100,
  'certificate-issued': 300,
  'configuration-accepted': 1_200,
  'traffic-captured': 800,
  registered: 900,
  healthy: 2_100,
};

const EVIDENCE = [
  'by kim, good for 15 min, once',
  '10.128.0.17 → 34.1.2.3:15012 · agent 0.6.0 · Debian GNU/Linux 12',
  'token ok · key P-256 · asked for spiffe://cluster.local/ns/inventory/sa/mysql',
  'ends in 23 h 59 m · serial 3f:9a:07:c1',
  'listeners ✓ clusters ✓ endpoints ✓ secrets ✓',
  '240.240.0.1:15002 answered through Envoy',
  'mysql.inventory.svc.cluster.local → 240.240.0.9, asked from postgres-library',
  'tcp 3306 answered in 2 ms',
  'postgres-library, 1,820 bytes, TLS 1.3, seen by both ends',
] as const;

/** @param done how many steps are behind it; the next one begins at once */
export function joinOf(startedAtMs: number, done: number, change: Partial<Join> = {}): Join {
  let atMs = startedAtMs;
  const steps = JOIN_STEPS.map((name, index): JoinStep => {
    const isDone = index < done;
    const startMs = atMs;
    if (isDone) atMs += index === 0 ? 0 : (USUAL_MS[name] ?? 1_000);
    return {
      name,
      state: isDone ? 'done' : index === done && index > 1 ? 'running' : 'waiting',
      startedAtMs: index <= done ? startMs : null,
      endedAtMs: isDone ? atMs : null,
      evidence: isDone ? (EVIDENCE[index] ?? '') : '',
      problem: '',
      usualMs: USUAL_MS[name] ?? null,
      causes: [],
    };
  });
  const isOver = done === JOIN_STEPS.length;
  return {
    id: 'mysql-2-vm-1',
    name: 'mysql-2-vm',
    namespace: 'inventory',
    node: 'wl:inventory/mysql-2-vm',
    by: 'kim',
    startedAtMs,
    endedAtMs: isOver ? atMs : null,
    state: isOver ? 'done' : 'running',
    steps,
    ...change,
  };
}

/** The same join with another form of one step. */
export const withStep = (join: Join, index: number, change: Partial<JoinStep>): Join => ({
  ...join,
  steps: join.steps.map((step, at) => (at === index ? { ...step, ...change } : step)),
});

/** Envoy could not have the port: what the story of a program on 0.0.0.0 looks like. */
export const boundPort = (startedAtMs: number): Join =>
  withStep(joinOf(startedAtMs, 4, { state: 'failed' }), 4, {
    state: 'failed',
    evidence: 'clusters ✓ endpoints ✓ listeners ✗',
    problem: '0.0.0.0:3306: cannot bind: Address already in use',
    causes: [
      {
        text: 'mysqld listens on 0.0.0.0:3306, where Envoy should.',
        command: "ss -ltnp 'sport = :3306'",
      },
    ],
  });

/** What is typed on the VM. */
export const MOCK_COMMAND = `sudo isthmus vm join ${MOCK_TOKEN}@34.1.2.3:15012`;

function invite({ body, mesh, nowMs, emit }: MockCall): MockAnswer {
  const request: JoinRequest = Object(body);
  if (mesh.node(`wl:${request.namespace}/${request.name}`)) {
    return problem(409, 'name-taken', `${request.name} is in the mesh already.`);
  }
  const { name, namespace, ttlSeconds } = request;
  const id = `${name}-${mesh.joins.size + 1}`;
  const join = joinOf(nowMs, 1, { id, name, namespace, node: `wl:${namespace}/${name}` });
  emit({ type: 'join.step', join });
  return {
    status: 201,
    json: { join, command: MOCK_COMMAND, expiresAtMs: nowMs + ttlSeconds * 1000 },
  };
}

function cancel({ params, mesh, nowMs, emit }: MockCall): MockAnswer {
  const join = mesh.joins.get(params['id'] ?? '');
  if (!join) return problem(404, 'not-found', 'There is no such join.');
  const cancelled: Join = { ...join, state: 'cancelled', endedAtMs: nowMs };
  emit({ type: 'join.step', join: cancelled });
  return { json: cancelled };
}

export const joinRoutes: readonly MockRoute[] = [
  { method: 'GET', path: '/api/v1/join-refusals', handle: () => ({ json: [] }) },
  {
    method: 'GET',
    path: '/api/v1/joins',
    handle: ({ mesh }) => ({ json: [...mesh.joins.values()] }),
  },
  {
    method: 'GET',
    path: '/api/v1/joins/:id',
    handle: ({ mesh, params }) => {
      const join = mesh.joins.get(params['id'] ?? '');
      return join ? { json: join } : problem(404, 'not-found', 'There is no such join.');
    },
  },
  { method: 'POST', path: '/api/v1/joins', handle: invite },
  { method: 'DELETE', path: '/api/v1/joins/:id', handle: cancel },
];
