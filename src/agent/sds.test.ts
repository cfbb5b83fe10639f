import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { afterSdsRequest, encodeSecrets, nextSdsResponse, SDS_START } from './sds.ts';

const request = (part: MessageInitShape<typeof DiscoveryRequestSchema>) =>
  create(DiscoveryRequestSchema, part);
const secrets = (serial: number, roots = 'roots') =>
  encodeSecrets({ keyPem: `key ${serial}`, chainPem: `chain ${serial}`, rootsPem: roots });

const subscribe = (names: readonly string[]) => {
  const state = afterSdsRequest(SDS_START, request({ resourceNames: [...names] }));
  assert(state);
  return state;
};

test('a secret is sent once, and again when it has rotated', () => {
  const first = nextSdsResponse(subscribe(['default']), secrets(1));
  assert.equal(first?.resources.length, 1);
  const acked = afterSdsRequest(
    first.state,
    request({ resourceNames: ['default'], responseNonce: '1', versionInfo: 'v' }),
  );
  assert(acked);
  assert.equal(nextSdsResponse(acked, secrets(1)), undefined);
  const rotated = nextSdsResponse(acked, secrets(2));
  assert.equal(rotated?.resources.length, 1);
  assert.equal(rotated.state.nonce, 2);
});

test('a rotation of the certificate does not send the roots again', () => {
  const sent = nextSdsResponse(subscribe(['ROOTCA']), secrets(1));
  assert(sent);
  assert.equal(nextSdsResponse(sent.state, secrets(2)), undefined);
  assert(nextSdsResponse(sent.state, secrets(2, 'other roots')));
});

test('without a secret there is no answer: Envoy waits', () => {
  assert.equal(nextSdsResponse(subscribe(['default']), new Map()), undefined);
  assert.equal(nextSdsResponse(subscribe(['unknown']), secrets(1)), undefined);
  assert.equal(nextSdsResponse(SDS_START, secrets(1)), undefined);
});

test('a rejected secret is not sent again until it is another one', () => {
  const sent = nextSdsResponse(subscribe(['default']), secrets(1));
  assert(sent);
  const rejected = afterSdsRequest(
    sent.state,
    request({
      resourceNames: ['default'],
      responseNonce: '1',
      errorDetail: { code: 3, message: 'bad key' },
    }),
  );
  assert(rejected);
  assert.equal(nextSdsResponse(rejected, secrets(1)), undefined);
  assert(nextSdsResponse(rejected, secrets(2)));
});

test('an answer to an older response is ignored', () => {
  const first = nextSdsResponse(subscribe(['default']), secrets(1));
  assert(first);
  const second = nextSdsResponse(first.state, secrets(2));
  assert(second);
  const late = request({ resourceNames: ['default'], responseNonce: '1' });
  assert.equal(afterSdsRequest(second.state, late), undefined);
});

test('another name on the stream is answered', () => {
  const sent = nextSdsResponse(subscribe(['default']), secrets(1));
  assert(sent);
  const more = afterSdsRequest(
    sent.state,
    request({ resourceNames: ['default', 'ROOTCA'], responseNonce: '1' }),
  );
  assert(more);
  assert.equal(nextSdsResponse(more, secrets(1))?.resources.length, 2);
});

test('the version of a secret says nothing of its key', () => {
  const one = encodeSecrets({ keyPem: 'key 1', chainPem: 'chain', rootsPem: 'roots' });
  const two = encodeSecrets({ keyPem: 'key 2', chainPem: 'chain', rootsPem: 'roots' });
  assert.equal(one.get('default')?.version, two.get('default')?.version);
});
