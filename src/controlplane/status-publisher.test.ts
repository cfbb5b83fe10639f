// Statuses on their way to the API server and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import {
  AUTHORIZATION_POLICY,
  CONFIG_MAP,
  PEER_AUTHENTICATION,
  SERVICE_ENTRY,
  TELEMETRY,
  WASM_PLUGIN,
  type ResourceType,
} from '#kube/resources.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { FakeObjects } from './fake-objects.ts';
import { StatusPublisher } from './status-publisher.ts';
import { VipPublisher } from './vip-publisher.ts';

const LIMIT = { timeout: 10_000 };
const NAMED = { namespace: 'default', name: 'it' };

const object = (spec: object, name = 'it') => ({ metadata: { ...NAMED, name }, spec });
const GOOD = object({ mtls: { mode: 'STRICT' } });
const BAD = object({ mtls: { mode: 'STRCT' } });

class Bench implements AsyncDisposable {
  readonly objects = new FakeObjects();
  readonly clock = new FakeClock(1_000_000);
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor() {
    const options = {
      client: this.objects,
      clock: this.clock,
      random: () => 0,
      log: silentLogger,
    };
    const statuses = new StatusPublisher(options);
    const vips = new VipPublisher(options);
    this.objects.follow(statuses, vips);
    const synced = Promise.resolve();
    const { signal } = this.#stop;
    this.#running = Promise.all([statuses.run(synced, signal), vips.run(synced, signal)]);
  }

  message(type: ResourceType, name = 'it'): string {
    const status = fieldsOf(this.objects.get(type, { ...NAMED, name })?.status);
    const [condition = {}] = objectsAt(status, 'conditions');
    return textAt(condition, 'message');
  }

  /** Lets the pauses between writes pass until so many are made. */
  async writes(count: number): Promise<void> {
    while (this.objects.writes.length < count) {
      await new Promise(setImmediate);
      this.clock.advance(10);
    }
  }

  /** What would be written of what was heard. */
  async quiet(): Promise<number> {
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise(setImmediate);
      this.clock.advance(5_000);
    }
    return this.objects.writes.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test('a refused object is told so once; mended, it is silent', LIMIT, async () => {
  await using bench = new Bench();
  bench.objects.apply(PEER_AUTHENTICATION, BAD);
  await bench.writes(1);
  assert.match(bench.message(PEER_AUTHENTICATION), /STRCT.*nothing of it is in force/);
  assert.equal(await bench.quiet(), 1, 'its own write makes it write nothing');
  bench.objects.apply(PEER_AUTHENTICATION, GOOD);
  await bench.writes(2);
  assert.deepEqual(bench.objects.get(PEER_AUTHENTICATION, NAMED)?.status, {});
  bench.objects.apply(PEER_AUTHENTICATION, BAD);
  await bench.writes(3);
  assert.match(bench.message(PEER_AUTHENTICATION), /the form before this one stays in force/);
});

test('a good object is never written', LIMIT, async () => {
  await using bench = new Bench();
  bench.objects.apply(PEER_AUTHENTICATION, GOOD);
  assert.equal(await bench.quiet(), 0);
});

test('a kind that nothing acts on, and what TCP does not see of a policy', LIMIT, async () => {
  await using bench = new Bench();
  bench.objects.apply(WASM_PLUGIN, object({ url: 'oci://example/filter' }));
  const provider = { name: 'p' };
  bench.objects.apply(AUTHORIZATION_POLICY, object({ action: 'CUSTOM', provider, rules: [{}] }));
  await bench.writes(2);
  assert.match(bench.message(WASM_PLUGIN), /does not act on WasmPlugin objects yet/);
  assert.match(bench.message(AUTHORIZATION_POLICY), /on TCP ports it does not count/);
});

test('a change meanwhile is not overwritten; the API server is not flooded', LIMIT, async () => {
  await using bench = new Bench();
  let isFirst = true;
  bench.objects.beforeWrite = () => {
    if (!isFirst) return;
    isFirst = false;
    bench.objects.apply(PEER_AUTHENTICATION, object({ mtls: { mode: 'OTHER' } }));
  };
  bench.objects.apply(PEER_AUTHENTICATION, BAD);
  await bench.writes(1);
  assert.match(bench.message(PEER_AUTHENTICATION), /OTHER/);

  // somebody takes it away again and again: it is put back every two seconds, no more
  const startMs = bench.clock.nowMs();
  for (let count = 2; count < 5; count += 1) {
    const present = bench.objects.get(PEER_AUTHENTICATION, NAMED);
    assert(present);
    bench.objects.apply(PEER_AUTHENTICATION, { ...present, status: {} });
    await bench.writes(count);
  }
  assert(bench.clock.nowMs() - startMs >= 3 * 2_000 - 10);
});

test(
  'a server that fails is asked again; one that has dropped the object is not',
  LIMIT,
  async () => {
    await using bench = new Bench();
    const codes = [500];
    bench.objects.beforeWrite = (ref) => {
      const code = codes.shift();
      if (code !== undefined) throw refusal(code, 'Failed', PEER_AUTHENTICATION, ref, 'failed');
    };
    bench.objects.apply(PEER_AUTHENTICATION, BAD);
    await bench.writes(1);
    codes.push(404);
    bench.objects.apply(PEER_AUTHENTICATION, object({ mtls: { mode: 'OTHER' } }));
    assert.equal(await bench.quiet(), 1);
  },
);

test('statuses and automatic addresses share an object without a quarrel', LIMIT, async () => {
  await using bench = new Bench();
  const ports = [{ number: 443, name: 'tls', protocol: 'TLS' }];
  const spec = { hosts: ['a.example.com'], resolution: 'DNS', ports };
  bench.objects.apply(SERVICE_ENTRY, object(spec));
  await bench.writes(1);
  bench.objects.apply(SERVICE_ENTRY, object({ ...spec, resolution: 'NOWHERE' }));
  await bench.writes(2);
  assert.equal(await bench.quiet(), 2);
  const status = fieldsOf(bench.objects.get(SERVICE_ENTRY, NAMED)?.status);
  assert.equal(objectsAt(status, 'addresses').length, 1);
  assert.match(bench.message(SERVICE_ENTRY), /NOWHERE/);
});

test('a Telemetry whose provider is missing says so, until there is one', LIMIT, async () => {
  await using bench = new Bench();
  const { objects } = bench;
  const meshConfig = (mesh: string) => ({
    metadata: { namespace: 'istio-system', name: 'istio' },
    data: { mesh },
  });
  objects.apply(CONFIG_MAP, meshConfig('extensionProviders: [{ name: p, prometheus: {} }]'));
  const providers = (name: string) => [{ providers: [{ name }] }];
  const spec = { tracing: providers('spans'), accessLogging: providers('p') };
  objects.apply(TELEMETRY, object(spec));
  objects.apply(TELEMETRY, object({ accessLogging: providers('envoy') }, 'good'));
  await bench.writes(1);
  assert.match(bench.message(TELEMETRY), /extensionProviders has no spans/);
  assert.match(
    bench.message(TELEMETRY),
    /accessLogging\[0\]\.providers\[0\]: p takes access logs not/,
  );
  assert.equal(bench.message(TELEMETRY, 'good'), '');
  const good = '{ name: spans, opentelemetry: { service: a.b, port: 4317 } }';
  const logs = '{ name: p, envoyFileAccessLog: {} }';
  objects.apply(CONFIG_MAP, meshConfig(`extensionProviders: [${good}, ${logs}]`));
  await bench.quiet();
  assert.equal(bench.message(TELEMETRY), '');
});
