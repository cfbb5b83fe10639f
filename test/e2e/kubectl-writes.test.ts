// Ways to write that users have besides `create -f`: generators (they send protobuf), server-side
// apply, edit, scale, set.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Kubectl } from './kubectl.ts';

let kubectl: Kubectl;
before(async () => {
  kubectl = await Kubectl.start();
});
after(() => kubectl[Symbol.asyncDispose]());

const GENERATORS: readonly (readonly [string, string])[] = [
  ['create namespace made', 'namespace/made created'],
  ['create configmap made --from-literal=a=b', 'configmap/made created'],
  ['create secret generic made --from-literal=a=b', 'secret/made created'],
  ['create serviceaccount made', 'serviceaccount/made created'],
  ['create service clusterip made --tcp=80:8080', 'service/made created'],
  ['create deployment made --image=nginx --replicas=0', 'deployment.apps/made created'],
  ['create role made --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/made created'],
  [
    'create rolebinding made --role=made --serviceaccount=default:made',
    'rolebinding.rbac.authorization.k8s.io/made created',
  ],
  ['run made --image=nginx', 'pod/made created'],
  ['expose pod made --port=80 --name=exposed --selector=run=made', 'service/exposed exposed'],
];

for (const [command, said] of GENERATORS) {
  test(`kubectl ${command}`, async () => {
    assert.equal((await kubectl.ok(command)).trim(), said);
  });
}

test('what the generators made is what they were told', async () => {
  const read = (args: string) => kubectl.ok(`get ${args}`);
  assert.equal(await read('configmap made -o jsonpath={.data.a}'), 'b');
  assert.equal(await read('secret made -o jsonpath={.data.a}'), 'Yg==');
  assert.equal(await read('deployment made -o jsonpath={.spec.replicas}'), '0');
  assert.equal(await read('service made -o jsonpath={.spec.ports[0].targetPort}'), '8080');
});

test('kubectl create token makes a token for the audience and the time asked for', async () => {
  const token = await kubectl.ok('create token made --audience=mesh --duration=30m');
  const [, claims = ''] = token.split('.');
  const { aud, exp, iat, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  assert.deepEqual(aud, ['mesh']);
  assert.equal(exp - iat, 1_800);
  assert.equal(sub, 'system:serviceaccount:default:made');
  assert.match(await kubectl.fails('create token nobody'), /serviceaccounts "nobody" not found/);
});

function configMap(data: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: ${data}\n`;
}

test('server-side apply: conflicts, force, and what is no longer applied', async () => {
  const apply = 'apply --server-side -f -';
  assert.match(await kubectl.ok(apply, configMap('{a: "1", b: "1"}')), /serverside-applied/);
  const other = await kubectl.fails(`${apply} --field-manager=other`, configMap('{a: "2"}'));
  assert.match(other, /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a/);
  await kubectl.ok(`${apply} --field-manager=other --force-conflicts`, configMap('{a: "2"}'));
  await kubectl.ok(apply, configMap('{c: "3"}'));
  const data = await kubectl.ok('get configmap ssa -o jsonpath={.data}');
  assert.deepEqual(JSON.parse(data), { a: '2', c: '3' });
});

test('from client-side to server-side apply, and diff on the way', async () => {
  const manifest = (value: string) =>
    configMap(`{a: "${value}"}`).replace('name: ssa', 'name: moved');
  await kubectl.ok('apply -f -', manifest('1'));
  const { status, stdout } = await kubectl.run('diff -f -', manifest('2'));
  assert.equal(status, 1, 'diff says by its status that there is one');
  assert.match(stdout, /^-  a: "1"\n\+  a: "2"$/m);
  await kubectl.ok('apply --server-side -f -', manifest('2'));
  await kubectl.ok('apply --server-side -f -', manifest('3'));
  assert.equal(await kubectl.ok('get configmap moved -o jsonpath={.data.a}'), '3');
  assert.match(
    await kubectl.ok('apply --dry-run=server -f -', manifest('4')),
    /\(server dry run\)/,
  );
  assert.equal(await kubectl.ok('get configmap moved -o jsonpath={.data.a}'), '3');
});

test('apply --prune removes what is applied no longer, and nothing else', async () => {
  const manifest = (name: string) =>
    configMap('{a: "1"}').replace('name: ssa', `name: ${name}, labels: {set: pruned}`);
  const prune = 'apply --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap -f -';
  await kubectl.ok(prune, `${manifest('kept')}---\n${manifest('dropped')}`);
  await kubectl.ok('create configmap by-hand --from-literal=a=b');
  await kubectl.ok('label configmap by-hand set=pruned');
  const said = await kubectl.ok(prune, manifest('kept'));
  assert.match(said, /^configmap\/dropped pruned$/m);
  const left = await kubectl.ok('get configmaps -l set=pruned -o name');
  assert.equal(left, 'configmap/by-hand\nconfigmap/kept\n');
});

test('scale, set, rollout restart, taint', async () => {
  await kubectl.ok('scale deployment made --replicas=3');
  assert.match(
    await kubectl.fails('scale deployment made --replicas=1 --current-replicas=9'),
    /Expected replicas to be 9, was 3/,
  );
  await kubectl.ok('set image deployment/made nginx=nginx:2');
  await kubectl.ok('set env deployment/made KEY=value');
  await kubectl.ok('rollout restart deployment/made');
  const spec = JSON.parse(await kubectl.ok('get deployment made -o jsonpath={.spec}'));
  assert.equal(spec.replicas, 3);
  const { metadata, spec: pod } = spec.template;
  assert.equal(pod.containers[0].image, 'nginx:2');
  assert.deepEqual(pod.containers[0].env, [{ name: 'KEY', value: 'value' }]);
  assert(metadata.annotations['kubectl.kubernetes.io/restartedAt']);
  await kubectl.ok('create -f -', '{apiVersion: v1, kind: Node, metadata: {name: n1}}');
  await kubectl.ok('taint node n1 key=value:NoSchedule');
  await kubectl.ok('cordon n1');
  assert.match(await kubectl.ok('get node n1'), /n1 +Unknown,SchedulingDisabled/);
});

test('edit changes what the editor changed', async () => {
  const editor = 'sed -i s/old-value/new-value/';
  await kubectl.ok('create configmap edited --from-literal=a=old-value');
  const { status, stdout, stderr } = await kubectl.run('edit configmap edited', '', {
    KUBE_EDITOR: editor,
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /configmap\/edited edited/);
  assert.equal(await kubectl.ok('get configmap edited -o jsonpath={.data.a}'), 'new-value');
});

test('kinds that there are not are named', async () => {
  assert.match(
    await kubectl.fails('create ingress i --rule=a.example/=b:80'),
    /could not find the requested resource \(post ingresses\.networking\.k8s\.io\)/,
  );
  assert.match(
    await kubectl.fails(
      'apply -f -',
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n',
    ),
    /no matches for kind "Ingress" in version "networking\.k8s\.io\/v1"/,
  );
});
