// The client against the embedded API server, as a process over HTTPS: what the fakes assume of a
// server must be true of a real one, through kill -9 and restart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, withDeadline } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { createDiffingStore, type Change } from '#kube/diffing-store.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { createReflector } from '#kube/reflector.ts';
import { CONFIG_MAP, NAMESPACE, SECRET } from '#kube/resources.ts';
import { isAlreadyExists, isConflict, isNotFound, KubeStatusError } from '#kube/status.ts';
import { ApiServerProcess } from './api-server.ts';

const ref = (name: string) => ({ namespace: 'default', name });
const configMap = (name: string, text: string): KubeObject => ({
  metadata: ref(name),
  data: { text },
});

test('every verb does what it says, and every refusal is the kind it should be', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  const created = await client.create(CONFIG_MAP, configMap('a', 'one'));
  assert(created.metadata.uid !== undefined && created.metadata.resourceVersion !== undefined);
  await assert.rejects(client.create(CONFIG_MAP, configMap('a', 'two')), isAlreadyExists);
  const updated = await client.update(CONFIG_MAP, { ...created, data: { text: 'two' } });
  assert.deepEqual(updated['data'], { text: 'two' });
  await assert.rejects(client.update(CONFIG_MAP, { ...created, data: {} }), isConflict);
  const patch = { data: { more: 'yes' } };
  const patched = await client.patch(CONFIG_MAP, ref('a'), patch, { kind: 'merge' });
  assert.deepEqual(patched['data'], { text: 'two', more: 'yes' });
  const { items, resourceVersion } = await client.list(CONFIG_MAP, { namespace: 'default' });
  assert(items.some(({ metadata }) => metadata.name === 'a'));
  assert.match(resourceVersion, /^\d+$/);
  const preconditions = { uid: 'another' };
  await assert.rejects(client.remove(CONFIG_MAP, ref('a'), { preconditions }), isConflict);
  await client.remove(CONFIG_MAP, ref('a'));
  await assert.rejects(client.get(CONFIG_MAP, ref('a')), isNotFound);
  const homeless = { metadata: { namespace: 'nowhere', name: 'a' } };
  await assert.rejects(client.create(CONFIG_MAP, homeless), isNotFound);
});

test('pages, selectors and a watch from now fit together', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  for (const name of ['a', 'b', 'c']) await client.create(SECRET, { metadata: ref(name) });
  const selection = { namespace: 'default', limit: 2 };
  const first = await client.list(SECRET, selection);
  const { continueToken } = first;
  assert(continueToken !== undefined && first.items.length === 2);
  const second = await client.list(SECRET, { ...selection, continueToken });
  assert.equal(second.resourceVersion, first.resourceVersion);
  const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ['a', 'b', 'c']);
  const fieldSelector = 'metadata.name=b';
  const one = await client.list(SECRET, { fieldSelector });
  assert.deepEqual(
    one.items.map(({ metadata }) => metadata.name),
    ['b'],
  );
  const { resourceVersion } = one;
  const events = client.watch(SECRET, { fieldSelector, resourceVersion, timeoutSeconds: 30 });
  const next = events.next();
  await client.remove(SECRET, ref('a'));
  await client.remove(SECRET, ref('b'));
  const { value } = await next;
  assert(value && value.type === 'DELETED' && value.object.metadata.name === 'b');
  await events.return();
});

test('no event is lost or invented through kill -9 and restart', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  await client.create(CONFIG_MAP, configMap('first', '0'));
  await using copy = await startCopy(await server.client());
  assert(copy.items.has('default/first'));
  for (let round = 0; round < 3; round += 1) {
    await client.create(CONFIG_MAP, configMap(`kept-${round}`, 'a'));
    await client.create(CONFIG_MAP, configMap(`brief-${round}`, 'b'));
    await copy.until(() => copy.items.has(`default/brief-${round}`));
    await server.kill();
    await assert.rejects(client.list(NAMESPACE), OperatorError);
    await server.restart();
    await client.remove(CONFIG_MAP, ref(`brief-${round}`));
    await client.patch(
      CONFIG_MAP,
      ref('first'),
      { data: { text: String(round) } },
      { kind: 'merge' },
    );
    await copy.until(() => !copy.items.has(`default/brief-${round}`));
  }
  await client.create(CONFIG_MAP, configMap('last', 'c'));
  await copy.until(() => copy.items.has('default/last'));
  const { items } = await client.list(CONFIG_MAP, { namespace: 'default' });
  const expected = new Map(items.map((item) => [objectKey(item.metadata), versionOf(item)]));
  assert.deepEqual(copy.items, expected);
  for (let round = 0; round < 3; round += 1) {
    const story = copy.changes.filter((change) => change.endsWith(`brief-${round}`));
    assert.deepEqual(story, [`applied default/brief-${round}`, `deleted default/brief-${round}`]);
  }
});

test('a token is for its audience and its Pod, and for nobody else', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  const serviceAccount = { namespace: 'default', name: 'default' };
  const options = { audiences: ['istio-ca'], expirationSeconds: 600 };
  const { token, expiresAtMs } = await client.createToken(serviceAccount, options);
  assert(expiresAtMs > systemClock.nowMs() + 590_000);
  const good = await client.reviewToken(token, { audiences: ['istio-ca'] });
  assert(good.isAuthenticated && good.username === 'system:serviceaccount:default:default');
  const foreign = await client.reviewToken(token, { audiences: ['vault'] });
  assert.equal(foreign.isAuthenticated, false);
  const forged = await client.reviewToken(`${token.slice(0, -4)}AAAA`, options);
  assert.equal(forged.isAuthenticated, false);
  const short = client.createToken(serviceAccount, { ...options, expirationSeconds: 60 });
  await assert.rejects(short, KubeStatusError);
});

const versionOf = ({ metadata }: KubeObject): string => metadata.resourceVersion ?? '';

/** ConfigMaps of namespace default, kept by a reflector: key → version, and all changes heard. */
async function startCopy(client: KubeClient) {
  const items = new Map<string, string>();
  const changes: string[] = [];
  let onChange = (): void => undefined;
  const store = createDiffingStore((found: readonly Change[]) => {
    for (const change of found) {
      const key = objectKey(change.kind === 'applied' ? change.object.metadata : change.ref);
      changes.push(`${change.kind} ${key}`);
      if (change.kind === 'applied') items.set(key, versionOf(change.object));
      else items.delete(key);
    }
    onChange();
  });
  const reflector = createReflector({
    client,
    type: CONFIG_MAP,
    selection: { namespace: 'default' },
    clock: systemClock,
    random: () => 0.5,
    log: silentLogger,
    store,
  });
  const stop = new AbortController();
  const running = reflector.run(stop.signal);
  await reflector.synced;
  return {
    items,
    changes,
    until: (isTrue: () => boolean) =>
      withDeadline({ what: 'the reflector', limitMs: 20_000 }, async (signal) => {
        while (!isTrue()) {
          await new Promise<void>((resolve, reject) => {
            onChange = resolve;
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          });
        }
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
