// The agent's account of what its Envoy writes, and what waits to be told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FlowBatchSchema } from '#gen/isthmus/v1/flows_pb.js';
import { AccessLogCommonSchema } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { create } from '@bufbuild/protobuf';
import { FlowWorld } from '../../../test/fakes/flow-agents.ts';
import { Batch } from './batch.ts';
import { hasFailed, isClientError } from './outcome.ts';
import { Outbox } from './outbox.ts';
import { wireFacts } from './wire-facts.ts';
import type { CallKind } from '#telemetry/report.ts';

const EDGE = {
  number: 1,
  key: '',
  facts: {
    isDestination: false,
    clientPeer: '',
    clientPrincipal: '',
    serverPeer: '',
    serverPrincipal: '',
    dialled: '',
    port: 1,
    protocol: 'tcp',
    serviceHost: '',
    security: '',
    tlsVersion: '',
    tlsCipher: '',
  },
} as const;
const connectionOf = (number: number) => ({
  number,
  key: `${number}`,
  edge: EDGE,
  openedMs: 0,
  connectMs: 0,
  client: '',
  server: '',
  baseToServer: 0,
  baseToClient: 0,
});

describe('the outbox', () => {
  /** One connection that lasts, and one that begins and ends, in each second. */
  function fill(outbox: Outbox, seconds: number): void {
    const lasting = connectionOf(1);
    for (let second = 0; second < seconds; second++) {
      const batch = new Batch(second * 1000);
      batch.atMs = (second + 1) * 1000;
      batch.move(lasting, 100, 200);
      const short = connectionOf(second + 2);
      batch.opened.add(short);
      batch.move(short, 5, 7);
      batch.closed.set(short, { atMs: 0, flags: '', deniedBy: '', hasFailed: false });
      outbox.add(batch);
    }
  }

  test('keeps two minutes apart, an hour in as many batches, and every byte', () => {
    const outbox = new Outbox();
    fill(outbox, 120);
    assert.equal(outbox.size, 120);
    const another = new Outbox();
    fill(another, 3600);
    assert(another.size <= 121);
    let toServer = 0;
    let opened = 0;
    let longestMs = 0;
    for (let head = another.head(); head; head = another.head()) {
      const { moved, sums, spanMs } = head.batch;
      for (const each of [...moved.values(), ...sums.values()]) toServer += each.toServer;
      opened += head.batch.opened.size;
      for (const each of sums.values()) opened += each.opened;
      longestMs = Math.max(longestMs, spanMs);
      another.acknowledge(head.sequence);
    }
    assert.equal(toServer, 3600 * 105);
    assert.equal(opened, 3600);
    assert(longestMs <= 120_000, `one of ${longestMs} ms`);
  });

  test('what is under way stays as it is until it is acknowledged', () => {
    const outbox = new Outbox();
    fill(outbox, 2);
    const head = outbox.head();
    assert(head);
    const { entries } = head.batch;
    fill(outbox, 500);
    assert.equal(outbox.head(), head);
    assert.equal(head.batch.entries, entries);
    outbox.acknowledge(head.sequence + 1);
    assert.equal(outbox.head(), head);
    outbox.acknowledge(head.sequence);
    assert.equal(outbox.head()?.sequence, head.sequence + 1);
  });

  test('is bounded however much happens', () => {
    const outbox = new Outbox();
    for (let second = 0; second < 60; second++) {
      const batch = new Batch(second * 1000);
      for (let each = 0; each < 5000; each++) batch.move(connectionOf(each), 1, 1);
      outbox.add(batch);
    }
    assert(outbox.size <= 11, `${outbox.size} batches`);
  });
});

test('a name is said once on a stream, and again on the next', () => {
  using world = new FlowWorld();
  const { source } = world.ends;
  const sent = (): { edges: number; connections: number; isComplete: boolean } => {
    world.period('source');
    world.tick('source');
    world.send('source');
    const [bytes = new Uint8Array()] = source.wire;
    const batch = fromBinary(FlowBatchSchema, bytes);
    world.deliver('source');
    world.store();
    world.acknowledge('source');
    const { edges, connections, isComplete } = batch;
    return { edges: edges.length, connections: connections.length, isComplete };
  };
  world.open();
  world.carry(0, 1, 1);
  assert.deepEqual(sent(), { edges: 1, connections: 1, isComplete: true });
  world.carry(0, 1, 1);
  assert.deepEqual(sent(), { edges: 0, connections: 0, isComplete: false });
  world.disconnect('source');
  world.carry(0, 1, 1);
  assert.deepEqual(sent(), { edges: 1, connections: 1, isComplete: true });
});

describe('what Envoy says of failures', () => {
  const common = create(AccessLogCommonSchema, {});
  const details = 'rbac_access_denied_matched_policy';

  test('a denial names its policy, or that no rule allowed it', () => {
    const by = (text: string): string => wireFacts(common, text).deniedBy;
    assert.equal(by(`${details}[ns[default]-policy[pg-deny]-rule[0]]`), 'default/pg-deny');
    assert.equal(by(`${details}[none]`), '-');
    assert.equal(by('via_upstream'), '');
    assert.equal(by(''), '');
  });

  test('what failed is what did not come about, not what the client ended', () => {
    const kind = (responseFlags: string, responseCode = '', grpcStatus = ''): CallKind => ({
      reporter: 'source',
      source: { peer: undefined, principal: '' },
      destination: { peer: undefined, principal: '' },
      service: { host: '', name: '', namespace: '' },
      protocol: responseCode === '' ? 'tcp' : 'http',
      security: 'none',
      responseFlags,
      responseCode,
      grpcStatus,
    });
    const failed = (flags: string, code?: string): boolean => hasFailed(kind(flags, code), '');
    assert(failed('UF') && failed('UF,URX') && failed('-', '503'));
    assert(!failed('-') && !failed('DC') && !failed('DC', '0') && !failed('-', '404'));
    assert(hasFailed(kind('-', '403'), 'default/pg-deny'));
    // gRPC answers 200 whatever it answers
    assert(hasFailed(kind('-', '200', '14'), '') && !hasFailed(kind('-', '200', '5'), ''));
    const errors = ['404', '200', '503', ''].map((code) => isClientError(kind('-', code)));
    assert.deepEqual(errors, [true, false, false, false]);
    const calls = ['0', '5', '14'].map((status) => isClientError(kind('-', '200', status)));
    assert.deepEqual(calls, [false, true, false]);
  });
});
