// Admission as its users see it: real kubectl, the real API server, and the control plane's
// webhooks, there and not there.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { runCli } from '#cli/run.ts';
import { buildControlPlane, runControlPlane } from '#controlplane/build.ts';
import { parseControlPlaneConfig } from '#controlplane/config.ts';
import { installKinds } from '#controlplane/crds.ts';
import { runControllers } from '#controllers/run.ts';
import { GATEWAY_API_KINDS } from '#istio/gatewayapi/kinds.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { FakeKubelet } from '../fakes/kubelet.ts';
import { Kubectl } from './kubectl.ts';

const resources = new AsyncDisposableStack();
let kubectl: Kubectl;
let controlPlane: AsyncDisposable;

before(async () => {
  kubectl = resources.use(await Kubectl.start());
  const client = createKubeClient(await loadKubeconfig(kubectl.kubeconfig));
  resources.defer(() => client.close());
  const random = (): number => randomInt(2 ** 32) / 2 ** 32;
  const parts = { client, clock: systemClock, random, log: silentLogger };
  resources.use(inBackground((signal) => runControllers(parts, signal)));
  resources.use(await FakeKubelet.start(client, 'n1'));
  await kubectl.ok('create namespace shop');
  await kubectl.ok('label namespace shop istio-injection=enabled');
  controlPlane = await startControlPlane();
});

after(async () => {
  await controlPlane[Symbol.asyncDispose]();
  await resources.disposeAsync();
});

function inBackground(work: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const stop = new AbortController();
  const running = work(stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Returns when the API server knows both webhooks, and has been seen to ask. */
async function startControlPlane(): Promise<AsyncDisposable> {
  const dataDir = dirname(kubectl.kubeconfig);
  const servers = ['--listen', '--monitoring', '--console', '--webhooks'];
  const local = servers.flatMap((flag) => [flag, '127.0.0.1:0']);
  const kubeconfig = ['--kubeconfig', join(dataDir, 'isthmusd.kubeconfig')];
  const flags = [...kubeconfig, '--apiserver-data-dir', dataDir, ...local];
  const config = parseControlPlaneConfig(flags, {});
  const client = createKubeClient(await loadKubeconfig(config.kubeconfigPath));
  const parts = { client, clock: systemClock, log: silentLogger };
  const running = inBackground(async (signal) => {
    const built = await buildControlPlane(config, parts, signal);
    await runControlPlane(built, { ...parts, config }, signal);
    client.close();
  });
  const validator = 'validatingwebhookconfiguration/istio-validator-istio-system';
  await kubectl.ok(`wait ${validator} --for=create --timeout=20s`);
  await kubectl.ok(`wait ${validator} --for=jsonpath={.webhooks[0].failurePolicy}=Fail`);
  return running;
}

const deployment = (name: string, template = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
      ${template}
    spec:
      containers:
      - name: main
        image: "web:1"
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: http}}
`;

async function podOf(name: string, namespace: string, path: string): Promise<string> {
  await kubectl.ok(`rollout status deployment/${name} -n ${namespace} --timeout=20s`);
  return await kubectl.ok(`get pods -n ${namespace} -l app=${name} -o jsonpath=${path}`);
}

const NAMES = '{.items[0].spec.containers[*].name}';

test('Pods of a labeled namespace get a sidecar, others none', async () => {
  await kubectl.ok('create -n shop -f -', deployment('web'));
  assert.equal(await podOf('web', 'shop', NAMES), 'main istio-proxy');
  const probe = '{.items[0].spec.containers[0].readinessProbe.httpGet.path}';
  assert.equal(await podOf('web', 'shop', probe), '/app-health/main/readyz');
  const label = '{.items[0].metadata.labels.security\\.istio\\.io/tlsMode}';
  assert.equal(await podOf('web', 'shop', label), 'istio');
  await kubectl.ok('create -f -', deployment('plain'));
  assert.equal(await podOf('plain', 'default', NAMES), 'main');
});

test("a Pod's own word counts", async () => {
  const says = (word: string): string => `annotations: {sidecar.istio.io/inject: "${word}"}`;
  await kubectl.ok('create -n shop -f -', deployment('refuses', says('false')));
  assert.equal(await podOf('refuses', 'shop', NAMES), 'main');
  const asks = deployment('asks').replace('{app: asks}\n      ', '{app: asks, X}\n      ');
  await kubectl.ok('create -f -', asks.replace('X', 'sidecar.istio.io/inject: "true"'));
  assert.equal(await podOf('asks', 'default', NAMES), 'main istio-proxy');
});

test('a Pod that cannot be injected is told why', async () => {
  const pod = `{apiVersion: v1, kind: Pod, metadata: {name: host, labels: {sidecar.istio.io/inject: "true"}},
    spec: {hostNetwork: true, containers: [{name: c, image: "web:1"}]}}`;
  assert.match(
    await kubectl.fails('create -f -', pod),
    /admission webhook "object\.sidecar-injector\.istio\.io" denied the request: no sidecar can be injected into Pod "host": it uses the host's network; remove hostNetwork/,
  );
  const quiet = pod
    .replace('host,', 'quiet,')
    .replace(', labels: {sidecar.istio.io/inject: "true"}', '');
  const { status, stderr } = await kubectl.run('create -n shop -f -', quiet);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /Warning: no sidecar can be injected .* it stays outside the mesh/);
});

test('an Istio object that would do nothing is refused with its fields', async () => {
  const entry = (hosts: string): string => `{apiVersion: networking.istio.io/v1, kind: ServiceEntry,
    metadata: {name: db}, spec: {hosts: ${hosts}, resolution: NONE,
    ports: [{number: 5432, name: tcp, protocol: TCP}]}}`;
  assert.match(
    await kubectl.fails('create -f -', entry('["no_host!"]')),
    /admission webhook "rev\.validation\.istio\.io" denied the request: configuration is invalid: spec\.hosts\[0\]: Invalid value: "no_host!"/,
  );
  const { status, stderr } = await kubectl.run('create -f -', entry('[db.example.com]'));
  assert.equal(status, 0, stderr);
  assert.match(stderr, /Warning: spec\.ports\[0\]\.protocol: addresses are required for ports/);
});

test('a definition of ours is brought up to date unless somebody has written over it', async () => {
  const name = 'tcproutes.gateway.networking.k8s.io';
  const kinds = GATEWAY_API_KINDS.filter(({ type }) => type.kind === 'TCPRoute');
  const client = createKubeClient(await loadKubeconfig(kubectl.kubeconfig));
  using _ = { [Symbol.dispose]: () => client.close() };
  const upgrade = async (): Promise<string> => {
    await kubectl.ok(`annotate crd ${name} --overwrite isthmus.dev/content-hash=older`);
    await installKinds(client, kinds, { hash: () => 'newer', log: silentLogger });
    return kubectl.ok(`get crd ${name} -o jsonpath={.metadata.annotations}`);
  };
  assert.match(await upgrade(), /"isthmus.dev\/content-hash":"newer"/);
  await kubectl.ok(`patch crd ${name} -p {"spec":{"names":{"shortNames":["tcp"]}}} --type merge`);
  assert.match(await upgrade(), /"isthmus.dev\/content-hash":"older"/);
  await kubectl.ok('get tcp');
});

test('kinds of the Gateway API are checked and kept', async () => {
  const gateway = (listeners: string): string => `{apiVersion: gateway.networking.k8s.io/v1,
    kind: Gateway, metadata: {name: web},
    spec: {gatewayClassName: istio, listeners: ${listeners}}}`;
  assert.match(
    await kubectl.fails('create -f -', gateway('[]')),
    /spec\.listeners: Invalid value: 0: spec\.listeners in body should have at least 1 items/,
  );
  assert.match(
    await kubectl.fails('create -f -', gateway('[{name: a, port: 443, protocol: HTTP, tls: {}}]')),
    /tls must not be specified for protocols/,
  );
  await kubectl.ok('create -f -', gateway('[{name: a, port: 80, protocol: HTTP}]'));
  await kubectl.ok('get gateways.gateway.networking.k8s.io web');
});

test('isthmus analyze reads the cluster, and files as if they were applied', async () => {
  const lines: string[] = [];
  const folder = dirname(kubectl.kubeconfig);
  const rule = join(folder, 'rule.yaml');
  await writeFile(
    rule,
    `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: books},
      spec: {host: books}}`,
  );
  const words = ['analyze', '--kubeconfig', kubectl.kubeconfig, '-n', 'default', '-f', rule];
  const signal = new AbortController().signal;
  const print = (text: string): void => void lines.push(text);
  assert.equal(await runCli(words, { env: {}, signal, print }), 0);
  assert.match(lines.join('\n'), /IST0134\] \(ServiceEntry default\/db\) /);
  assert.match(lines.join('\n'), /IST0174\] \(DestinationRule default\/books .*rule\.yaml:2\) /);
  assert.match(lines.join('\n'), /ISM0002\] \(Gateway default\/web\) /);
  assert.match(lines.join('\n'), /IST0102\] \(Namespace default\) /);
  await assert.rejects(
    runCli([...words.slice(0, 3), '-n', 'nowhere'], { env: {}, signal, print }),
    /there is no namespace nowhere/,
  );
});

test('with the control plane down, it is said where one looks; then it goes on', async () => {
  await controlPlane[Symbol.asyncDispose]();
  await kubectl.ok('create -n shop -f -', deployment('late'));
  const failure = 'condition=ReplicaFailure';
  await kubectl.ok(`wait -n shop deployment/late --for=${failure} --timeout=20s`);
  const why = /failed calling webhook "namespace\.sidecar-injector\.istio\.io": .*ECONNREFUSED/;
  const conditions = '{.status.conditions[?(@.type=="ReplicaFailure")].message}';
  assert.match(await kubectl.ok(`get -n shop deployment late -o jsonpath=${conditions}`), why);
  assert.match(
    await kubectl.ok('describe -n shop rs -l app=late'),
    /FailedCreate .*replicaset-controller/,
  );
  await kubectl.ok('create -f -', deployment('outside'));
  assert.equal(await podOf('outside', 'default', NAMES), 'main', 'others are not affected');
  controlPlane = await startControlPlane();
  assert.equal(await podOf('late', 'shop', NAMES), 'main istio-proxy');
});
