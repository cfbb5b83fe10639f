import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { FakeKubeClient, refusal } from '#kube/fake-kube-client.ts';
import { isRecord } from '#kube/objects.ts';
import { CONFIG_MAP, NAMESPACE } from '#kube/resources.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createRootPublisher, planRootPublications } from './root-config-map.ts';

const NAME = 'istio-ca-root-cert';

test('only namespaces without the present bundle are written, system ones never', () => {
  const namespaces = new Set(['default', 'old', 'right', 'kube-system']);
  const published = new Map([
    ['old', 'before'],
    ['right', 'now'],
    ['gone', 'before'],
  ]);
  assert.deepEqual(planRootPublications(namespaces, published, 'now'), [
    { kind: 'create', namespace: 'default' },
    { kind: 'update', namespace: 'old' },
  ]);
});

test('every namespace gets the bundle, new ones as well', async () => {
  await using mesh = await start(['default', 'istio-system', 'kube-system']);
  assert.deepEqual(mesh.published(), { default: 'one', 'istio-system': 'one' });
  mesh.client.kind(NAMESPACE).put({ name: 'late' });
  await settle();
  assert.equal(mesh.published()['late'], 'one');
});

test('another bundle goes everywhere', async () => {
  await using mesh = await start(['a', 'b']);
  mesh.setBundle('two');
  await settle();
  assert.deepEqual(mesh.published(), { a: 'two', b: 'two' });
});

test('what somebody else changes or deletes is put right, and only our key', async () => {
  await using mesh = await start(['a']);
  const ref = { namespace: 'a', name: NAME };
  const configMaps = mesh.client.kind(CONFIG_MAP);
  configMaps.put(ref, { data: { 'root-cert.pem': 'forged', theirs: 'kept' } });
  await settle();
  const object = configMaps.objects.get(`a/${NAME}`);
  assert.deepEqual(object?.['data'], { 'root-cert.pem': 'one', theirs: 'kept' });
  configMaps.remove(ref);
  await settle();
  assert.deepEqual(mesh.published(), { a: 'one' });
});

test('another replica that is faster is no failure', async () => {
  const client = new FakeKubeClient();
  client.beforeWrite = (verb, type, ref) => {
    if (verb === 'create') client.kind(type).put(ref, { data: { 'root-cert.pem': 'theirs' } });
  };
  await using mesh = await start(['a'], client);
  assert.deepEqual(mesh.published(), { a: 'one' });
});

test('one namespace that refuses does not keep the others waiting, and is tried again', async () => {
  const client = new FakeKubeClient();
  let isRefusing = true;
  client.beforeWrite = (_, type, ref) => {
    if (isRefusing && ref.namespace === 'a')
      throw refusal(403, 'Forbidden', type, ref, 'forbidden');
  };
  await using mesh = await start(['a', 'b'], client);
  assert.deepEqual(mesh.published(), { b: 'one' });
  isRefusing = false;
  mesh.clock.advance(200);
  await settle();
  assert.deepEqual(mesh.published(), { a: 'one', b: 'one' });
});

test('an API server that is away is asked again later, not for each namespace', async () => {
  const client = new FakeKubeClient();
  let attempts = 0;
  let isAway = true;
  client.beforeWrite = () => {
    attempts += 1;
    if (isAway) throw new OperatorError('API_SERVER_UNREACHABLE', 'refused', { remedy: 'start' });
  };
  await using mesh = await start(['a', 'b', 'c'], client);
  assert.equal(attempts, 1);
  isAway = false;
  mesh.clock.advance(200);
  await settle();
  assert.deepEqual(mesh.published(), { a: 'one', b: 'one', c: 'one' });
});

test('a namespace that is deleted and made again gets the bundle again', async () => {
  await using mesh = await start(['a']);
  mesh.client.kind(NAMESPACE).remove({ name: 'a' });
  mesh.client.kind(CONFIG_MAP).remove({ namespace: 'a', name: NAME });
  await settle();
  assert.deepEqual(mesh.published(), {});
  mesh.client.kind(NAMESPACE).put({ name: 'a' });
  await settle();
  assert.deepEqual(mesh.published(), { a: 'one' });
});

async function start(namespaces: readonly string[], client = new FakeKubeClient()) {
  for (const name of namespaces) client.kind(NAMESPACE).put({ name });
  let bundle = 'one';
  const clock = new FakeClock();
  const publisher = createRootPublisher({
    client,
    clock,
    random: () => 0.99,
    log: silentLogger,
    bundlePem: () => bundle,
  });
  const stop = new AbortController();
  const running = publisher.run(stop.signal);
  await settle();
  return {
    client,
    clock,
    setBundle(text: string) {
      bundle = text;
      publisher.refresh();
    },
    /** Namespace → what its ConfigMap says. */
    published(): Record<string, unknown> {
      const all = [...client.kind(CONFIG_MAP).objects.values()];
      return Object.fromEntries(
        all.map(({ metadata, data }) => [
          metadata.namespace,
          isRecord(data) ? data['root-cert.pem'] : undefined,
        ]),
      );
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Until the reflectors have heard what was done, and the writes have been made. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await nextTurn();
}
