import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { buildTombstone } from './cluster.ts';
import { encodeResource } from './encode.ts';
import { TYPE_URL } from './names.ts';
import { decode } from './simulate-call.ts';

const encode = (name: string, aliases: readonly string[] = []) =>
  encodeResource(name, ClusterSchema, buildTombstone(name), { aliases });

test('equal content has an equal version, in every process', () => {
  assert.equal(encode('a').version, encode('a').version);
  assert.equal(encode('a').version, '9f54b78a130b8c45', 'what another process made of it');
});

test('another name, another content or another alias is another version', () => {
  const versions = [encode('a'), encode('b'), encode('a', ['x'])].map(({ version }) => version);
  assert.equal(new Set(versions).size, 3);
});

test('the bytes are a whole resource', () => {
  const encoded = encode('a', ['x', 'y']);
  const { name, version, aliases, resource } = fromBinary(ResourceSchema, encoded.bytes);
  assert.deepEqual(
    { name, version, aliases, typeUrl: resource?.typeUrl },
    { name: 'a', version: encoded.version, aliases: ['x', 'y'], typeUrl: TYPE_URL.cluster },
  );
  assert.equal(decode(ClusterSchema, encoded).name, 'a');
});
