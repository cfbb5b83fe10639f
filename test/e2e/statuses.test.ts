// What the control plane writes into statuses, with the real API server: automatic addresses, which
// become answers to names, and what becomes of objects that are refused or that nothing acts on.
import assert from 'node:assert/strict';
import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, withDeadline } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Authority } from '#ca/authority.ts';
import { buildControlPlane, runControlPlane } from '#controlplane/build.ts';
import { parseControlPlaneConfig } from '#controlplane/config.ts';
import { installKinds } from '#controlplane/crds.ts';
import type { NameRecord } from '#dns/zone.ts';
import { KINDS } from '#istio/kinds.ts';
import { fieldsOf, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import type { KubeClient } from '#kube/client.ts';
import { POD, SERVICE_ENTRY, WASM_PLUGIN, type ResourceType } from '#kube/resources.ts';
import { ControlPlane } from '../../src/agent/control-plane.ts';
import { HostNames } from '../../src/agent/host-names.ts';
import { OwnStream } from '../../src/agent/own-stream.ts';
import { Retry } from '../../src/agent/retry.ts';
import { ApiServerProcess } from './api-server.ts';

const NAMESPACE = 'default';
const LIMIT_MS = 20_000;
const HOST = 'api.example.com';

const entry = (name: string, spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { namespace: NAMESPACE, name },
  spec: { resolution: 'DNS', ...spec },
});
const TLS = [{ number: 443, name: 'tls', protocol: 'TLS' }];
const TCP = [{ number: 5432, name: 'tcp', protocol: 'TCP' }];

test('statuses say what the mesh made of objects', { timeout: 60_000 }, async () => {
  await using apiServer = await ApiServerProcess.start();
  const client = await apiServer.client();
  const log = silentLogger;
  await installKinds(client, KINDS, { hash: (text) => hash('sha256', text), log });
  await client.create(POD, {
    metadata: { namespace: NAMESPACE, name: 'asker' },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  });
  await client.create(SERVICE_ENTRY, entry('api', { hosts: [HOST], ports: TLS }));
  // before there is a webhook that would refuse it
  const hosts = ['a.example.com', 'b.example.com'];
  await client.create(SERVICE_ENTRY, entry('unclear', { hosts, ports: TCP }));
  await client.create(WASM_PLUGIN, {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'WasmPlugin',
    metadata: { namespace: NAMESPACE, name: 'plugin' },
    spec: { url: 'oci://a.example.com/b' },
  });

  await using plane = await startControlPlane(apiServer.kubeconfig, client);
  const status = await until(client, SERVICE_ENTRY, 'api', (it) => hasAny(it, 'addresses'));
  const [address = {}] = objectsAt(status, 'addresses');
  assert.equal(textAt(address, 'host'), HOST);
  const vip = textAt(address, 'value');
  assert.match(vip, /^240\.240\.\d+\.\d+$/);

  const refused = await until(client, SERVICE_ENTRY, 'unclear', (it) => hasAny(it, 'conditions'));
  const [condition = {}] = objectsAt(refused, 'conditions');
  assert.equal(textAt(condition, 'reason'), 'Invalid');
  assert.match(textAt(condition, 'message'), /several hosts need HTTP or TLS on every port/);
  const unused = await until(client, WASM_PLUGIN, 'plugin', (it) => hasAny(it, 'conditions'));
  assert.equal(textAt(objectsAt(unused, 'conditions')[0] ?? {}, 'reason'), 'NotSupported');

  await using agent = await startAgent(plane.authority(), plane.xdsPort);
  const record = await agent.learn(HOST);
  assert.deepEqual(record, { kind: 'addresses', ipv4: [vip], ipv6: [], ttlSeconds: 30 });
  await client.remove(SERVICE_ENTRY, { namespace: NAMESPACE, name: 'api' });
  await agent.until(HOST, ({ kind }) => kind === 'absent');
});

const hasAny = (status: Fields, list: string): boolean => objectsAt(status, list).length > 0;

/** The status of an object as soon as it is so. */
function until(
  client: KubeClient,
  type: ResourceType,
  name: string,
  isSo: (status: Fields) => boolean,
): Promise<Fields> {
  const limits = { what: `the status of ${name}`, limitMs: LIMIT_MS };
  return withDeadline(limits, async (signal) => {
    const fieldSelector = `metadata.name=${name}`;
    const options = { namespace: NAMESPACE, fieldSelector, timeoutSeconds: 60, signal };
    for await (const event of client.watch(type, options)) {
      if (event.type === 'BOOKMARK') continue;
      const status = fieldsOf(event.object.status);
      if (isSo(status)) return status;
    }
    throw new Error('the watch ended');
  });
}

async function startControlPlane(kubeconfig: string, client: KubeClient) {
  const here = { host: '127.0.0.1', port: 0 };
  const parsed = parseControlPlaneConfig(['--kubeconfig', kubeconfig], {});
  const config = { ...parsed, listen: here, monitoring: here, console: here, webhooks: here };
  const stop = new AbortController();
  const dependencies = { client, clock: systemClock, log: silentLogger };
  const parts = await buildControlPlane(config, dependencies, stop.signal);
  const listening = Promise.withResolvers<number>();
  const running = runControlPlane(
    parts,
    { ...dependencies, config, onListening: ({ xds }) => listening.resolve(xds) },
    stop.signal,
  );
  await Promise.race([listening.promise, running]);
  await parts.ingest.synced;
  return {
    xdsPort: await listening.promise,
    authority: () => parts.authority.current(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** What of an agent asks for names, as the Pod `asker`. */
async function startAgent(authority: Authority, port: number) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { chainPem } = authority.issueWorkload({
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    isRsa: false,
    identity: {
      trustDomain: 'cluster.local',
      namespace: NAMESPACE,
      serviceAccount: 'default',
      workload: { kind: 'Pod', name: 'asker' },
    },
    lifetimeMs: 3_600_000,
    nowMs: systemClock.nowMs(),
  });
  const target = { host: '127.0.0.1', port };
  const serverName = 'istiod.istio-system.svc';
  const controlPlane = new ControlPlane({ xds: target, ca: target, serverName, rootCertFiles: [] });
  controlPlane.setCredentials({
    keyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    chainPem,
    rootsPem: authority.trustBundlePem,
  });
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-names-'));
  const common = { clock: systemClock, log: silentLogger };
  const names: HostNames = new HostNames(
    {
      ...common,
      stateFile: join(folder, 'names.json'),
      change: (change) => stream.change(names.typeUrl, change),
    },
    new Map(),
  );
  const retry = new Retry({ clock: systemClock, random: () => 0 });
  const stream: OwnStream = new OwnStream(
    {
      ...common,
      controlPlane,
      nodeId: 'sidecar~10.0.0.1~asker.default~x',
      retry,
      onWorking: () => undefined,
    },
    [names],
  );
  const stop = new AbortController();
  const running = stream.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const untilTrue = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await systemClock.sleep(10);
  };
  await untilTrue(() => names.isConnected);
  return {
    learn: (name: string) => names.table.learn(name, AbortSignal.timeout(LIMIT_MS)),
    until: (name: string, isSo: (record: NameRecord) => boolean) =>
      untilTrue(() => {
        const record = names.table.held(name);
        return record !== undefined && isSo(record);
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await controlPlane[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
