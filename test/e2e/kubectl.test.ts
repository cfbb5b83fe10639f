// What users type: real kubectl against the embedded API server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WIDGETS } from '../fakes/api-core.ts';
import { Kubectl } from './kubectl.ts';

let kubectl: Kubectl;
before(async () => {
  kubectl = await Kubectl.start();
});
after(() => kubectl[Symbol.asyncDispose]());

function configMap(name: string, value = 'v'): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
  labels: {app: ${name}}
data:
  k: ${value}
`;
}

test('create -f, get -o yaml, delete', async () => {
  assert.equal(await kubectl.ok('create -f -', configMap('first')), 'configmap/first created\n');
  const yaml = await kubectl.ok('get configmap first -o yaml');
  assert.match(yaml, /^apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\nmetadata:\n/);
  assert.match(yaml, /\n  name: first\n  namespace: default\n  resourceVersion: "\d+"\n  uid: /);
  assert.match(await kubectl.fails('create -f -', configMap('first')), /AlreadyExists/);
  assert.match(await kubectl.ok('delete configmap first'), /"first" deleted/);
  assert.match(await kubectl.fails('get configmap first'), /configmaps "first" not found/);
});

test('label, annotate and patch in all three older forms', async () => {
  await kubectl.ok('create -f -', configMap('patched'));
  assert.match(await kubectl.ok('label configmap patched tier=x'), /patched labeled/);
  await kubectl.ok('label configmap patched tier-');
  await kubectl.ok('annotate configmap patched note=hi');
  await kubectl.ok('patch configmap patched -p {"data":{"a":"1"}}');
  await kubectl.ok('patch configmap patched --type=merge -p {"data":{"b":"2"}}');
  await kubectl.ok(
    'patch configmap patched --type=json -p [{"op":"add","path":"/data/c","value":"3"}]',
  );
  const data = await kubectl.ok('get configmap patched -o jsonpath={.data}');
  assert.deepEqual(JSON.parse(data), { k: 'v', a: '1', b: '2', c: '3' });
  assert.match(
    await kubectl.ok('patch configmap patched -p {"data":{"a":"1"}}'),
    /patched patched \(no change\)/,
  );
  assert.match(
    await kubectl.fails('patch configmap patched --type=json -p [{"op":"remove","path":"/x"}]'),
    /the server rejected our request due to an error in our request/,
  );
});

test('get -w tells of every change', async () => {
  await kubectl.ok('create -f -', configMap('watched'));
  using watch = kubectl.follow('get configmap watched -w -o name');
  assert.equal((await watch.lines.next()).value, 'configmap/watched');
  const next = watch.lines.next();
  await kubectl.ok('label configmap watched seen=yes');
  assert.equal((await next).value, 'configmap/watched');
});

test('selectors and chunks', async () => {
  for (const name of ['s1', 's2', 's3']) await kubectl.ok('create -f -', configMap(name));
  const names = async (...args: string[]) =>
    (await kubectl.ok(['get', 'configmap', '-o', 'name', ...args])).trim().split('\n');
  assert.deepEqual(await names('-l', 'app=s2'), ['configmap/s2']);
  assert.deepEqual(await names('--field-selector', 'metadata.name=s3'), ['configmap/s3']);
  const some = await names('-l', 'app in (s1, s3)', '--chunk-size=1');
  assert.deepEqual(some, ['configmap/s1', 'configmap/s3']);
});

test('replace and edit conflicts are told apart from the rest', async () => {
  await kubectl.ok('create -f -', configMap('replaced'));
  const old = await kubectl.ok('get configmap replaced -o yaml');
  await kubectl.ok('replace -f -', configMap('replaced', 'new'));
  assert.match(
    await kubectl.fails('replace -f -', old.replace('k: v', 'k: other')),
    /the object has been modified; please apply your changes to the latest version/,
  );
});

test('a definition, its objects, and what is wrong with them', async () => {
  await kubectl.ok('create -f -', JSON.stringify(WIDGETS));
  const established = 'wait --for=condition=Established crd/widgets.example.com --timeout=10s';
  assert.match(await kubectl.ok(established), /condition met/);
  const widget = (spec: string) =>
    `{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: ${spec}}`;
  assert.match(
    await kubectl.fails('create -f -', widget('{size: 33}')),
    /spec\.size: Invalid value: 33: spec\.size in body should be less than or equal to 10/,
  );
  assert.match(
    await kubectl.fails('create -f -', widget('{size: 3, sise: 4}')),
    /strict decoding error: unknown field "spec\.sise"/,
  );
  await kubectl.ok('create -f -', widget('{size: 3}'));
  assert.equal(await kubectl.ok('get wd w -o jsonpath={.spec.grade}'), 'A');
  assert.equal(
    await kubectl.ok('get widgets.v1beta1.example.com w -o jsonpath={.apiVersion}'),
    'example.com/v1beta1',
  );
  assert.match(await kubectl.ok('explain widget.spec.size'), /FIELD: size <integer>/);
});

test('what is wrong with a manifest is said with its field', async () => {
  const service = (ports: string) =>
    `{apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {ports: ${ports}}}`;
  assert.match(
    await kubectl.fails('create -f -', service('[{port: 80, prot: TCP}]')),
    /strict decoding error: unknown field "spec\.ports\[0\]\.prot"/,
  );
  assert.match(
    await kubectl.fails('create -f -', service('[{port: http}]')),
    /cannot unmarshal string into Go struct field ServicePort\.spec\.ports\.port of type int32/,
  );
  assert.match(
    await kubectl.fails('create -f -', service('[{port: 70000}]')),
    /spec\.ports\[0\]\.port: Invalid value: 70000: must be between 1 and 65535, inclusive/,
  );
});

test('apply creates, changes and leaves alone', async () => {
  assert.match(await kubectl.ok('apply -f -', configMap('applied')), /applied created/);
  assert.match(await kubectl.ok('apply -f -', configMap('applied')), /applied unchanged/);
  assert.match(await kubectl.ok('apply -f -', configMap('applied', 'w')), /applied configured/);
  assert.equal(await kubectl.ok('get configmap applied -o jsonpath={.data.k}'), 'w');
});

test('delete waits until a namespace and all in it are gone', async () => {
  await kubectl.ok('create -f -', '{apiVersion: v1, kind: Namespace, metadata: {name: going}}');
  await kubectl.ok('create -n going -f -', configMap('inside'));
  await kubectl.ok('delete namespace going --timeout=20s');
  assert.match(await kubectl.fails('get namespace going'), /namespaces "going" not found/);
});

test('discovery: api-resources, api-versions, version, raw paths', async () => {
  assert.match(await kubectl.ok('api-resources'), /^services\s+svc\s+v1\s+true\s+Service$/m);
  assert.match(await kubectl.ok('api-versions'), /^discovery\.k8s\.io\/v1$/m);
  const { stdout, stderr } = await kubectl.run('version');
  assert.match(stdout, /Server Version: v1\.33/);
  assert.equal(stderr, '', 'no warning about a version skew');
  assert.equal(await kubectl.ok('get --raw /readyz'), 'ok');
});
