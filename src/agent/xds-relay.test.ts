import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import type { GrpcCall, GrpcClientCall } from '#grpc/call.ts';
import { connectGrpc, type GrpcChannel } from '#grpc/client.ts';
import { createGrpcServer, type GrpcServer } from '#grpc/server.ts';
import { GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { ControlPlane } from './control-plane.ts';
import { Retry } from './retry.ts';
import { XDS_METHOD } from './relayed-stream.ts';
import { XdsCache } from './xds-cache.ts';
import { XdsRelay } from './xds-relay.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 20_000 };
const CREDENTIALS = { keyPem: 'k', chainPem: 'c', rootsPem: 'r' };
const NOWHERE = { host: 'control-plane', port: 15012 };

/** A relay between two Unix sockets in clear text: what it does with bytes is all that matters. */
class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly cache = new XdsCache(() => undefined);
  readonly relay: XdsRelay;
  readonly controlPlane: ControlPlane;
  /** Calls that have reached the control plane. */
  readonly calls: GrpcCall[] = [];
  readonly #dir: string;
  #upstream: GrpcServer | undefined;
  readonly #server: GrpcServer;
  #channel: GrpcChannel | undefined;
  readonly #arrived = new EventTarget();

  constructor(dir: string) {
    this.#dir = dir;
    const config = { xds: NOWHERE, ca: NOWHERE, serverName: undefined, rootCertFiles: [] };
    this.controlPlane = new ControlPlane(config, () =>
      connectGrpc({ target: { path: join(dir, 'up') } }),
    );
    const retry = new Retry({ clock: this.clock, random: () => 0 });
    const { controlPlane, clock, cache } = this;
    this.relay = new XdsRelay({ controlPlane, retry, clock, log: silentLogger, cache });
    this.#server = createGrpcServer({ methods: { [XDS_METHOD]: this.relay.handler } });
  }

  static async make(): Promise<Bench> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'isthmus-relay-')));
    await bench.#server.listen({ path: join(bench.#dir, 'down') });
    bench.#channel = connectGrpc({ target: { path: join(bench.#dir, 'down') } });
    return bench;
  }

  async startUpstream(): Promise<void> {
    const handler = (call: GrpcCall): void => {
      this.calls.push(call);
      this.#arrived.dispatchEvent(new Event('call'));
    };
    this.#upstream = createGrpcServer({ methods: { [XDS_METHOD]: handler } });
    await this.#upstream.listen({ path: join(this.#dir, 'up') });
  }

  async stopUpstream(): Promise<void> {
    await this.#upstream?.shutdown(0);
  }

  /** Envoy's side of a stream. */
  open(): { readonly call: GrpcClientCall; readonly closed: Promise<GrpcOutcome> } {
    assert(this.#channel);
    const call = this.#channel.stream(XDS_METHOD);
    const { promise: closed, resolve } = Promise.withResolvers<GrpcOutcome>();
    call.onClose = resolve;
    return { call, closed };
  }

  async nextCall(count: number): Promise<GrpcCall> {
    for (;;) {
      const call = this.calls[count - 1];
      if (call) return call;
      await new Promise((resolve) => {
        this.#arrived.addEventListener('call', resolve, { once: true });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel?.close();
    await this.#server.shutdown(0);
    await this.controlPlane[Symbol.asyncDispose]();
    await this.stopUpstream();
    await rm(this.#dir, { recursive: true });
  }
}

const messageOf = (call: GrpcCall | GrpcClientCall): Promise<string> =>
  new Promise((resolve) => {
    call.onMessage = (message) => resolve(Buffer.from(message).toString());
  });

test(
  'what one side sends the other receives, byte for byte, what came early included',
  LIMIT,
  async () => {
    await using bench = await Bench.make();
    await bench.startUpstream();
    bench.controlPlane.setCredentials(CREDENTIALS);
    const { call, closed } = bench.open();
    call.send(Buffer.from('subscribe'));
    const upstream = await bench.nextCall(1);
    assert.equal(await messageOf(upstream), 'subscribe');
    const received = messageOf(call);
    upstream.send(Buffer.from('re'), Buffer.from('sources'));
    assert.equal(await received, 'resources');
    assert.deepEqual(bench.relay.status(), {
      openStreams: 1,
      offlineStreams: 0,
      problem: undefined,
    });
    const over = new Promise<void>((resolve) => (upstream.onClose = resolve));
    call.cancel();
    await over;
    assert.equal((await closed).code, GrpcStatus.cancelled);
  },
);

test(
  'without a certificate there is no stream, and Envoy is told to come back',
  LIMIT,
  async () => {
    await using bench = await Bench.make();
    const { closed } = bench.open();
    assert.deepEqual(await closed, {
      code: GrpcStatus.unavailable,
      message: 'the agent has no certificate yet',
    });
  },
);

test(
  'a lost control plane ends the stream; the next one waits longer each time',
  LIMIT,
  async () => {
    await using bench = await Bench.make();
    await bench.startUpstream();
    bench.controlPlane.setCredentials(CREDENTIALS);
    const first = bench.open();
    await bench.nextCall(1);
    await bench.stopUpstream();
    assert.equal((await first.closed).code, GrpcStatus.unavailable);
    assert.match(bench.relay.status().problem ?? '', /^UNAVAILABLE/);

    const second = bench.open();
    await bench.clock.untilSleeping(100);
    bench.clock.advance(100);
    assert.equal((await second.closed).code, GrpcStatus.unavailable);

    const third = bench.open();
    await bench.clock.untilSleeping(200);
    await bench.startUpstream();
    bench.clock.advance(200);
    const call = await bench.nextCall(2);
    const received = messageOf(third.call);
    call.send(Buffer.from('works'));
    await received;
    assert.equal(bench.relay.status().problem, undefined);

    call.end();
    const outcome = await third.closed;
    assert.equal(outcome.code, GrpcStatus.unavailable, 'an orderly end is lost to Envoy too');
    const fourth = bench.open();
    await bench.clock.untilSleeping(100); // afresh, since the third had worked
    fourth.call.cancel();
  },
);

test('a refusal by the control plane reaches Envoy as it is', LIMIT, async () => {
  await using bench = await Bench.make();
  await bench.startUpstream();
  bench.controlPlane.setCredentials(CREDENTIALS);
  const { closed } = bench.open();
  (await bench.nextCall(1)).end(GrpcStatus.permissionDenied, 'this workload is quarantined');
  assert.deepEqual(await closed, {
    code: GrpcStatus.permissionDenied,
    message: 'this workload is quarantined',
  });
});

test(
  'a renewed certificate makes a new connection; the open stream keeps the old one',
  LIMIT,
  async () => {
    await using bench = await Bench.make();
    await bench.startUpstream();
    bench.controlPlane.setCredentials(CREDENTIALS);
    const first = bench.open();
    const call = await bench.nextCall(1);
    bench.controlPlane.setCredentials({ ...CREDENTIALS, chainPem: 'next' });
    const received = messageOf(first.call);
    call.send(Buffer.from('still here'));
    assert.equal(await received, 'still here');
    bench.open();
    await bench.nextCall(2);
  },
);

test(
  'an Envoy that does not read holds the control plane back, and nothing is lost',
  LIMIT,
  async () => {
    await using bench = await Bench.make();
    await bench.startUpstream();
    bench.controlPlane.setCredentials(CREDENTIALS);
    const { call } = bench.open();
    const upstream = await bench.nextCall(1);
    call.pause();

    // far more than the windows of both connections and what the relay may hold between them
    const total = 100;
    const size = 1 << 20;
    let sent = 0;
    const pump = (): void => {
      while (sent < total) {
        sent += 1;
        if (!upstream.send(Buffer.alloc(size, sent))) return;
      }
    };
    upstream.onDrain = pump;
    pump();
    // it stands still: what is sent by now stays in the windows and queues between the two ends
    const settled = async (): Promise<number> => {
      for (let before = -1; before !== sent; await new Promise((r) => setTimeout(r, 100))) {
        before = sent;
      }
      return sent;
    };
    const held = await settled();
    assert(held < 40, `${held} MiB were taken although nobody reads`);

    const received: number[] = [];
    const all = new Promise<void>((resolve) => {
      call.onMessage = (message) => {
        assert.equal(message.length, size);
        received.push(message[0] ?? 0);
        if (received.length === total) resolve();
      };
    });
    call.resume();
    await all;
    assert.deepEqual(
      received,
      Array.from({ length: total }, (_, index) => index + 1),
    );
  },
);
