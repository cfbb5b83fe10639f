import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreadyReasons, type HealthInputs } from './health.ts';

const READY: HealthInputs = {
  isEnvoyLive: true,
  identity: 'valid',
  capture: { kind: 'verified' },
  isLeaving: false,
  isEnding: false,
};

test('ready is: Envoy live, certificate valid, capture verified or not wanted', () => {
  const table: readonly (readonly [Partial<HealthInputs>, RegExp | undefined])[] = [
    [{}, undefined],
    [{ capture: { kind: 'off' } }, undefined],
    [{ isEnvoyLive: false }, /Envoy is not live/],
    [{ identity: 'none' }, /no certificate yet/],
    [{ identity: 'expired' }, /certificate has expired/],
    [{ capture: { kind: 'waiting' } }, /not captured yet/],
    [{ capture: { kind: 'failed', reason: 'nft says no' } }, /not captured: nft says no/],
    [{ isLeaving: true }, /leaving the mesh/],
    [{ isEnding: true, isEnvoyLive: false }, /^the workload is ending$/],
  ];
  for (const [inputs, expected] of table) {
    const reasons = unreadyReasons({ ...READY, ...inputs }).join();
    if (expected) assert.match(reasons, expected);
    else assert.equal(reasons, '');
  }
});
