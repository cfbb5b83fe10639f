// What users read: tables, descriptions, explanations, and what they may do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDGETS } from '../fakes/api-core.ts';
import { Kubectl } from './kubectl.ts';

const MANIFESTS = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "nginx:1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.20, selector: {app: web}, ports: [{port: 80, name: http}]}
`;

const event = (uid: string) => `
apiVersion: v1
kind: Event
metadata: {name: web.1}
involvedObject: {apiVersion: v1, kind: Pod, name: web, namespace: default, uid: ${uid}}
reason: Pulled
type: Normal
message: the image is there
count: 1
firstTimestamp: "2026-11-22T12:00:00Z"
lastTimestamp: "2026-11-22T12:00:00Z"
source: {component: kubelet}
`;

let kubectl: Kubectl;
before(async () => {
  kubectl = await Kubectl.start();
  await kubectl.ok('create -f -', MANIFESTS);
  await kubectl.ok(
    'create -f -',
    event(await kubectl.ok('get pod web -o jsonpath={.metadata.uid}')),
  );
  await kubectl.ok(
    'patch pod web --subresource=status --type=merge -p {"status":{"phase":"Running","podIP":"10.1.0.5"}}',
  );
});
after(() => kubectl[Symbol.asyncDispose]());

const TABLES: readonly (readonly [string, RegExp])[] = [
  ['get pods', /^NAME +READY +STATUS +RESTARTS +AGE\nweb +0\/1 +Running +0 +\d+s$/m],
  ['get pods -o wide', /^web .* 10\.1\.0\.5 +<none> +<none> +<none>$/m],
  ['get services', /^web +ClusterIP +10\.96\.0\.20 +<none> +80\/TCP +\d+s$/m],
  ['get svc -o wide', /^web .* app=web$/m],
  ['get namespaces', /^default +Active +\d+s$/m],
  ['get all', /^pod\/web [^]*^service\/web /m],
  ['get events', /Normal +Pulled +pod\/web +the image is there/],
  ['events', /Normal +Pulled +Pod\/web +the image is there/],
  ['get clusterrolebindings -o wide', /^isthmusd +ClusterRole\/isthmusd +\d+s +isthmusd/m],
  ['get pods --sort-by=.metadata.name', /^web /m],
  ['get pods -A', /^default +web /m],
  ['get pods -l app=web,app!=x --show-labels', /app=web$/m],
  ['get pods -o custom-columns=N:.metadata.name,I:.status.podIP', /^web +10\.1\.0\.5$/m],
  ['get pods --field-selector status.phase=Running -o name', /^pod\/web$/m],
];

for (const [command, expected] of TABLES) {
  test(`kubectl ${command}`, async () => assert.match(await kubectl.ok(command), expected));
}

test('kubectl get -w prints rows as they change', async () => {
  using watch = kubectl.follow('get pods -w');
  assert.match(String((await watch.lines.next()).value), /^NAME +READY/);
  assert.match(String((await watch.lines.next()).value), /^web +0\/1 +Running/);
  const next = watch.lines.next();
  await kubectl.ok(
    'patch pod web --subresource=status --type=merge -p {"status":{"phase":"Failed"}}',
  );
  assert.match(String((await next).value), /^web +0\/1 +Failed/);
});

test('kubectl describe tells of pods, services and namespaces', async () => {
  const pod = await kubectl.ok('describe pod web');
  assert.match(pod, /^ {4}Image: +nginx:1$/m);
  assert.match(pod, /Normal +Pulled .* the image is there/);
  assert.match(await kubectl.ok('describe service web'), /^IP: +10\.96\.0\.20$/m);
  assert.match(await kubectl.ok('describe namespace default'), /^Status: +Active$/m);
});

test('kubectl explain and api-resources tell of custom kinds, too', async () => {
  await kubectl.ok('create -f -', JSON.stringify(WIDGETS));
  assert.match(await kubectl.ok('explain widget.spec'), /^ {2}size\t<integer> -required-$/m);
  const containers = await kubectl.ok('explain pod.spec.containers');
  assert.match(containers, /FIELD: containers <\[\]Container>/);
  assert.match(containers, /readinessProbe\t<Probe>\n +How to ask whether it can serve;/);
  assert.match(
    await kubectl.ok('api-resources --api-group=example.com'),
    /^widgets +wd +example\.com\/v1 +true +Widget$/m,
  );
  await kubectl.ok(
    'create -f -',
    '{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: 7}}',
  );
  assert.match(await kubectl.ok('get widgets'), /^NAME +SIZE\nw +7$/m);
});

test('kubectl auth tells who one is and what one may do', async () => {
  assert.match(await kubectl.ok('auth whoami'), /Username +kubernetes-admin/);
  assert.equal(await kubectl.ok('auth can-i delete nodes'), 'yes\n');
  const { stdout, status } = await kubectl.run('auth can-i get pods --as=jane');
  assert.deepEqual([stdout, status], ['no\n', 1]);
  await kubectl.ok('create rolebinding jane --clusterrole=view --user=jane');
  assert.equal(await kubectl.ok('auth can-i get pods --as=jane'), 'yes\n');
  assert.match(
    await kubectl.ok('auth can-i --list --as=jane'),
    /^pods +\[\] +\[\] +\[get list watch\]$/m,
  );
  assert.match(await kubectl.ok('get pods --as=jane'), /^web /m);
  assert.match(
    await kubectl.fails('get secrets --as=jane'),
    /User "jane" cannot list resource "secrets" in API group "" in the namespace "default"/,
  );
});

test('kubectl cluster-info, and health with its parts', async () => {
  assert.match(await kubectl.ok('cluster-info'), /control plane.* is running at/);
  assert.match(await kubectl.ok('get --raw /readyz?verbose'), /^\[\+\]store ok$/m);
});
