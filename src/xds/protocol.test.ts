// The rules of delta xDS one by one; protocol.fuzz.test.ts has their combinations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncodedResource } from './catalog.ts';
import type { DeltaRequest, DeltaResponse } from './delta-wire.ts';
import { FakeCatalog } from './fake-catalog.ts';
import { PROTOCOL_LIMITS } from './protocol-limits.ts';
import type { ProtocolLimits } from './protocol-limits.ts';
import { DeltaProtocol } from './protocol.ts';
import { resourceStatus, typeStatus } from './protocol-status.ts';
import {
  CLUSTER_TYPE,
  ENDPOINTS_TYPE,
  EXTENSION_TYPE,
  LISTENER_TYPE,
  VIRTUAL_HOST_TYPE,
} from './type-urls.ts';

const resource = (name: string, version: string, options: { endpoints?: string } = {}) => ({
  name,
  version,
  bytes: new Uint8Array(100),
  ...options,
});

const tombstone = (typeUrl: string, name: string): EncodedResource | undefined =>
  typeUrl === CLUSTER_TYPE ? resource(name, 'tombstone') : undefined;

class Harness {
  readonly catalog = new FakeCatalog<string>(tombstone);
  readonly protocol: DeltaProtocol;

  constructor(limits: Partial<ProtocolLimits> = {}) {
    const { catalog } = this;
    catalog.onChange((changed) => changed.forEach((key) => this.protocol.changed(key)));
    const bound = {
      acquire: (typeUrl: string, name: string) => catalog.acquire('proxy', typeUrl, name),
      acquireWildcard: (typeUrl: string) => catalog.acquireWildcard('proxy', typeUrl),
      acquireClass: () => catalog.acquireClass(),
      keyOf: (typeUrl: string, name: string) => catalog.keyOf('proxy', typeUrl, name),
      release: (key: string) => catalog.release(key),
      lookup: (key: string) => catalog.lookup(key),
      wildcardNames: (key: string) => catalog.wildcardNames(key),
      isKnown: (key: string) => catalog.isKnown(key),
      standIn: tombstone,
    };
    this.protocol = new DeltaProtocol(bound, { ...PROTOCOL_LIMITS, ...limits });
  }

  /** @returns whether the protocol put up with it */
  ask(typeUrl: string, request: Partial<DeltaRequest> = {}): boolean {
    const nothing = { subscribe: [], unsubscribe: [], nonce: '', rejection: undefined, nodeId: '' };
    const initialVersions = new Map<string, string>();
    return this.protocol.request({ typeUrl, ...nothing, initialVersions, ...request }).ok;
  }

  /** What is sent when the catalog has settled and nobody answers. */
  flush(): DeltaResponse[] {
    this.catalog.settle();
    if (this.protocol.readWildcards()) this.catalog.settle();
    this.protocol.settled();
    return [...this.#pull()];
  }

  /** Answers each response at once, until nothing more comes. */
  flushAcknowledged(): DeltaResponse[] {
    const responses: DeltaResponse[] = [];
    for (let next = this.flush(); next.length > 0; next = this.flush()) {
      responses.push(...next);
      for (const { typeUrl, nonce } of next) this.ask(typeUrl, { nonce });
    }
    return responses;
  }

  put(typeUrl: string, name: string, version: string, options: { endpoints?: string } = {}): void {
    this.catalog.put(typeUrl, resource(name, version, options));
  }

  *#pull(): Generator<DeltaResponse, void> {
    for (let next = this.protocol.next(); next; next = this.protocol.next()) yield next;
  }
}

const TYPE_NAMES = new Map([
  [CLUSTER_TYPE, 'CDS'],
  [ENDPOINTS_TYPE, 'EDS'],
  [LISTENER_TYPE, 'LDS'],
  [EXTENSION_TYPE, 'ECDS'],
]);

/** `CDS a@1 -b`: resources with versions, then removed names. */
const told = (responses: readonly DeltaResponse[]): string[] =>
  responses.map(({ typeUrl, resources, removed }) =>
    [
      TYPE_NAMES.get(typeUrl) ?? typeUrl,
      ...resources.map(({ name, version }) => `${name}@${version}`),
      ...removed.map((name) => `-${name}`),
    ].join(' '),
  );

test('a name asked for is answered, there or not', () => {
  const stream = new Harness();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.ask(EXTENSION_TYPE, { subscribe: ['a', 'b'] });
  assert.deepEqual(told(stream.flush()), ['ECDS a@1 -b']);
});

test('a change of what is held is sent; of what is not held, nothing', () => {
  const stream = new Harness();
  stream.ask(EXTENSION_TYPE, { subscribe: ['a'] });
  stream.flushAcknowledged();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.put(EXTENSION_TYPE, 'b', '1');
  assert.deepEqual(told(stream.flushAcknowledged()), ['ECDS a@1']);
  stream.catalog.remove(EXTENSION_TYPE, 'a');
  assert.deepEqual(told(stream.flushAcknowledged()), ['ECDS -a']);
  stream.ask(EXTENSION_TYPE, { unsubscribe: ['a'] });
  stream.put(EXTENSION_TYPE, 'a', '2');
  assert.deepEqual(told(stream.flush()), []);
});

test('one response is in flight; what changes meanwhile is sent once, in its latest form', () => {
  const stream = new Harness();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.ask(EXTENSION_TYPE, { subscribe: ['a'] });
  const [first] = stream.flush();
  for (const version of ['2', '3', '4']) {
    stream.put(EXTENSION_TYPE, 'a', version);
    assert.deepEqual(told(stream.flush()), []);
  }
  stream.ask(EXTENSION_TYPE, { nonce: 'of long ago' });
  assert.deepEqual(told(stream.flush()), [], 'a stale nonce is no answer');
  stream.ask(EXTENSION_TYPE, { nonce: first?.nonce ?? '' });
  assert.deepEqual(told(stream.flush()), ['ECDS a@4']);
});

test('what changes and changes back before it was sent is not sent', () => {
  const stream = new Harness();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.ask(EXTENSION_TYPE, { subscribe: ['a'] });
  const [first] = stream.flush();
  stream.put(EXTENSION_TYPE, 'a', '2');
  stream.catalog.settle();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.ask(EXTENSION_TYPE, { nonce: first?.nonce ?? '' });
  assert.deepEqual(told(stream.flush()), []);
});

test('an empty first request means all clusters or listeners, and is answered even if none', () => {
  const stream = new Harness();
  stream.ask(CLUSTER_TYPE);
  stream.ask(LISTENER_TYPE);
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS', 'LDS']);
  stream.catalog.put(LISTENER_TYPE, resource('in', '1'), { isMember: true });
  stream.put(LISTENER_TYPE, 'other', '1');
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS in@1']);
});

test('an empty first request of another type means nothing yet', () => {
  const stream = new Harness();
  stream.ask(VIRTUAL_HOST_TYPE);
  assert.deepEqual(told(stream.flush()), []);
});

test('what a wildcard no longer covers is removed, unless it is held by name', () => {
  const stream = new Harness();
  const put = (name: string, isMember: boolean): void =>
    stream.catalog.put(LISTENER_TYPE, resource(name, '1'), { isMember });
  put('a', true);
  put('b', true);
  stream.ask(LISTENER_TYPE, { subscribe: ['*', 'b'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS b@1 a@1']);
  stream.catalog.setMember(LISTENER_TYPE, 'a', false);
  stream.catalog.setMember(LISTENER_TYPE, 'b', false);
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS -a']);
  stream.ask(LISTENER_TYPE, { unsubscribe: ['b'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS -b']);
  assert.equal(stream.catalog.heldCount, 1, 'only the wildcard is held');
});

test('what was on its way for a name let go of is removed when a wildcard opened since', () => {
  const stream = new Harness();
  stream.put(LISTENER_TYPE, 'a', '1');
  stream.ask(LISTENER_TYPE, { subscribe: ['a'] });
  const [response] = stream.flush();
  stream.ask(LISTENER_TYPE, { unsubscribe: ['a'] });
  stream.ask(LISTENER_TYPE, { subscribe: ['*'] });
  stream.ask(LISTENER_TYPE, { nonce: response?.nonce ?? '' });
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS', 'LDS -a']);
});

test('a name let go of, and uncovered before anything was said of it, is told as removed', () => {
  const stream = new Harness();
  stream.catalog.put(LISTENER_TYPE, resource('a', '1'), { isMember: true });
  stream.ask(LISTENER_TYPE, { subscribe: ['*', 'a'] });
  stream.catalog.settle();
  stream.protocol.readWildcards();
  stream.ask(LISTENER_TYPE, { unsubscribe: ['a'] });
  stream.catalog.setMember(LISTENER_TYPE, 'a', false);
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS', 'LDS -a']);
});

test('after a reconnect only what differs is sent', () => {
  const stream = new Harness();
  stream.put(EXTENSION_TYPE, 'same', '1');
  stream.put(EXTENSION_TYPE, 'changed', '2');
  stream.ask(EXTENSION_TYPE, {
    subscribe: ['same', 'changed', 'new', 'gone'],
    initialVersions: new Map([
      ['same', '1'],
      ['changed', '1'],
      ['gone', '1'],
    ]),
  });
  const responses = stream.flushAcknowledged();
  assert.deepEqual(told(responses), ['ECDS changed@2 -new', 'ECDS -gone']);
});

test('after a reconnect wildcard members are compared, and what is gone is removed', () => {
  const stream = new Harness();
  stream.catalog.put(LISTENER_TYPE, resource('same', '1'), { isMember: true });
  stream.catalog.put(LISTENER_TYPE, resource('changed', '2'), { isMember: true });
  const initialVersions = new Map(['same', 'changed', 'gone'].map((name) => [name, '1']));
  stream.ask(LISTENER_TYPE, { subscribe: ['*'], initialVersions });
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS changed@2', 'LDS -gone']);
});

test('only the first request of a type says what the client has', () => {
  const stream = new Harness();
  stream.put(EXTENSION_TYPE, 'a', '1');
  stream.ask(EXTENSION_TYPE);
  stream.ask(EXTENSION_TYPE, { subscribe: ['a'], initialVersions: new Map([['a', '1']]) });
  assert.deepEqual(told(stream.flushAcknowledged()), ['ECDS a@1']);
  stream.ask(EXTENSION_TYPE, { subscribe: ['a'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['ECDS a@1'], 'asked anew, answered anew');
});

test('endpoints follow every cluster that was sent, changed or not', () => {
  const stream = new Harness();
  stream.put(CLUSTER_TYPE, 'a', '1', { endpoints: 'e' });
  stream.put(ENDPOINTS_TYPE, 'e', '1');
  stream.ask(CLUSTER_TYPE, { subscribe: ['a'] });
  stream.ask(ENDPOINTS_TYPE, { subscribe: ['e'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS a@1', 'EDS e@1']);
  stream.put(CLUSTER_TYPE, 'a', '2', { endpoints: 'e' });
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS a@2', 'EDS e@1']);
  stream.put(ENDPOINTS_TYPE, 'e', '2');
  assert.deepEqual(told(stream.flushAcknowledged()), ['EDS e@2']);
});

test('a cluster that changed while the proxy was away is followed by its endpoints, too', () => {
  for (const isEndpointsFirst of [false, true]) {
    const stream = new Harness();
    stream.put(CLUSTER_TYPE, 'a', '2', { endpoints: 'e' });
    stream.put(ENDPOINTS_TYPE, 'e', '1');
    const endpoints = { subscribe: ['e'], initialVersions: new Map([['e', '1']]) };
    const cluster = { subscribe: ['a'], initialVersions: new Map([['a', '1']]) };
    if (isEndpointsFirst) stream.ask(ENDPOINTS_TYPE, endpoints);
    stream.ask(CLUSTER_TYPE, cluster);
    const responses = stream.flushAcknowledged();
    if (!isEndpointsFirst) stream.ask(ENDPOINTS_TYPE, endpoints);
    responses.push(...stream.flushAcknowledged());
    assert.deepEqual(told(responses), ['CDS a@2', 'EDS e@1']);
  }
});

test('rule 52: updates go out before what refers to them, removals after it', () => {
  const stream = new Harness();
  for (const type of [LISTENER_TYPE, EXTENSION_TYPE, ENDPOINTS_TYPE, CLUSTER_TYPE]) {
    stream.ask(type, { subscribe: ['a', 'b'] });
    stream.put(type, 'a', '1');
    stream.put(type, 'b', '1');
  }
  assert.deepEqual(told(stream.flushAcknowledged()), [
    'CDS a@1 b@1',
    'EDS a@1 b@1',
    'LDS a@1 b@1',
    'ECDS a@1 b@1',
  ]);
  for (const type of [CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE]) {
    stream.put(type, 'a', '2');
    stream.catalog.remove(type, 'b');
  }
  assert.deepEqual(told(stream.flushAcknowledged()), [
    'CDS a@2 b@tombstone',
    'EDS a@2',
    'LDS a@2',
    'LDS -b',
    'EDS -b',
  ]);
});

test('a listener waits for the answer to a cluster that must come first', () => {
  const stream = new Harness();
  stream.put(CLUSTER_TYPE, 'a', '1');
  stream.ask(CLUSTER_TYPE, { subscribe: ['a'] });
  const [first] = stream.flush();
  stream.put(CLUSTER_TYPE, 'a', '2');
  stream.put(LISTENER_TYPE, 'l', '1');
  stream.ask(LISTENER_TYPE, { subscribe: ['l'] });
  stream.put(EXTENSION_TYPE, 'x', '1');
  stream.ask(EXTENSION_TYPE, { subscribe: ['x'] });
  assert.deepEqual(told(stream.flush()), ['ECDS x@1'], 'an extension refers to nothing');
  stream.ask(CLUSTER_TYPE, { nonce: first?.nonce ?? '' });
  assert.deepEqual(told(stream.flush()), ['CDS a@2', 'LDS l@1']);
});

test('rule 53: a refused version is reported, and sent again only when changed or asked for', () => {
  const stream = new Harness();
  stream.put(LISTENER_TYPE, 'a', '1');
  stream.ask(LISTENER_TYPE, { subscribe: ['a'] });
  const refuse = (): void => {
    const [response] = stream.flush();
    stream.ask(LISTENER_TYPE, { nonce: response?.nonce ?? '', rejection: 'malformed IP address' });
  };
  refuse();
  assert.deepEqual(told(stream.flush()), []);
  const [listeners] = [...stream.protocol.subscriptions.values()];
  assert(listeners);
  const status = typeStatus(listeners);
  assert.deepEqual(status.rejections, [
    { name: 'a', version: '1', message: 'malformed IP address' },
  ]);
  assert.equal(status.acknowledgedCount, 0);
  stream.put(LISTENER_TYPE, 'a', '2');
  assert.deepEqual(told(stream.flushAcknowledged()), ['LDS a@2']);
  assert.deepEqual(typeStatus(listeners).rejections, []);
  stream.put(LISTENER_TYPE, 'a', '3');
  refuse();
  stream.ask(LISTENER_TYPE, { subscribe: ['a'] });
  assert.deepEqual(told(stream.flush()), ['LDS a@3']);
});

test('of a refused response only the bad resource is held back', () => {
  const stream = new Harness();
  const names = Array.from({ length: 100 }, (_, index) => `n${index}`);
  for (const name of names) stream.put(EXTENSION_TYPE, name, name === 'n37' ? 'bad' : 'good');
  stream.ask(EXTENSION_TYPE, { subscribe: names });
  let responseCount = 0;
  const taken = new Set<string>();
  for (let next = stream.flush(); next.length > 0; next = stream.flush()) {
    for (const { nonce, resources } of next) {
      responseCount += 1;
      const isBad = resources.some(({ version }) => version === 'bad');
      if (!isBad) for (const { name } of resources) taken.add(name);
      stream.ask(EXTENSION_TYPE, { nonce, rejection: isBad ? 'bad' : undefined });
    }
  }
  assert.equal(taken.size, 99);
  assert(responseCount <= 16, `halving takes few responses, not ${responseCount}`);
  const [extensions] = [...stream.protocol.subscriptions.values()];
  const statuses = [...(extensions?.entries.values() ?? [])].map(resourceStatus);
  const rejected = statuses.filter(({ rejection }) => rejection !== undefined);
  assert.deepEqual(
    rejected.map(({ name, isAcknowledged }) => [name, isAcknowledged]),
    [['n37', false]],
  );
});

test('responses are split by size; one large resource goes alone', () => {
  const stream = new Harness({ responseBytesMax: 250 });
  for (const name of ['a', 'b', 'c']) stream.put(EXTENSION_TYPE, name, '1');
  stream.catalog.put(EXTENSION_TYPE, { ...resource('big', '1'), bytes: new Uint8Array(9000) });
  stream.ask(EXTENSION_TYPE, { subscribe: ['a', 'b', 'c', 'big'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['ECDS a@1 b@1', 'ECDS c@1', 'ECDS big@1']);
});

test('names over the quota are answered with a stand-in and held by nobody', () => {
  const stream = new Harness({ namesMax: 2 });
  for (const name of ['a', 'b', 'c']) stream.put(CLUSTER_TYPE, name, '1');
  stream.ask(CLUSTER_TYPE, { subscribe: ['a', 'b', 'c'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS c@tombstone a@1 b@1']);
  assert.deepEqual(stream.protocol.counts, { names: 2, unknown: 0, refusals: 1 });
  assert.equal(stream.catalog.heldCount, 2);
  stream.put(CLUSTER_TYPE, 'c', '2');
  assert.deepEqual(told(stream.flushAcknowledged()), []);
  stream.ask(CLUSTER_TYPE, { unsubscribe: ['a'], subscribe: ['c'] });
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS c@2'], 'there is room again');
});

test('names that mean nothing have a small quota of their own', () => {
  const stream = new Harness({ unknownNamesMax: 2 });
  stream.put(CLUSTER_TYPE, 'real', '1');
  stream.ask(CLUSTER_TYPE, { subscribe: ['x', 'y', 'z', 'real'] });
  assert.deepEqual(told(stream.flushAcknowledged()), [
    'CDS z@tombstone x@tombstone y@tombstone real@1',
  ]);
  assert.deepEqual(stream.protocol.counts, { names: 3, unknown: 2, refusals: 1 });
  assert.equal(stream.catalog.heldCount, 3);
  stream.put(CLUSTER_TYPE, 'x', '1');
  assert.deepEqual(told(stream.flushAcknowledged()), ['CDS x@1'], 'one that gets a meaning heals');
  assert.equal(stream.protocol.counts.unknown, 1, 'and makes room');
});

test('a reconnect with many unknown names costs no answers if they still are', () => {
  const stream = new Harness({ unknownNamesMax: 2 });
  const names = Array.from({ length: 1000 }, (_, index) => `unknown ${index}`);
  stream.ask(CLUSTER_TYPE, {
    subscribe: names,
    initialVersions: new Map(names.map((name) => [name, 'tombstone'])),
  });
  assert.deepEqual(told(stream.flushAcknowledged()), []);
  assert.equal(stream.catalog.heldCount, 2);
});

test('a client that asks without reading, or for very many types, is cut off', () => {
  const stream = new Harness({ namesMax: 0 });
  const names = (from: number): string[] =>
    Array.from({ length: 60_000 }, (_, index) => `n${from + index}`);
  assert.equal(stream.ask(CLUSTER_TYPE, { subscribe: names(0) }), true);
  assert.equal(stream.ask(CLUSTER_TYPE, { subscribe: names(60_000) }), false);
  const other = new Harness();
  const answers = Array.from({ length: 17 }, (_, index) => other.ask(`type ${index}`));
  assert.equal(answers.indexOf(false), 16);
});

test('the end of a stream releases everything', () => {
  const stream = new Harness();
  stream.ask(CLUSTER_TYPE, { subscribe: ['*', 'a'] });
  stream.flush();
  stream.ask(ENDPOINTS_TYPE, { subscribe: ['fresh'] });
  stream.protocol.close();
  assert.equal(stream.catalog.heldCount, 0);
});

test('a proxy that comes to be of another class is told what differs, and no more', () => {
  const harness = new Harness();
  const { catalog, protocol } = harness;
  harness.put(CLUSTER_TYPE, 'same', '1');
  harness.put(CLUSTER_TYPE, 'other', '1');
  catalog.put(CLUSTER_TYPE, resource('other', '2'), { ofClass: 'second' });
  catalog.put(CLUSTER_TYPE, resource('late', '2'), { ofClass: 'second' });
  harness.ask(CLUSTER_TYPE, { subscribe: ['same', 'other', 'late'] });
  harness.flushAcknowledged();
  assert.equal(protocol.counts.unknown, 1);
  catalog.reclassify('second');
  const sent = harness.flushAcknowledged().flatMap(({ resources }) => resources);
  assert.deepEqual(sent.map(({ name, version }) => `${name} ${version}`).toSorted(), [
    'late 2',
    'other 2',
  ]);
  assert.deepEqual([protocol.counts.unknown, protocol.counts.names], [0, 3]);
  protocol.close();
  assert.deepEqual([catalog.heldCount, catalog.isClassHeld], [0, false]);
});

test('what the client may still have of a wildcard that it gave up and took again is removed', () => {
  const harness = new Harness();
  harness.catalog.put(LISTENER_TYPE, resource('gone', '1'), { isMember: true });
  harness.ask(LISTENER_TYPE, { subscribe: ['*'] });
  const [inFlight] = harness.flush();
  harness.ask(LISTENER_TYPE, { unsubscribe: ['*'] });
  harness.ask(LISTENER_TYPE, { subscribe: ['*'] });
  assert.deepEqual(harness.flush(), [], 'nothing before the answer');
  harness.catalog.remove(LISTENER_TYPE, 'gone');
  harness.flush();
  harness.ask(LISTENER_TYPE, { nonce: inFlight?.nonce ?? '' });
  const removed = harness.flushAcknowledged().flatMap(({ removed }) => removed);
  assert.deepEqual(removed, ['gone']);
});
