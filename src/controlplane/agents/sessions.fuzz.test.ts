// An agent that lies: whatever it says, what comes out is cut, printable and about its own
// workload, and others are not affected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { silentLogger } from '#base/log.ts';
import { AgentMessageSchema, AgentOrderSchema } from '#gen/isthmus/v1/attend_pb.js';
import { fromBinary } from '@bufbuild/protobuf';
import { FakeCall } from '#xds/fake-call.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { AgentRequestError } from './agents.ts';
import type { AgentRequest } from './requests.ts';
import { AgentServer } from './sessions.ts';

const KEY = 'Pod/default/liar';
const REQUESTS: readonly AgentRequest[] = [
  { kind: 'config_dump' },
  { kind: 'stats', filter: '' },
  { kind: 'log_tail', source: 'access', lines: 10, follow: false },
  { kind: 'dns_query', name: 'a', via: 'system' },
  { kind: 'tcp_probe', address: '10.0.0.1', port: 1, mode: 'direct' },
  { kind: 'capture_check' },
  { kind: 'sockets' },
];

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<img src=x onerror=alert(1)>',
    '\u001b[2J\u0007',
    'a\nforged line',
    '\u202egnp.exe',
    'x'.repeat(1 << 18),
    '',
    '127.0.0.1',
    'verified',
    'connected',
    'postgres',
  ),
);
const number = fc.oneof(fc.nat(), fc.constantFrom(0, 0xffff_ffff, 65_536));
const big = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(0n, 1n));
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 8 });
const optional = <T>(item: fc.Arbitrary<T>) => fc.option(item, { nil: undefined });

const answer = fc.record(
  {
    id: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, number),
    isLast: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.boolean()),
    problem: fc.oneof({ weight: 16, arbitrary: fc.constant('') }, nasty),
    chunk: fc.uint8Array({ maxLength: 64 }),
    stats: list(fc.record({ name: nasty, value: fc.double() })),
    lines: list(fc.record({ atMs: big, text: nasty })),
    dns: optional(fc.record({ addresses: list(nasty), problem: nasty, durationMs: number })),
    probe: optional(
      fc.record({
        outcome: nasty,
        connectMs: number,
        reason: nasty,
        application: nasty,
        detail: nasty,
      }),
    ),
    capture: optional(fc.record({ state: nasty, reason: nasty })),
    sockets: optional(
      fc.record({
        sockets: list(fc.record({ address: nasty, port: number, program: nasty, pid: number })),
        isCut: fc.boolean(),
      }),
    ),
  },
  { requiredKeys: ['id', 'lines', 'stats'] },
);
const status = fc.record({
  nowMs: big,
  capture: nasty,
  captureReason: nasty,
  unready: list(nasty),
  envoy: nasty,
  envoyVersion: nasty,
  envoyPid: number,
  identity: nasty,
  serial: nasty,
  notAfterMs: big,
});
const hello = fc.record({ version: nasty, os: nasty, addresses: list(nasty) });
const message = fc.oneof(
  { weight: 6, arbitrary: fc.record({ answer }).map((one) => encode(one)) },
  fc.record({ status }).map((one) => encode(one)),
  fc.record({ hello }).map((one) => encode(one)),
  fc.uint8Array({ maxLength: 64 }),
);

const encode = (fields: object): Uint8Array =>
  toBinary(AgentMessageSchema, create(AgentMessageSchema, fields));

/** Every text in a value, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
}

const CONTROL = /(?!\t)[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

function isFit(value: unknown, { mayHaveLines = false } = {}): void {
  for (const text of textsIn(value)) {
    assert(text.length <= 8 << 10, 'cut');
    assert(mayHaveLines || !CONTROL.test(text), JSON.stringify(text.slice(0, 80)));
  }
}

test('whatever an agent says, what comes of it is fit to be shown', async () => {
  const noise = fc.tuple(fc.constantFrom(...REQUESTS), fc.array(message, { maxLength: 12 }));
  await fc.assert(
    fc.asyncProperty(noise, async ([request, messages]) => {
      const call = new FakeCall();
      const identity = { trustDomain: 'td', namespace: 'default', serviceAccount: 'a' };
      const agents = new AgentServer({
        admit: () => ({ ok: true, id: KEY, proxy: { ...identity, workload: undefined } }),
        clock: new FakeClock(1_000),
        log: silentLogger,
        audit: silentLogger,
      });
      Object.values(agents.methods)[0]?.(call);
      const { signal } = new AbortController();
      const answers: unknown[] = [];
      const asked = (async () => {
        for await (const one of agents.ask(KEY, request, { signal, by: 'fuzz' })) answers.push(one);
      })();
      assert.equal(fromBinary(AgentOrderSchema, call.sent[1] ?? new Uint8Array()).id, 1);
      for (const bytes of messages) call.onMessage(bytes);
      const session = agents.session(KEY);
      call.disconnect();
      await asked.catch((error: unknown) =>
        assert(error instanceof AgentRequestError, String(error)),
      );
      isFit(answers, { mayHaveLines: request.kind === 'config_dump' });
      if (session) {
        isFit(session);
        assert.deepEqual([session.key, session.identity], [KEY, 'spiffe://td/ns/default/sa/a']);
      }
      assert.deepEqual([...agents.sessions()], []);
    }),
    fuzz(100),
  );
});

test('a flood is read slowly, and ends what it answers', async () => {
  const call = new FakeCall();
  let pauses = 0;
  call.pause = () => void (pauses += 1);
  const identity = { trustDomain: 'td', namespace: 'default', serviceAccount: 'a' };
  const agents = new AgentServer({
    admit: () => ({ ok: true, id: KEY, proxy: { ...identity, workload: undefined } }),
    clock: new FakeClock(1_000),
    log: silentLogger,
    audit: silentLogger,
  });
  Object.values(agents.methods)[0]?.(call);
  const { signal } = new AbortController();
  const request = { kind: 'log_tail', source: 'access', lines: 1, follow: true } as const;
  const reader = agents.ask<'log_tail'>(KEY, request, { signal, by: 'kim' });
  const first = reader.next();
  const line = encode({ answer: { id: 1, lines: [{ atMs: 0n, text: 'x'.repeat(1 << 19) }] } });
  for (let count = 0; count < 40; count += 1) call.onMessage(line);
  assert(pauses > 30, 'beyond a megabyte a second it waits');
  assert.equal((await first).value?.text.length, 8 << 10);
  await assert.rejects(
    async () => {
      for await (const _ of reader);
    },
    (error) => error instanceof AgentRequestError && error.reason === 'busy',
  );
  const statuses = encode({ status: { capture: 'verified' } });
  for (let count = 0; count < 21; count += 1) call.onMessage(statuses);
  assert.match(call.outcome?.message ?? '', /too many statuses/);
});
