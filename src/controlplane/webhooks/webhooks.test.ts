// The webhooks over real TLS, asked as an API server asks them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { aborted } from '#base/tasks.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { serverNames } from '#ca/server-certificate.ts';
import { FakeCluster } from '#controllers/fake-cluster.ts';
import type { KubeClient } from '#kube/client.ts';
import { fieldsOf, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { KubeStatusError } from '#kube/status.ts';
import {
  CONTENT_ANNOTATION,
  MUTATING_WEBHOOK_CONFIGURATION,
  VALIDATING_WEBHOOK_CONFIGURATION,
} from './configurations.ts';
import { WebhookCounters } from './counters.ts';
import { runWebhooks } from './webhooks.ts';

/** An API server that knows the configurations, and asks the validating webhook when told to. */
class AskingCluster extends FakeCluster {
  rootPem = '';
  asks = true;
  readonly #changes = new EventTarget();

  override put(...args: Parameters<FakeCluster['put']>): KubeObject {
    const stored = super.put(...args);
    this.#changes.dispatchEvent(new Event('changed'));
    return stored;
  }

  /** Resolves as soon as `find` finds something. */
  async until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await once(this.#changes, 'changed');
    }
  }

  constructor() {
    super();
    const store = this.create;
    this.create = (type, object, options = {}) =>
      options.isDryRun ? this.#admit(object) : store(type, object, options);
  }

  watch: KubeClient['watch'] = async function* (_type, { signal }) {
    if (signal) await aborted(signal);
    yield* [];
  };

  async #admit(object: KubeObject): Promise<KubeObject> {
    const url = urlOf(this.validator);
    if (!this.asks || url === '') return object;
    const { name, namespace } = object.metadata;
    const review = reviewOf({ operation: 'CREATE', name, namespace, object });
    const { body } = await ask(url, { body: JSON.stringify(review), ca: this.rootPem });
    const { allowed, status } = fieldsOf(body, 'response');
    if (allowed === true) return object;
    const message = `admission webhook denied the request: ${textAt(fieldsOf(status), 'message')}`;
    const details = { causes: [], retryAfterSeconds: undefined };
    throw new KubeStatusError({ code: 400, reason: 'BadRequest', message, details });
  }

  get validator(): KubeObject | undefined {
    return this.objects(VALIDATING_WEBHOOK_CONFIGURATION)[0];
  }

  get injector(): KubeObject | undefined {
    return this.objects(MUTATING_WEBHOOK_CONFIGURATION)[0];
  }
}

const webhooksOf = (configuration: KubeObject | undefined): readonly Fields[] =>
  objectsAt(configuration ?? {}, 'webhooks');
const urlOf = (configuration: KubeObject | undefined): string =>
  textAt(fieldsOf(webhooksOf(configuration)[0], 'clientConfig'), 'url');
const policyOf = (configuration: KubeObject | undefined): string =>
  textAt(webhooksOf(configuration)[0] ?? {}, 'failurePolicy');

const reviewOf = (request: object): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u1', ...request },
});

async function ask(
  url: string,
  options: { readonly body?: string; readonly ca: string; readonly method?: string },
): Promise<{ readonly status: number; readonly text: string; readonly body: unknown }> {
  const { body = '', ca, method = 'POST' } = options;
  const outgoing = request(url, { method, ca, agent: false }).end(body);
  const [response] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
  return { status: response.statusCode, text, body: parsed };
}

async function start(cluster = new AskingCluster()) {
  const first = createFakeAuthority(systemClock.nowMs());
  const { rootPem } = first;
  let { authority } = first;
  const listeners = new Set<() => void>();
  cluster.rootPem = rootPem;
  const stop = new AbortController();
  const running = runWebhooks(
    {
      listen: { host: '127.0.0.1', port: 0 },
      address: (port) => ({ kind: 'url', url: `https://127.0.0.1:${port}` }),
      names: serverNames([]),
      settings: {
        image: 'proxy:1',
        controlPlaneAddress: 'istiod.istio-system.svc:15012',
        trustDomain: 'cluster.local',
        clusterId: 'Kubernetes',
        revision: 'default',
      },
      authority: {
        current: () => authority,
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        run: () => Promise.resolve(),
      },
      counters: new WebhookCounters(),
      client: cluster,
      clock: systemClock,
      random: () => 0,
      log: silentLogger,
    },
    stop.signal,
  );
  return {
    cluster,
    rootPem,
    /** Another authority is in force. @returns its root */
    rotate(): string {
      const next = createFakeAuthority(systemClock.nowMs());
      authority = next.authority;
      cluster.rootPem = next.rootPem;
      for (const listener of listeners) listener();
      return next.rootPem;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

test('the API server is told where to ask, and to insist once it does', async () => {
  await using it = await start();
  const injector = await it.cluster.until(() => it.cluster.injector);
  assert.equal(injector.metadata.name, 'istio-sidecar-injector');
  assert.deepEqual(
    webhooksOf(injector).map(({ name }) => name),
    [
      'namespace.sidecar-injector.istio.io',
      'object.sidecar-injector.istio.io',
      'rev.namespace.sidecar-injector.istio.io',
      'rev.object.sidecar-injector.istio.io',
    ],
  );
  assert.equal(policyOf(injector), 'Fail');
  const { caBundle } = fieldsOf(webhooksOf(injector)[0], 'clientConfig');
  assert.equal(Buffer.from(String(caBundle), 'base64').toString(), it.rootPem);
  const validator = await it.cluster.until(() =>
    policyOf(it.cluster.validator) === 'Fail' ? it.cluster.validator : undefined,
  );
  assert.equal(validator.metadata.name, 'istio-validator-istio-system');
  const writes = it.cluster.writes.filter((write) => write.includes('Validating'));
  assert.equal(writes.length, 2, 'first Ignore, then Fail');
});

test('with another root of the mesh, both sides have it', async () => {
  await using it = await start();
  const before = await it.cluster.until(() => it.cluster.injector);
  const root = it.rotate();
  const after = await it.cluster.until(() => {
    const isNew = it.cluster.injector?.metadata.resourceVersion !== before.metadata.resourceVersion;
    return isNew ? it.cluster.injector : undefined;
  });
  const { caBundle } = fieldsOf(webhooksOf(after)[0], 'clientConfig');
  assert.equal(Buffer.from(String(caBundle), 'base64').toString(), root);
  const ready = new URL('/ready', urlOf(after)).href;
  assert.equal((await ask(ready, { method: 'GET', ca: root })).status, 200);
});

test('as long as the API server does not ask, it must not insist', async () => {
  const cluster = new AskingCluster();
  cluster.asks = false;
  await using it = await start(cluster);
  const validator = await it.cluster.until(() => it.cluster.validator);
  assert.equal(policyOf(validator), 'Ignore');
});

test("another control plane's configuration is left alone", async () => {
  const cluster = new AskingCluster();
  cluster.put(MUTATING_WEBHOOK_CONFIGURATION, { metadata: { name: 'istio-sidecar-injector' } });
  await using it = await start(cluster);
  await it.cluster.until(() => it.cluster.validator);
  assert.equal(it.cluster.injector?.metadata.annotations?.[CONTENT_ANNOTATION], undefined);
  assert.deepEqual(webhooksOf(it.cluster.injector), []);
});

test('a Pod comes back with a sidecar, in a patch', async () => {
  await using it = await start();
  const url = urlOf(await it.cluster.until(() => it.cluster.injector));
  const object = {
    metadata: { generateName: 'web-', labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
  };
  const body = JSON.stringify(reviewOf({ operation: 'CREATE', namespace: 'shop', object }));
  const answer = await ask(url, { body, ca: it.rootPem });
  const response = fieldsOf(answer.body, 'response');
  assert.equal(response['allowed'], true);
  const patch: unknown = JSON.parse(Buffer.from(textAt(response, 'patch'), 'base64').toString());
  const added = objectsAt({ patch }, 'patch').find(({ path }) => path === '/spec/containers/-');
  assert.equal(fieldsOf(added, 'value')['image'], 'proxy:1');
  const refused = { ...object, spec: { ...object.spec, hostNetwork: true } };
  const labels = { 'sidecar.istio.io/inject': 'true' };
  const asks = { ...refused, metadata: { ...object.metadata, labels } };
  const question = reviewOf({ operation: 'CREATE', namespace: 'shop', object: asks });
  const second = await ask(url, { body: JSON.stringify(question), ca: it.rootPem });
  assert.equal(fieldsOf(second.body, 'response')['allowed'], false);
  assert.match(second.text, /it uses the host's network; remove hostNetwork/);
});

test('who asks something else is told what there is', async () => {
  await using it = await start();
  const url = urlOf(await it.cluster.until(() => it.cluster.injector));
  const base = new URL('/', url).href;
  const ca = it.rootPem;
  assert.equal((await ask(`${base}ready`, { method: 'GET', ca })).status, 200);
  const unknown = await ask(`${base}mutate`, { ca });
  assert.deepEqual([unknown.status, unknown.text], [404, 'the webhooks are /inject, /validate\n']);
  assert.equal((await ask(url, { method: 'GET', ca })).status, 405);
  assert.equal((await ask(url, { body: 'no review', ca })).status, 400);
  assert.equal((await ask(url, { body: 'x'.repeat(9 << 20), ca })).status, 413);
});
