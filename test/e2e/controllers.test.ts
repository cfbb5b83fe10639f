// What users do with workloads: real kubectl, the real API server and its controllers, and a node
// that only says that it runs what it is given.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { runControllers } from '#controllers/run.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import { FakeKubelet } from '../fakes/kubelet.ts';
import { ApiServerProcess } from './api-server.ts';
import { Kubectl } from './kubectl.ts';

const resources = new AsyncDisposableStack();
let kubectl: Kubectl;
before(async () => {
  kubectl = resources.use(await Kubectl.start());
  const client = createKubeClient(await loadKubeconfig(kubectl.kubeconfig));
  resources.defer(() => client.close());
  const stop = new AbortController();
  const random = (): number => randomInt(2 ** 32) / 2 ** 32;
  const parts = { client, clock: systemClock, random, log: silentLogger };
  const running = runControllers(parts, stop.signal);
  resources.defer(async () => {
    stop.abort();
    await running;
  });
  for (const name of ['n1', 'n2']) resources.use(await FakeKubelet.start(client, name));
});
after(() => resources.disposeAsync());

const deployment = (name: string, fields = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 3
  selector: {matchLabels: {app: ${name}}}
${fields}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - {name: main, image: "web:1", ports: [{name: http, containerPort: 8080}]}
`;

const status = (name: string): Promise<string> =>
  kubectl.ok(`rollout status deployment/${name} --timeout=20s`);

test('create, rollout status, get all, scale', async () => {
  await kubectl.ok('create -f -', deployment('web'));
  assert.match(await status('web'), /deployment "web" successfully rolled out/);
  assert.match(await kubectl.ok('get deployment web'), /^web +3\/3 +3 +3 /m);
  const pods = await kubectl.ok('get pods -l app=web -o wide');
  assert.match(pods, /^web-[0-9a-z]+-[0-9a-z]{5} +1?.*Running .* n1 /m);
  assert.match(pods, / n2 /, 'the scheduler spreads');
  assert.match(await kubectl.ok('get all'), /replicaset.apps\/web-[0-9a-z]+ +3 +3 +3 /);
  await kubectl.ok('scale deployment web --replicas=5');
  await status('web');
  assert.equal((await kubectl.ok('get pods -l app=web -o name')).trim().split('\n').length, 5);
  await kubectl.ok('scale deployment web --replicas=1');
  await kubectl.ok('wait deployment/web --for=jsonpath={.status.replicas}=1 --timeout=20s');
  await kubectl.ok('delete deployment web');
  await kubectl.ok('wait pod -l app=web --for=delete --timeout=20s');
});

test('restart, new image, history, undo, pause and resume', async () => {
  await kubectl.ok('create -f -', deployment('rolled'));
  await status('rolled');
  const podsOf = async (): Promise<string> =>
    await kubectl.ok('get pods -l app=rolled -o jsonpath={.items[*].spec.containers[0].image}');
  await kubectl.ok('rollout restart deployment/rolled');
  await status('rolled');
  await kubectl.ok('set image deployment/rolled main=web:2');
  await status('rolled');
  await kubectl.ok('wait pod -l app=rolled --for=jsonpath={.spec.containers[0].image}=web:2');
  assert.match(await kubectl.ok('rollout history deployment/rolled'), /^1 .*\n2 .*\n3 /m);
  await kubectl.ok('rollout undo deployment/rolled --to-revision=1');
  await status('rolled');
  await kubectl.ok('rollout pause deployment/rolled');
  await kubectl.ok('set image deployment/rolled main=web:3');
  assert.doesNotMatch(await podsOf(), /web:3/);
  await kubectl.ok('rollout resume deployment/rolled');
  await status('rolled');
  assert.match(await podsOf(), /web:3/);
});

test('a rollout that cannot succeed says so and keeps what works', async () => {
  await kubectl.ok('create -f -', deployment('stuck'));
  await status('stuck');
  await kubectl.ok('patch deployment stuck -p {"spec":{"progressDeadlineSeconds":1}}');
  await kubectl.ok('set image deployment/stuck main=broken');
  const said = await kubectl.fails('rollout status deployment/stuck --timeout=20s');
  assert.match(said, /deployment "stuck" exceeded its progress deadline/);
  const available = 'get deployment stuck -o jsonpath={.status.availableReplicas}';
  assert.equal(await kubectl.ok(available), '3');
});

test('the endpoints of a Service follow its Pods', async () => {
  await kubectl.ok('create -f -', deployment('served'));
  const ports = '[{name: http, port: 80, targetPort: http}]';
  const service = `{apiVersion: v1, kind: Service, metadata: {name: served},
    spec: {selector: {app: served}, ports: ${ports}}}`;
  await kubectl.ok('create -f -', service);
  await status('served');
  const slice = 'endpointslice -l kubernetes.io/service-name=served';
  await kubectl.ok(`wait ${slice} --for=jsonpath={.endpoints[2].conditions.ready}=true`);
  const addresses = await kubectl.ok(`get ${slice} -o jsonpath={.items[*].endpoints[*].addresses}`);
  const expected = await kubectl.ok('get pods -l app=served -o jsonpath={.items[*].status.podIP}');
  for (const address of expected.split(' ')) assert(addresses.includes(`"${address}"`), address);
  assert.match(await kubectl.ok('get endpoints served'), /:8080/);
  await kubectl.ok('delete service served');
  await kubectl.ok(`wait ${slice} --for=delete --timeout=20s`);
});

test('who finds no node is told why, and gets one when there is one', async () => {
  const wish = '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}';
  await kubectl.ok('create -f -', deployment('choosy', '  paused: true'));
  await kubectl.ok(`patch deployment choosy -p ${wish}`);
  await kubectl.ok('rollout resume deployment/choosy');
  const reason = '{.status.conditions[?(@.type=="PodScheduled")].reason}=Unschedulable';
  const created = 'wait deployment/choosy --for=jsonpath={.status.unavailableReplicas}=3';
  await kubectl.ok(created);
  await kubectl.ok(`wait pod -l app=choosy --for=jsonpath=${reason}`);
  assert.match(
    await kubectl.ok('get events --field-selector reason=FailedScheduling'),
    /0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./,
  );
  await kubectl.ok('label node n1 disk=ssd');
  await status('choosy');
});

test('the apiserver command runs the controllers, too, and again after kill -9', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  await using _kubelet = await FakeKubelet.start(client, 'n1');
  await server.kill();
  await server.restart();
  const metadata = { name: 'one', namespace: 'default' };
  const [labels, containers] = [{ app: 'one' }, [{ name: 'c', image: 'web:1' }]];
  const template = { metadata: { labels }, spec: { containers } };
  await client.create(REPLICA_SET, {
    metadata,
    spec: { selector: { matchLabels: labels }, template },
  });
  for await (const { type } of client.watch(POD, { timeoutSeconds: 20 })) {
    if (type === 'ADDED') return;
  }
  assert.fail('no Pod was made');
});
