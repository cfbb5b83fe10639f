// Automatic addresses on the way into statuses and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { publishedAddresses } from '#istio/serviceentry/automatic-address.ts';
import { SERVICE_ENTRY } from '#kube/resources.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { FakeObjects } from './fake-objects.ts';
import { VipPublisher } from './vip-publisher.ts';

const LIMIT = { timeout: 10_000 };

const serviceEntry = (name: string, spec: object = {}) => ({
  metadata: { namespace: 'default', name },
  spec: {
    hosts: [`${name}.example.com`],
    resolution: 'DNS',
    ports: [{ name: 'tls', number: 443, protocol: 'TLS' }],
    ...spec,
  },
});

/** Objects, and a publisher that works on them. */
class Bench implements AsyncDisposable {
  readonly objects = new FakeObjects();
  readonly clock = new FakeClock();
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  constructor() {
    const publisher = new VipPublisher({
      client: this.objects,
      clock: this.clock,
      random: () => 0,
      log: silentLogger,
    });
    this.objects.follow(publisher);
    this.#running = publisher.run(this.#synced.promise, this.#stop.signal);
  }

  sync(): void {
    this.#synced.resolve();
  }

  address(name: string): string | undefined {
    const object = this.objects.get(SERVICE_ENTRY, { namespace: 'default', name });
    return publishedAddresses(object?.status)[0]?.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test(
  'nothing is given before every entry is known; then each host has its own',
  LIMIT,
  async () => {
    await using bench = new Bench();
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('a'));
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('own', { addresses: ['192.0.2.1'] }));
    await new Promise(setImmediate);
    assert.deepEqual(bench.objects.writes, []);
    bench.sync();
    await bench.objects.untilWrites(1);
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('b'));
    await bench.objects.untilWrites(2);
    assert.deepEqual(bench.objects.writes, ['default/a', 'default/b']);
    assert.match(bench.address('a') ?? '', /^240\.240\./);
    assert.notEqual(bench.address('a'), bench.address('b'));
    assert.equal(bench.address('own'), undefined);
  },
);

test('its own writes, as they come back, make it write nothing', LIMIT, async () => {
  await using bench = new Bench();
  bench.sync();
  bench.objects.isLagging = false;
  for (const name of ['a', 'b', 'c']) bench.objects.apply(SERVICE_ENTRY, serviceEntry(name));
  await bench.objects.untilWrites(3);
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('d'));
  await bench.objects.untilWrites(4);
  await new Promise(setImmediate);
  assert.equal(bench.objects.writes.length, 4);
});

test('a write that comes too late is decided anew', LIMIT, async () => {
  await using bench = new Bench();
  bench.sync();
  let isFirst = true;
  bench.objects.beforeWrite = ({ name }) => {
    if (!isFirst) return;
    isFirst = false;
    const addresses = ['192.0.2.9'];
    bench.objects.apply(SERVICE_ENTRY, serviceEntry(name, { addresses }));
    throw refusal(409, 'Conflict', SERVICE_ENTRY, { name }, 'has been modified');
  };
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('a'));
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('b'));
  await bench.objects.untilWrites(1);
  assert.deepEqual(bench.objects.writes, ['default/b'], 'a has an address of its user’s now');
});

test('a server that fails is tried again', LIMIT, async () => {
  await using bench = new Bench();
  bench.sync();
  let failures = 1;
  bench.objects.beforeWrite = (ref) => {
    if (failures-- > 0) throw refusal(500, 'InternalError', SERVICE_ENTRY, ref, 'failed');
  };
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('a'));
  await bench.clock.untilSleeping(25);
  bench.clock.advance(25);
  await bench.objects.untilWrites(1);
  assert.match(bench.address('a') ?? '', /^240\.240\./);
});

test('an address that is given back rests, but for its former host', LIMIT, async () => {
  await using bench = new Bench();
  bench.sync();
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('a'));
  await bench.objects.untilWrites(1);
  const vip = bench.address('a');
  bench.objects.remove(SERVICE_ENTRY, { namespace: 'default', name: 'a' });
  bench.objects.apply(SERVICE_ENTRY, serviceEntry('again', { hosts: ['a.example.com'] }));
  await bench.objects.untilWrites(2);
  assert.equal(bench.address('again'), vip);
});

test(
  'an entry that is refused keeps what it has; one that opts out gives it back',
  LIMIT,
  async () => {
    await using bench = new Bench();
    bench.sync();
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('a'));
    await bench.objects.untilWrites(1);
    const vip = bench.address('a');
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('a', { resolution: 'NOWHERE' }));
    await new Promise(setImmediate);
    assert.equal(bench.address('a'), vip);
    bench.objects.apply(SERVICE_ENTRY, serviceEntry('a', { resolution: 'NONE' }));
    await bench.objects.untilWrites(2);
    assert.equal(bench.address('a'), undefined);
  },
);
