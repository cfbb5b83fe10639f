import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { EncodedResource } from './catalog.ts';
import { SotwCodec } from './sotw-codec.ts';
import { CLUSTER_TYPE, ENDPOINTS_TYPE } from './type-urls.ts';

const request = (init: MessageInitShape<typeof DiscoveryRequestSchema>): Uint8Array =>
  toBinary(
    DiscoveryRequestSchema,
    create(DiscoveryRequestSchema, { typeUrl: CLUSTER_TYPE, ...init }),
  );

function cluster(name: string): EncodedResource {
  const message = create(ResourceSchema, {
    name: `grpc|${name}`,
    version: '1',
    resource: anyPack(ClusterSchema, create(ClusterSchema, { name })),
  });
  return { name: message.name, version: '1', bytes: toBinary(ResourceSchema, message) };
}

/** What a response says: its nonce, and the names of the clusters in it. */
function said(codec: SotwCodec, response: Parameters<SotwCodec['encode']>[0]): readonly string[] {
  const bytes = Buffer.concat(codec.encode(response));
  const { nonce, versionInfo, typeUrl, resources } = fromBinary(DiscoveryResponseSchema, bytes);
  assert.equal(versionInfo, response.nonce);
  assert.equal(typeUrl, response.typeUrl);
  const names = resources.map(({ value }) => fromBinary(ClusterSchema, value).name);
  return [nonce, ...names];
}

function decoded(codec: SotwCodec, init: MessageInitShape<typeof DiscoveryRequestSchema>) {
  const outcome = codec.decode(request(init));
  assert(outcome.ok, outcome.ok ? '' : outcome.problem);
  const { subscribe, unsubscribe, nonce, rejection } = outcome.value;
  return { subscribe, unsubscribe, nonce, rejection };
}

describe('a request names all that is wanted', () => {
  test('so what is new is asked for, and what is not named any more is let go of', () => {
    const codec = new SotwCodec();
    const none = { nonce: '', rejection: undefined };
    assert.deepEqual(decoded(codec, { resourceNames: ['a', 'b'] }), {
      ...none,
      subscribe: ['grpc|a', 'grpc|b'],
      unsubscribe: [],
    });
    assert.deepEqual(decoded(codec, { resourceNames: ['b', 'c'], responseNonce: '1' }), {
      nonce: '1',
      rejection: undefined,
      subscribe: ['grpc|c'],
      unsubscribe: ['grpc|a'],
    });
    assert.deepEqual(decoded(codec, { resourceNames: [] }).unsubscribe, ['grpc|b', 'grpc|c']);
  });

  test('a refusal is one of the response that it names', () => {
    const codec = new SotwCodec();
    decoded(codec, { resourceNames: ['a'] });
    const { nonce, rejection } = decoded(codec, {
      resourceNames: ['a'],
      responseNonce: '7',
      errorDetail: { message: 'no such policy' },
    });
    assert.deepEqual([nonce, rejection], ['7', 'no such policy']);
  });

  test('endpoints are the same for everybody, and have no prefix', () => {
    const codec = new SotwCodec();
    const asked = decoded(codec, { typeUrl: ENDPOINTS_TYPE, resourceNames: ['outbound|80||a'] });
    assert.deepEqual(asked.subscribe, ['outbound|80||a']);
  });

  test('a client that wants everything is turned away, and so is noise', () => {
    assert.equal(new SotwCodec().decode(request({})).ok, false);
    assert.equal(new SotwCodec().decode(Uint8Array.of(0xff, 0xff)).ok, false);
    assert.equal(new SotwCodec().decode(new Uint8Array()).ok, false);
  });
});

describe('a response', () => {
  const clusters = { typeUrl: CLUSTER_TYPE, removed: [] };

  test('names all clusters that there are, also those that did not change', () => {
    const codec = new SotwCodec();
    decoded(codec, { resourceNames: ['a', 'b'] });
    const both = { ...clusters, nonce: '1', resources: [cluster('a'), cluster('b')] };
    assert.deepEqual(said(codec, both), ['1', 'a', 'b']);
    const changed = { ...clusters, nonce: '2', resources: [cluster('b')] };
    assert.deepEqual(said(codec, changed), ['2', 'a', 'b']);
    const gone = { ...clusters, nonce: '3', resources: [], removed: ['grpc|a'] };
    assert.deepEqual(said(codec, gone), ['3', 'b']);
    decoded(codec, { resourceNames: ['a'] });
    assert.deepEqual(said(codec, { ...clusters, nonce: '4', resources: [] }), ['4']);
  });

  test('of endpoints names those that changed', () => {
    const codec = new SotwCodec();
    decoded(codec, { typeUrl: ENDPOINTS_TYPE, resourceNames: ['a', 'b'] });
    const typeUrl = ENDPOINTS_TYPE;
    said(codec, { typeUrl, nonce: '1', removed: [], resources: [cluster('a'), cluster('b')] });
    const next = { typeUrl, nonce: '2', removed: [], resources: [cluster('b')] };
    assert.deepEqual(said(codec, next), ['2', 'b']);
  });
});
