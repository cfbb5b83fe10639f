// The one service that strangers may call: what it says to each, and what it holds for them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { JoinRequestSchema, JoinResponseSchema } from '#gen/isthmus/v1/attend_pb.js';
import { GrpcStatus } from '#grpc/status.ts';
import { Joins } from '#registry/joins/joins.ts';
import { pinOf } from '#registry/joins/token.ts';
import { FakeCall } from '#xds/fake-call.ts';
import { UNUSED_CLIENT } from '../fake-client.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { JOIN_METHOD, joinServiceMethods } from './join-service.ts';

const ENROLMENT = {
  name: 'db',
  workload: 'db',
  namespace: 'default',
  ports: ['5432'],
  serviceAccount: 'db',
  network: '',
};

async function stand() {
  const clock = new FakeClock(1_000_000);
  const audited: string[] = [];
  const store = { load: () => Promise.resolve([]), save: () => Promise.resolve() };
  const joins = await Joins.open({ store, clock, randomBytes, log: silentLogger });
  const { authority } = createFakeAuthority(clock.nowMs());
  const methods = joinServiceMethods({
    joins,
    client: UNUSED_CLIENT,
    authority: () => authority,
    trustDomain: 'cluster.local',
    clock,
    log: silentLogger,
    audit: createLogger('audit', { sink: (line) => audited.push(line) }),
  });
  const { token, join } = await joins.invite({
    ...ENROLMENT,
    enrolment: ENROLMENT,
    by: 'kim',
    host: '203.0.113.7',
    port: 15_012,
    ports: [5432],
    address: '',
    ttlMs: 900_000,
    pin: pinOf(Buffer.from('root')),
  });
  const call = (): FakeCall & { readonly closed: Promise<void> } => {
    const fake = new FakeCall('198.51.100.9:40000');
    methods[JOIN_METHOD]?.(fake);
    const { onClose } = fake;
    const closed = Promise.withResolvers<void>();
    fake.onClose = () => {
      onClose();
      closed.resolve();
    };
    return Object.assign(fake, { closed: closed.promise });
  };
  return { clock, joins, token, id: join.id, call, audited };
}

const encode = (request: object): Uint8Array =>
  toBinary(JoinRequestSchema, create(JoinRequestSchema, request));

test('a stranger without a token is turned away, and written down', async () => {
  const { call, audited } = await stand();
  const one = call();
  one.onMessage(encode({ token: `ij1.${'a'.repeat(11)}.${'b'.repeat(32)}.${'c'.repeat(43)}` }));
  await one.closed;
  assert.deepEqual(one.outcome, {
    code: GrpcStatus.unauthenticated,
    message: 'the token is not known here',
  });
  assert.match(audited.join('\n'), /join refused remote=198\.51\.100\.9:40000/);
  const silent = await stand();
  const two = silent.call();
  await silent.clock.untilSleeping(10_000);
  silent.clock.advance(10_000);
  await two.closed;
  assert.equal(two.outcome?.code, GrpcStatus.deadlineExceeded);
});

test('no more than so many at once', async () => {
  const { call } = await stand();
  const calls = Array.from({ length: 200 }, () => call());
  assert.equal(call().outcome?.code, GrpcStatus.resourceExhausted);
  calls[0]?.disconnect();
  assert.equal(call().outcome, undefined);
});

test('a good token with a bad request is spent, and whoever invited sees why', async () => {
  const { call, token, joins, id, audited } = await stand();
  const one = call();
  one.onMessage(
    encode({ token, addresses: ['10.128.0.14'], csr: 'no request', os: 'Evil\u001b[2J' }),
  );
  await one.closed;
  assert.equal(one.outcome?.code, GrpcStatus.invalidArgument);
  const join = joins.get(id);
  assert.equal(join?.state, 'failed');
  assert.match(
    join?.steps[1]?.evidence ?? '',
    /^10\.128\.0\.14 → 203\.0\.113\.7:15012, Evil\uFFFD\[2J$/,
  );
  assert.match(join?.steps[2]?.problem ?? '', /the certificate request is refused/);
  assert(!audited.join('\n').includes(token.split('.')[2] ?? ''));
  const two = call();
  two.onMessage(encode({ token }));
  await two.closed;
  assert.match(two.outcome?.message ?? '', /used already/);
});

test('noise is refused, and costs nothing', async () => {
  const { call, joins, id } = await stand();
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .record({ token: fc.string(), csr: fc.string(), addresses: fc.array(fc.string()) })
      .map(encode),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(noise, { minLength: 1, maxLength: 4 }), async (messages) => {
      const one = call();
      for (const bytes of messages) one.onMessage(bytes);
      await one.closed;
      assert(
        one.outcome?.code === GrpcStatus.unauthenticated ||
          one.outcome?.code === GrpcStatus.invalidArgument,
        JSON.stringify(one.outcome),
      );
      for (const bytes of one.sent) assert.equal(fromBinary(JoinResponseSchema, bytes).facts, '');
    }),
    fuzz(100),
  );
  assert.equal(joins.get(id)?.state, 'running');
});
