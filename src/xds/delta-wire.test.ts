import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { decodeDeltaRequest, encodeDeltaResponse } from './delta-wire.ts';

const name = fc.string({ minLength: 1, maxLength: 40 });
const names = fc.array(name, { maxLength: 10 });

test('a request is read as the generated types read it', () => {
  const requests = fc.record({
    typeUrl: name,
    subscribe: names,
    unsubscribe: names,
    initialVersions: fc.dictionary(name, name),
    nonce: fc.string(),
    rejection: fc.option(fc.string(), { nil: undefined }),
    nodeId: fc.string(),
  });
  fc.assert(
    fc.property(requests, (request) => {
      const { rejection } = request;
      const message = create(DeltaDiscoveryRequestSchema, {
        node: { id: request.nodeId, cluster: 'c', metadata: { NAME: 'x' }, extensions: [{}] },
        typeUrl: request.typeUrl,
        resourceNamesSubscribe: request.subscribe,
        resourceNamesUnsubscribe: request.unsubscribe,
        initialResourceVersions: request.initialVersions,
        responseNonce: request.nonce,
        ...(rejection !== undefined && { errorDetail: { code: 3, message: rejection } }),
        resourceLocatorsSubscribe: [{ name: 'xdstp://x' }],
      });
      assert.deepEqual(decodeDeltaRequest(toBinary(DeltaDiscoveryRequestSchema, message)), {
        ok: true,
        value: {
          ...request,
          initialVersions: new Map(Object.entries(request.initialVersions)),
        },
      });
    }),
  );
});

test('no bytes make the reader throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(typeof decodeDeltaRequest(bytes).ok, 'boolean');
    }),
  );
});

test('a request without a type, with a name too long, or with too many names is refused', () => {
  const problemOf = (init: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]) => {
    const message = create(DeltaDiscoveryRequestSchema, init);
    const decoded = decodeDeltaRequest(toBinary(DeltaDiscoveryRequestSchema, message));
    return decoded.ok ? undefined : decoded.problem;
  };
  assert.equal(problemOf({}), 'no type_url');
  const long = { typeUrl: 't', resourceNamesSubscribe: ['x'.repeat(1025)] };
  assert.equal(problemOf(long), 'name is too long');
  const many = { typeUrl: 't', resourceNamesSubscribe: Array<string>(100_001).fill('x') };
  assert.equal(problemOf(many), 'more than 100000 names');
});

test('a response spliced of shared bytes reads like an encoded one', () => {
  const resources = fc.array(
    fc.record({ name, version: name, size: fc.integer({ min: 0, max: 9000 }) }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(name, name, names, resources, (typeUrl, nonce, removed, contents) => {
      const encoded = contents.map(({ name, version, size }) => {
        const resource = { typeUrl: 't', value: new Uint8Array(size).fill(7) };
        const message = create(ResourceSchema, { name, version, resource });
        return { name, version, bytes: toBinary(ResourceSchema, message) };
      });
      const parts = encodeDeltaResponse({ typeUrl, nonce, resources: encoded, removed });
      const response = fromBinary(DeltaDiscoveryResponseSchema, Buffer.concat(parts));
      assert.equal(response.typeUrl, typeUrl);
      assert.equal(response.nonce, nonce);
      assert.deepEqual(response.removedResources, removed);
      assert.deepEqual(
        response.resources.map(({ name, version }) => [name, version]),
        contents.map(({ name, version }) => [name, version]),
      );
      const large = encoded.filter(({ bytes }) => bytes.length >= 4096);
      assert(large.every(({ bytes }) => parts.includes(bytes)));
    }),
  );
});

test('rule 57: of a node nothing is read but its id, whatever its metadata claims', () => {
  const decoded = decodeDeltaRequest(
    toBinary(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, {
        typeUrl: 'type',
        node: {
          id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
          metadata: { NAMESPACE: 'default', SERVICE_ACCOUNT: 'admin', LABELS: { app: 'db' } },
          locality: { region: 'elsewhere' },
        },
      }),
    ),
  );
  assert(decoded.ok);
  const { nodeId, typeUrl, ...rest } = decoded.value;
  assert.equal(nodeId, 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local');
  assert.equal(typeUrl, 'type');
  assert.doesNotMatch(
    JSON.stringify({ ...rest, initialVersions: [] }),
    /default|admin|db|elsewhere/,
  );
});
