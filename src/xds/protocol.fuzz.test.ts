// Whatever happens - changes, subscriptions, refusals, lost connections, slow readers - a client
// that follows the protocol ends with exactly what the catalog has, and the server with nothing
// that nobody holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { FakeCall } from './fake-call.ts';
import { FakeCatalog } from './fake-catalog.ts';
import { FakeDeltaClient } from './fake-delta-client.ts';
import { DELTA_ADS_PATH, XdsServer } from './server.ts';
import { CLUSTER_TYPE, ENDPOINTS_TYPE, EXTENSION_TYPE, LISTENER_TYPE } from './type-urls.ts';

const TYPES = [CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE, EXTENSION_TYPE] as const;
const WILDCARD_TYPES: ReadonlySet<string> = new Set([CLUSTER_TYPE, LISTENER_TYPE]);
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const isGood = (version: string): boolean => !version.startsWith('bad');
const endpointsOf = (cluster: string): string => `endpoints of ${cluster}`;

const RESPONSE_BYTES_MAX = 300;

/** One proxy, its network in both directions, and what it may rightly be sent. */
class Proxy {
  readonly client: FakeDeltaClient;
  readonly #server: XdsServer<string>;
  readonly #id: string;
  #toServer: Uint8Array[] = [];
  #call: FakeCall;
  /** Types whose last response the server has not got an answer to. */
  readonly #unanswered = new Map<string, string>();

  constructor(server: XdsServer<string>, id: string) {
    this.#server = server;
    this.#id = id;
    this.client = new FakeDeltaClient({
      send: (request) => this.#toServer.push(request),
      accepts: isGood,
      endpointsOf,
    });
    this.#call = this.#open();
  }

  get isQuiet(): boolean {
    return this.#toServer.length === 0 && this.#call.sent.length === 0;
  }

  set isReading(isReading: boolean) {
    this.#call.isFull = !isReading;
  }

  deliverRequest(): void {
    const request = this.#toServer.shift();
    if (!request) return;
    const { typeUrl, responseNonce } = fromBinary(DeltaDiscoveryRequestSchema, request);
    if (this.#unanswered.get(typeUrl) === responseNonce) this.#unanswered.delete(typeUrl);
    this.#call.onMessage(request);
  }

  deliverResponse(): void {
    const response = this.#call.sent.shift();
    if (response) this.client.receive(response);
  }

  reconnect(): void {
    this.#call.disconnect();
    this.#toServer = [];
    this.#call = this.#open();
    this.client.reconnect();
  }

  #open(): FakeCall {
    this.#unanswered.clear();
    const call = new FakeCall(this.#id);
    const { sent } = call;
    sent.push = (...messages) => {
      for (const message of messages) this.#assertAllowed(message);
      return Array.prototype.push.apply(sent, messages);
    };
    this.#server.methods[DELTA_ADS_PATH]?.(call);
    return call;
  }

  /** Checked when it is sent, not when it arrives. */
  #assertAllowed(message: Uint8Array): void {
    const { typeUrl, nonce, resources } = fromBinary(DeltaDiscoveryResponseSchema, message);
    assert(!this.#unanswered.has(typeUrl), `two responses of ${typeUrl} in flight`);
    this.#unanswered.set(typeUrl, nonce);
    assert(resources.length === 1 || message.length < RESPONSE_BYTES_MAX + 200, 'too large');
    const held = new Set(this.#server.resourcesOf(this.#id).map(({ name }) => name));
    for (const { name } of resources) assert(held.has(name), `sent, but not held: ${name}`);
  }
}

class World {
  readonly catalog = new FakeCatalog<string>();
  readonly server: XdsServer<string>;
  readonly proxies: readonly Proxy[];

  constructor() {
    this.server = new XdsServer<string>({
      catalog: this.catalog,
      authenticate: (call) => ({ ok: true, proxy: 'class', id: call.remoteAddress }),
      isReady: () => true,
      limits: { responseBytesMax: RESPONSE_BYTES_MAX },
    });
    this.proxies = ['proxy-0', 'proxy-1'].map((id) => new Proxy(this.server, id));
  }

  put(type: string, name: string, version: string, isMember: boolean): void {
    const padding = { typeUrl: 'padding', value: new Uint8Array(60) };
    const message = create(ResourceSchema, { name, version, resource: padding });
    const bytes = toBinary(ResourceSchema, message);
    const endpoints = type === CLUSTER_TYPE ? { endpoints: endpointsOf(name) } : {};
    this.catalog.put(type, { name, version, bytes, ...endpoints }, { isMember });
  }

  /** Faults end; everything that is on its way arrives. */
  async converge(): Promise<void> {
    this.catalog.settle();
    for (let steps = 0; ; steps++) {
      assert(steps < 2000, 'does not come to rest');
      await turn();
      for (const proxy of this.proxies) {
        proxy.isReading = true;
        proxy.deliverRequest();
        proxy.deliverResponse();
      }
      if (!this.proxies.every(({ isQuiet }) => isQuiet)) continue;
      await turn();
      if (this.proxies.every(({ isQuiet }) => isQuiet)) return;
    }
  }

  assertConverged(): void {
    this.proxies.forEach(({ client }, index) => {
      const status = this.server.resourcesOf(`proxy-${index}`);
      for (const type of TYPES) {
        assert.deepEqual([...client.owed(type)], [], `answers owed of ${type}`);
        const wanted = new Set([
          ...client.named(type),
          ...(client.isWildcard(type) ? this.catalog.members(type) : []),
        ]);
        for (const name of client.has(type).keys()) assert(wanted.has(name), `${name} left over`);
        for (const name of wanted) {
          const version = this.catalog.get(type, name)?.version;
          const entry = status.find((entry) => entry.typeUrl === type && entry.name === name);
          assert(entry, `${name} is not held`);
          assert.equal(entry.version, version);
          assert.equal(entry.isAcknowledged, version === undefined || isGood(version));
          if (version === undefined || isGood(version)) {
            assert.equal(client.has(type).get(name), version);
          } else assert.equal(entry.rejection, `${name} is bad`);
        }
      }
      const present = (name: string): boolean => {
        const version = this.catalog.get(ENDPOINTS_TYPE, name)?.version;
        return version !== undefined && isGood(version) && client.named(ENDPOINTS_TYPE).has(name);
      };
      assert.deepEqual([...client.warming].filter(present), [], 'clusters left warming');
    });
  }

  close(): void {
    this.server.close();
    assert.equal(this.server.streamCount, 0);
    assert.equal(this.catalog.heldCount, 0, 'keys held by nobody');
    assert.equal(this.catalog.isClassHeld, false);
    assert.equal(this.server.heldCount, 0, 'streams remembered for nothing');
  }
}

type Step = {
  readonly run: (world: World) => void | Promise<void>;
  readonly [fc.toStringMethod]: () => string;
};

const type = fc.constantFrom(...TYPES);
const nameOf = (type: string) =>
  fc.constantFrom(...NAMES).map((name) => (type === ENDPOINTS_TYPE ? endpointsOf(name) : name));
const someName = type.chain((type) => fc.tuple(fc.constant(type), nameOf(type)));
const someNames = type.chain((type) =>
  fc.tuple(
    fc.constant(type),
    fc.uniqueArray(
      WILDCARD_TYPES.has(type)
        ? fc.oneof({ weight: 4, arbitrary: nameOf(type) }, fc.constant('*'))
        : nameOf(type),
      { minLength: 1, maxLength: 4 },
    ),
  ),
);
const version = fc.constantFrom('1', '2', '3', 'bad 1', 'bad 2');
const proxy = fc.constantFrom(0, 1);

const step = (says: string, run: Step['run']): Step => ({
  run,
  [fc.toStringMethod]: () => says,
});
const withProxy = (says: string, run: (proxy: Proxy) => void) =>
  proxy.map((index) =>
    step(`proxy ${index} ${says}`, ({ proxies }) => {
      const proxy = proxies[index];
      if (proxy) run(proxy);
    }),
  );

const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(someName, version, fc.boolean())
      .map(([[type, name], version, isMember]) =>
        step(`put ${type} ${name} ${version} ${isMember}`, (world) =>
          world.put(type, name, version, isMember),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: someName.map(([type, name]) =>
      step(`remove ${type} ${name}`, ({ catalog }) => catalog.remove(type, name)),
    ),
  },
  { weight: 3, arbitrary: fc.constant(step('settle', ({ catalog }) => catalog.settle())) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('', 'other', 'third')
      .map((name) => step(`class ${name}`, ({ catalog }) => catalog.reclassify(name))),
  },
);

const ask = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(proxy, someNames)
      .map(([index, [type, names]]) =>
        step(`proxy ${index} subscribes ${type} ${names.join()}`, ({ proxies }) =>
          proxies[index]?.client.subscribe(type, names),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(proxy, someNames)
      .map(([index, [type, names]]) =>
        step(`proxy ${index} unsubscribes ${type} ${names.join()}`, ({ proxies }) =>
          proxies[index]?.client.unsubscribe(type, names),
        ),
      ),
  },
);

const deliver = fc.oneof(
  { weight: 4, arbitrary: fc.constant(step('turn', () => turn())) },
  { weight: 4, arbitrary: withProxy('is heard', (proxy) => proxy.deliverRequest()) },
  { weight: 4, arbitrary: withProxy('hears', (proxy) => proxy.deliverResponse()) },
  { weight: 1, arbitrary: withProxy('stops reading', (proxy) => (proxy.isReading = false)) },
  { weight: 1, arbitrary: withProxy('reads on', (proxy) => (proxy.isReading = true)) },
  { weight: 1, arbitrary: withProxy('reconnects', (proxy) => proxy.reconnect()) },
);

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: change },
    { weight: 2, arbitrary: ask },
    { weight: 5, arbitrary: deliver },
  ),
  { maxLength: 80, size: 'max' },
);

test('a client that follows the protocol ends with exactly what the catalog has', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const world = new World();
      for (const { run } of steps) await run(world);
      await world.converge();
      world.assertConverged();
      world.close();
    }),
    fuzz(1000),
  );
});
