import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { OfflineXds } from './offline-xds.ts';
import { XdsCache } from './xds-cache.ts';

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const ENDPOINTS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
const VIRTUAL_HOST = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
const DESTINATION = 'dst|10.96.0.5:5432';
const INBOUND = 'inbound|5432||';

const request = (init: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
  create(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER, ...init });

const cluster = (name: string, version: string, altStatName = '') => ({
  name,
  version,
  resource: anyPack(ClusterSchema, create(ClusterSchema, { name, altStatName })),
});

const response = (init: MessageInitShape<typeof DeltaDiscoveryResponseSchema>) =>
  create(DeltaDiscoveryResponseSchema, { typeUrl: CLUSTER, ...init });

/** An Envoy that has one cluster by wildcard and has asked for another. */
function filled(): XdsCache {
  const cache = new XdsCache(() => undefined);
  const stream = cache.follow();
  stream.request(request({}));
  stream.response(response({ nonce: '1', resources: [cluster(INBOUND, '1')] }));
  stream.request(request({ responseNonce: '1' }));
  stream.request(request({ resourceNamesSubscribe: [DESTINATION] }));
  stream.response(response({ nonce: '2', resources: [cluster(DESTINATION, '1')] }));
  stream.request(request({ responseNonce: '2' }));
  return cache;
}

const namesOf = (answer: DeltaDiscoveryResponse | undefined): readonly string[] | undefined =>
  answer?.resources.map(({ name }) => name);

const held = (cache: XdsCache): Record<string, string> =>
  Object.fromEntries(
    [...(cache.types.get(CLUSTER) ?? [])].map(([name, { version }]) => [name, version]),
  );

describe('what is kept', () => {
  test('is what Envoy has accepted, no more', () => {
    const cache = filled();
    const stream = cache.follow();
    const initialResourceVersions = { [INBOUND]: '1', [DESTINATION]: '1' };
    stream.request(
      request({ initialResourceVersions, resourceNamesSubscribe: ['*', DESTINATION] }),
    );
    stream.response(response({ nonce: 'a', resources: [cluster(DESTINATION, '2')] }));
    assert.equal(held(cache)[DESTINATION], '1', 'not answered yet');
    stream.request(request({ responseNonce: 'a', errorDetail: { message: 'no' } }));
    assert.equal(held(cache)[DESTINATION], '1', 'refused');
    stream.response(response({ nonce: 'b', resources: [cluster(DESTINATION, '3')] }));
    stream.request(request({ responseNonce: 'b' }));
    assert.deepEqual(held(cache), { [INBOUND]: '1', [DESTINATION]: '3' });
    stream.response(response({ nonce: 'c', removedResources: [INBOUND] }));
    stream.request(request({ responseNonce: 'c' }));
    assert.deepEqual(held(cache), { [DESTINATION]: '3' });
    stream.request(request({ resourceNamesUnsubscribe: [DESTINATION] }));
    assert.equal(cache.isEmpty, true);
    assert.equal(cache.byteLength, 0);
  });

  test('of a wildcard is all that the last fresh Envoy got', () => {
    const cache = filled();
    const stream = cache.follow();
    stream.request(request({}));
    stream.response(response({ nonce: '1', resources: [cluster('inbound|80||', '1')] }));
    stream.request(request({ responseNonce: '1' }));
    assert.deepEqual(Object.keys(held(cache)), [DESTINATION, 'inbound|80||']);
  });

  test('is bounded: what was asked for longest ago goes first, a wildcard’s never', () => {
    const cache = filled();
    const stream = cache.follow();
    const names = Array.from({ length: 10 }, (_, index) => `dst|10.0.0.${index}:80`);
    stream.request(request({ initialResourceVersions: { x: '1' }, resourceNamesSubscribe: names }));
    for (const name of names) {
      const resources = [cluster(name, '1', 'x'.repeat(1 << 20))];
      stream.response(response({ nonce: name, resources }));
      stream.request(request({ responseNonce: name }));
    }
    assert.deepEqual(Object.keys(held(cache)), [INBOUND, ...names.slice(-7)]);
  });
});

describe('an Envoy without a control plane', () => {
  test('gets by wildcard what stood for it, and by name what it had asked for', () => {
    const offline = new OfflineXds(filled());
    assert.deepEqual(namesOf(offline.answer(request({}))), [INBOUND]);
    const asked = offline.answer(request({ resourceNamesSubscribe: [DESTINATION] }));
    assert.deepEqual(namesOf(asked), [DESTINATION]);
    assert.equal(asked?.resources[0]?.version, '1', 'as the control plane called it');
    assert.equal(offline.answer(request({ responseNonce: asked?.nonce ?? '' })), undefined);
  });

  test('gets an answer to every name: what it never had refuses at once', () => {
    const offline = new OfflineXds(filled());
    offline.answer(request({}));
    const unknown = offline.answer(request({ resourceNamesSubscribe: ['dst|10.0.0.9:80'] }));
    assert.deepEqual(namesOf(unknown), ['dst|10.0.0.9:80']);
    const [tombstone] = unknown?.resources ?? [];
    assert.equal(tombstone?.version, 'offline', 'the real one is news');
    const read = tombstone?.resource && anyUnpack(tombstone.resource, ClusterSchema);
    assert.equal(read?.name, 'dst|10.0.0.9:80');
    assert.equal(read.loadAssignment?.clusterName, 'dst|10.0.0.9:80');
    assert.deepEqual(read.loadAssignment.endpoints, []);
    const host = offline.answer(
      request({ typeUrl: VIRTUAL_HOST, resourceNamesSubscribe: ['80/somewhere'] }),
    );
    assert.deepEqual(host?.resources[0]?.aliases, ['80/somewhere']);
    assert.equal(host?.resources[0]?.resource, undefined);
    const endpoints = offline.answer(
      request({ typeUrl: ENDPOINTS, resourceNamesSubscribe: ['outbound|80||x'] }),
    );
    assert.deepEqual(endpoints?.removedResources, ['outbound|80||x']);
  });

  test('gets an empty answer to a wildcard of which nothing is kept: it waits for one', () => {
    const offline = new OfflineXds(new XdsCache(() => undefined));
    assert.deepEqual(namesOf(offline.answer(request({}))), []);
    const virtualHosts = offline.answer(request({ typeUrl: VIRTUAL_HOST }));
    assert.equal(virtualHosts, undefined, 'which is no wildcard');
  });
});
