// Whose session of TLS it is that Envoy tells of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG_NAME } from '#base/access-log-tags.ts';
import { callKind, type CallFacts } from '../call-kind.ts';
import { edgeFacts } from './edge-facts.ts';
import type { WireFacts } from './wire-facts.ts';

const NONE = { spiffeId: '', subject: '' };
const WIRE: WireFacts = {
  downstreamRemotePort: 40_000,
  downstreamLocalPort: 15_012,
  upstreamRemotePort: 15_012,
  upstreamLocalPort: 50_000,
  tlsVersion: '',
  tlsCipher: '',
  deniedBy: '',
};
const PLAIN: CallFacts = {
  logName: LOG_NAME.outboundTcp,
  tags: { service: 'istiod.istio-system.svc.cluster.local|istiod|istio-system' },
  downstreamPeer: NONE,
  downstreamLocal: NONE,
  sni: '',
  downstreamRemoteAddress: '10.128.0.14',
  downstreamLocalAddress: '10.24.2.2',
  upstreamRemoteAddress: '10.24.0.10',
  upstreamLocalAddress: '10.24.2.2',
  responseCode: undefined,
  routeName: '',
};

const securityOf = (facts: CallFacts): string =>
  edgeFacts(callKind(facts, NONE), facts, WIRE).security;

test('bytes without a session are in clear text', () => {
  assert.equal(securityOf(PLAIN), 'none');
});

test('a session that is handed through by its name is not known to be one, nor to be none', () => {
  assert.equal(securityOf({ ...PLAIN, sni: 'istiod.istio-system.svc' }), '');
});
