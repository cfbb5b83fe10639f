// `register` and `deregister` against the embedded API server, as a user types them.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { runCli } from '#cli/run.ts';
import { installKinds } from '#controlplane/crds.ts';
import { KINDS } from '#istio/kinds.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import {
  NAMESPACE,
  POD,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  SIDECAR,
  WORKLOAD_ENTRY,
  WORKLOAD_GROUP,
  type ResourceType,
} from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { ApiServerProcess } from './api-server.ts';

const server = await ApiServerProcess.start();
after(() => server[Symbol.asyncDispose]());
const client = await server.client();
await installKinds(client, KINDS, { hash: (text) => hash('sha256', text), log: silentLogger });

/** What a line prints. */
async function typed(line: string): Promise<string> {
  const printed: string[] = [];
  const status = await runCli(line.split(' '), {
    env: { KUBECONFIG: server.kubeconfig },
    signal: new AbortController().signal,
    print: (text) => printed.push(text),
  });
  assert.equal(status, 0, line);
  return printed.join('\n');
}

async function refused(line: string): Promise<OperatorError> {
  const error: unknown = await typed(line).catch((thrown: unknown) => thrown);
  assert(error instanceof OperatorError, `${line}: ${String(error)}`);
  return error;
}

const specOf = async (type: ResourceType, name: string, namespace = 'default') => {
  const { spec } = await client.get(type, { namespace, name });
  assert(isRecord(spec));
  return spec;
};

/** Everything of the kinds that register makes, by kind and name; not what was there before. */
async function allObjects(namespace = 'default'): Promise<string[]> {
  const kinds = [SERVICE_ACCOUNT, SERVICE, SERVICE_ENTRY, WORKLOAD_GROUP, SIDECAR, WORKLOAD_ENTRY];
  const lists = await Promise.all(
    kinds.map(async (type) => {
      const { items } = await client
        .list(type, { namespace })
        .catch((error: unknown): { items: readonly KubeObject[] } => {
          if (isNotFound(error)) return { items: [] }; // a kind that is not installed
          throw error;
        });
      return items.map(({ metadata }) => `${type.kind}/${metadata.name}`);
    }),
  );
  return lists.flat().toSorted();
}

test('registered, registered again, and undone without a trace', async () => {
  const before = await allObjects();
  const first = (await typed('register postgresql-1-vm 10.128.0.14 5432')).split('\n');
  const { clusterIP } = await specOf(SERVICE, 'postgresql-1-vm');
  assert(typeof clusterIP === 'string');
  assert.deepEqual(first.slice(0, 3), [
    'serviceaccount/postgresql-1-vm created',
    'service/postgresql-1-vm created',
    'serviceentry.networking.istio.io/postgresql-1-vm created',
  ]);
  assert.deepEqual(first.slice(-4), [
    'workloadentry.networking.istio.io/postgresql-1-vm-10.128.0.14 created',
    '',
    `10.128.0.14 serves 5432/tcp as postgresql-1-vm.default.svc.cluster.local (${clusterIP})`,
    'files for the machine: isthmus vm files postgresql-1-vm -n default',
  ]);
  const again = await typed('register postgresql-1-vm 10.128.0.14 5432');
  assert.doesNotMatch(again, /created|configured|deleted/);
  assert.match(again, /^service\/postgresql-1-vm unchanged$/m);

  const more = await typed('register postgresql-1-vm 10.128.0.15 5432');
  assert.match(more, /^workloadentry\S+-10\.128\.0\.15 created$/m);
  const one = await typed('deregister postgresql-1-vm 10.128.0.14');
  assert.match(one, /^workloadentry\S+-10\.128\.0\.14 deleted$/m);
  assert.match(one, /^service\/postgresql-1-vm stays for other addresses$/m);
  assert.equal((await specOf(SERVICE, 'postgresql-1-vm'))['clusterIP'], clusterIP);

  await typed('deregister postgresql-1-vm');
  assert.deepEqual(await allObjects(), before);
  assert.equal(
    await typed('deregister postgres-1-vm'),
    'postgres-1-vm is not registered in namespace default; registered there: nothing',
  );
});

test('a change of ports reaches every object, and keeps the cluster IP', async () => {
  await typed('register billing 10.1.0.1 9000');
  const { clusterIP } = await specOf(SERVICE, 'billing');
  const changed = await typed('register billing 10.1.0.1 9000:tcp 8080:http-admin -l version=v2');
  assert.match(changed, /^service\/billing configured$/m);
  assert.match(changed, /^serviceaccount\/billing unchanged$/m);
  assert.equal((await specOf(SERVICE, 'billing'))['clusterIP'], clusterIP);
  const { ports, labels } = await specOf(WORKLOAD_ENTRY, 'billing-10.1.0.1');
  assert.deepEqual(ports, { tcp: 9000, 'http-admin': 8080 });
  assert(isRecord(labels) && labels['version'] === 'v2');
  await typed('deregister billing');
});

test('names, addresses and namespaces that are taken or missing', async () => {
  const metadata = { namespace: 'default', name: 'orders' };
  await client.create(SERVICE, { metadata, spec: { ports: [{ port: 80 }] } });
  const taken = await refused('register orders 10.2.0.1 80');
  assert.deepEqual(
    [taken.code, taken.message, taken.remedy],
    [
      'NAME_TAKEN',
      'Service default/orders is there already, and not from isthmus register',
      'choose another name, or delete it first: kubectl delete services orders -n default',
    ],
  );
  const pod = { namespace: 'default', name: 'web-1' };
  const spec = { containers: [{ name: 'web', image: 'web' }] };
  await client.create(POD, { metadata: pod, spec });
  const status = { podIP: '10.24.2.23', phase: 'Running' };
  await client.patch(POD, pod, { status }, { kind: 'merge', subresource: 'status' });
  const held = await refused('register legacy 10.24.2.23 80');
  assert.equal(held.message, 'the address 10.24.2.23 is taken by Pod default/web-1');
  const nowhere = await refused('register legacy 10.2.0.1 80 -n shop');
  assert.deepEqual(
    [nowhere.code, nowhere.remedy],
    ['NOT_FOUND', 'name another with -n, or make it: kubectl create namespace shop'],
  );
  assert.equal((await refused('register legacy 10.2.0.1 x')).code, 'USAGE');
});

test('an account and a namespace of its own; the account outlives the registration', async () => {
  await client.create(NAMESPACE, { metadata: { name: 'shop' } });
  await client.create(SERVICE_ACCOUNT, { metadata: { namespace: 'shop', name: 'db' } });
  const before = await allObjects('shop');
  const said = await typed('register sql 10.3.0.1 1433 -n shop --service-account db');
  assert.match(said, /^serviceaccount\/db unchanged: it was there before$/m);
  assert.equal((await specOf(WORKLOAD_ENTRY, 'sql-10.3.0.1', 'shop'))['serviceAccount'], 'db');
  const other = await refused('register cache 10.3.0.1 6379 -n default');
  assert.match(other.message, /taken by WorkloadEntry shop\/sql-10\.3\.0\.1$/);
  await typed('deregister sql -n shop');
  assert.deepEqual(await allObjects('shop'), before);
});
