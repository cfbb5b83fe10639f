import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import type { ContainerSpec, ProbeAction, ProbeSpec } from '../pod/spec.ts';
import { fakeContainer } from '../pod/fake-pod.ts';
import { askProbe, type ProbeTarget } from './ask.ts';
import { runProbes } from './prober.ts';
import { afterAnswer, UNPROBED } from './verdict.ts';

const SPEC: ProbeSpec = {
  action: { kind: 'exec', command: ['x'] },
  initialDelayMs: 0,
  periodMs: 1,
  timeoutMs: 1_000,
  successThreshold: 2,
  failureThreshold: 3,
};

/** `+` well, `-` not; the verdict after each. */
function verdicts(answers: string): string {
  let state = UNPROBED;
  return answers
    .split('')
    .map((answer) => {
      state = afterAnswer(state, answer === '+', SPEC);
      return state.isPassing === undefined ? '?' : state.isPassing ? '+' : '-';
    })
    .join('');
}

test('a verdict needs its number of equal answers in a row', () => {
  assert.equal(verdicts('-+-+--'), '??????');
  assert.equal(verdicts('---+-++'), '??----+');
  assert.equal(verdicts('++--+---'), '?++++++-');
});

const target = (port: number, exec?: ProbeTarget['exec']): ProbeTarget => ({
  podIp: '127.0.0.1',
  ports: [{ name: 'web', port }],
  exec: exec ?? (() => Promise.resolve({ exitCode: 0, output: '' })),
});

async function ask(action: ProbeAction, of: ProbeTarget, timeoutMs = 2_000): Promise<string> {
  const { signal } = new AbortController();
  const { isOk, problem } = await askProbe(action, of, { timeoutMs, clock: systemClock, signal });
  return isOk ? 'well' : problem;
}

const HTTP: Extract<ProbeAction, { kind: 'http' }> = {
  kind: 'http',
  host: '',
  port: 'web',
  path: '/healthz?deep=1',
  scheme: 'HTTP',
  headers: [{ name: 'Host', value: 'shelf.example' }],
};

async function withServer(work: (port: number, server: Server) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/late') return;
    const isKnown = request.headers.host === 'shelf.example' && request.url === '/healthz?deep=1';
    response.writeHead(isKnown ? 302 : 503, { location: '/nowhere' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address);
  try {
    await work(address.port, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('HTTP: a redirect is well; other answers, silence and refusal are told as kubelet does', () =>
  withServer(async (port) => {
    const of = target(port);
    assert.equal(await ask(HTTP, of), 'well');
    assert.equal(await ask({ ...HTTP, path: '/x' }, of), 'HTTP probe failed with statuscode: 503');
    const late = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
    const url = `http://127.0.0.1:${port}/late`;
    assert.equal(await ask({ ...HTTP, path: '/late' }, of, 50), `Get "${url}": ${late}`);
    assert.equal(await ask({ ...HTTP, port: 'no' }, of), `couldn't find port named "no"`);
    assert.equal(
      await ask({ ...HTTP, port: 1 }, of),
      'Get "http://127.0.0.1:1/healthz?deep=1": dial tcp 127.0.0.1:1: connect: connection refused',
    );
  }));

test('TCP and programs', () =>
  withServer(async (port) => {
    assert.equal(await ask({ kind: 'tcp', host: '', port }, target(port)), 'well');
    const refused = 'dial tcp 127.0.0.1:1: connect: connection refused';
    assert.equal(await ask({ kind: 'tcp', host: '', port: 1 }, target(1)), refused);
    const exec = { kind: 'exec', command: ['check', '-v'] } as const;
    const failing = target(1, () => Promise.resolve({ exitCode: 1, output: 'no disk\n' }));
    assert.equal(await ask(exec, failing), 'no disk');
    const silent = target(1, () => Promise.resolve({ exitCode: 9, output: '' }));
    assert.equal(await ask(exec, silent), 'the command ended with status 9');
    const hanging = target(1, (_command, signal) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    });
    assert.equal(await ask(exec, hanging, 20), 'command timed out: "check -v" after 0.02s');
    const grpc = { kind: 'unsupported', what: 'grpc' } as const;
    assert.equal(await ask(grpc, target(1)), 'the lab node has no grpc probes');
  }));

/** Probes with answers by program name; each answer is taken once, the last one for ever. */
async function probe(
  probes: Partial<Record<'startup' | 'readiness' | 'liveness', string>>,
  isOver: (log: readonly string[]) => boolean,
): Promise<readonly string[]> {
  const log: string[] = [];
  const stop = new AbortController();
  const note = (text: string): void => {
    log.push(text);
    if (isOver(log)) stop.abort();
  };
  const spec = (kind: string) => ({ ...SPEC, action: { kind: 'exec', command: [kind] } as const });
  const { container: plain } = fakeContainer({});
  const container: ContainerSpec = {
    ...plain,
    startupProbe: probes.startup === undefined ? undefined : spec('startup'),
    readinessProbe: probes.readiness === undefined ? undefined : spec('readiness'),
    livenessProbe: probes.liveness === undefined ? undefined : spec('liveness'),
  };
  const left = new Map(Object.entries(probes).map(([kind, answers]) => [kind, answers.split('')]));
  const exec: ProbeTarget['exec'] = ([kind = '']) => {
    const answers = left.get(kind) ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return Promise.resolve({ exitCode: answer === '+' ? 0 : 1, output: 'bad' });
  };
  const listener = {
    onStarted: () => note('started'),
    onReadiness: (isReady: boolean) => note(isReady ? 'ready' : 'not ready'),
    onFailure: (kind: string, problem: string) => note(`${kind} ${problem}`),
    onUnwell: (kind: string) => note(`${kind} unwell`),
  };
  const parts = {
    container,
    target: target(1, exec),
    clock: systemClock,
    random: () => 0,
    listener,
  };
  await runProbes(parts, stop.signal);
  return log;
}

test('without probes a container is started and ready at once', async () => {
  assert.deepEqual(await probe({}, () => false), ['started', 'ready']);
});

test('readiness waits for the startup probe, and comes and goes', async () => {
  const log = await probe(
    { startup: '-++', readiness: '++---' },
    (said) => said.at(-1) === 'not ready',
  );
  assert.deepEqual(log, [
    'startup bad',
    'started',
    'ready',
    'readiness bad',
    'readiness bad',
    'readiness bad',
    'not ready',
  ]);
});

test('a startup probe that fails for good, and a liveness probe', async () => {
  const never = await probe({ startup: '-', liveness: '-' }, () => false);
  assert.deepEqual(never.at(-1), 'startup unwell');
  const later = await probe({ liveness: '++---' }, () => false);
  assert.deepEqual(later.slice(-2), ['liveness bad', 'liveness unwell']);
});
