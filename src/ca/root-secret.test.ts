import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { FakeKubeClient, refusal } from '#kube/fake-kube-client.ts';
import { SECRET } from '#kube/resources.ts';
import { KubeStatusError } from '#kube/status.ts';
import { openAuthoritySource } from './authority-source.ts';
import type { AuthorityMaterial } from './authority.ts';
import { loadOrCreateAuthority } from './root-secret.ts';
import { createRoot } from './root.ts';

const nowMs = systemClock.nowMs();
const clock = { ...systemClock, nowMs: () => nowMs };
const common = { clock, trustDomain: 'cluster.local', log: silentLogger };
const OWN = { namespace: 'istio-system', name: 'istio-ca-secret' };
const PLUGGED_IN = { namespace: 'istio-system', name: 'cacerts' };

test('a mesh without a root gets one, in the form of Istio, and keeps it', async () => {
  const client = new FakeKubeClient();
  const first = await loadOrCreateAuthority({ ...common, client });
  const second = await loadOrCreateAuthority({ ...common, client });
  assert.equal(first.fingerprint, second.fingerprint);
  const secret = await client.get(SECRET, OWN);
  assert.equal(secret['type'], 'istio.io/ca-root');
  assert.deepEqual(Object.keys(secret['data'] ?? {}), ['ca-cert.pem', 'ca-key.pem']);
});

test('of many that make a root at once, all use that of the first', async () => {
  const client = new FakeKubeClient();
  const all = Array.from({ length: 10 }, () => loadOrCreateAuthority({ ...common, client }));
  const fingerprints = (await Promise.all(all)).map(({ fingerprint }) => fingerprint);
  assert.equal(new Set(fingerprints).size, 1);
});

test('a plugged-in authority goes before the own one', async () => {
  const client = new FakeKubeClient();
  await loadOrCreateAuthority({ ...common, client });
  const root = createRoot('cluster.local', nowMs);
  client.kind(SECRET).put(PLUGGED_IN, secretOf(root));
  const { trustBundlePem } = await loadOrCreateAuthority({ ...common, client });
  assert.equal(trustBundlePem, root.rootPem);
});

test('a wrong authority is refused with the name of its Secret and what to do', async () => {
  const client = new FakeKubeClient();
  const [root, other] = [createRoot('cluster.local', nowMs), createRoot('cluster.local', nowMs)];
  client.kind(SECRET).put(PLUGGED_IN, secretOf({ ...root, keyPem: other.keyPem }));
  await assert.rejects(loadOrCreateAuthority({ ...common, client }), (error) => {
    assert(error instanceof OperatorError && error.code === 'CONFIG_INVALID');
    assert.match(error.message, /Secret istio-system\/cacerts cannot be used: its private key/);
    assert.doesNotMatch(error.message, /BEGIN/);
    return /put a valid ca-cert\.pem/.test(error.remedy);
  });
});

test('a Secret without data is no reason to make another root', async () => {
  const client = new FakeKubeClient();
  client.kind(SECRET).put(OWN);
  const failing = loadOrCreateAuthority({ ...common, client });
  await assert.rejects(failing, /Secret istio-system\/istio-ca-secret cannot be used: it has no/);
});

test('a missing namespace is named; a refusal is passed on', async () => {
  const client = new FakeKubeClient();
  client.beforeWrite = (_, type, ref) => {
    throw refusal(404, 'NotFound', type, ref, 'not found');
  };
  const failing = loadOrCreateAuthority({ ...common, client });
  await assert.rejects(failing, /namespace istio-system does not exist/);
  client.beforeWrite = (_, type, ref) => {
    throw refusal(403, 'Forbidden', type, ref, 'is forbidden');
  };
  await assert.rejects(loadOrCreateAuthority({ ...common, client }), KubeStatusError);
});

test('a changed authority takes effect while running; a broken or deleted one does not', async () => {
  const client = new FakeKubeClient();
  const lines: string[] = [];
  const log = createLogger('ca', { sink: (line) => lines.push(line) });
  const changes: string[] = [];
  const source = await openAuthoritySource({
    ...common,
    log,
    client,
    random: () => 0,
    onChange: ({ trustBundlePem }) => changes.push(trustBundlePem),
  });
  let heard = 0;
  const unsubscribe = source.subscribe(() => (heard += 1));
  const own = source.current();
  const stop = new AbortController();
  const running = source.run(stop.signal);
  await settle();
  assert.deepEqual(changes, [], 'what is there already is no change');

  const [old, next] = [createRoot('cluster.local', nowMs), createRoot('cluster.local', nowMs)];
  const both = old.rootPem + next.rootPem;
  client.kind(SECRET).put(PLUGGED_IN, secretOf({ ...old, rootPem: both }));
  await settle();
  assert.deepEqual(changes, [both]);
  assert.equal(source.current().trustBundlePem, both);

  const before = source.current();
  client.kind(SECRET).put(PLUGGED_IN, secretOf({ ...old, keyPem: next.keyPem }));
  await settle();
  assert.equal(source.current(), before);
  assert.match(lines.join('\n'), /keeping the present certificate authority problem=.*cacerts/);

  unsubscribe();
  client.kind(SECRET).remove(PLUGGED_IN);
  await settle();
  assert.equal(source.current().fingerprint, own.fingerprint, 'back to the own one');
  client.kind(SECRET).remove(OWN);
  await settle();
  assert.equal(source.current().fingerprint, own.fingerprint, 'and no further');
  assert.equal(heard, 1);
  stop.abort();
  await running;
});

function secretOf(material: AuthorityMaterial) {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return {
    data: {
      'ca-cert.pem': encode(material.certificatePem),
      'ca-key.pem': encode(material.keyPem),
      'cert-chain.pem': encode(material.chainPem),
      'root-cert.pem': encode(material.rootPem),
    },
  };
}

/** Until the reflectors have heard what was done. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
}
