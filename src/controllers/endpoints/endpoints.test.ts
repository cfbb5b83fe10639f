import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fieldsOf, objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { ENDPOINT_SLICE, ENDPOINTS, NODE, POD, SERVICE } from '#kube/resources.ts';
import { FakeCluster } from '../fake-cluster.ts';
import { ENDPOINT_SLICE_CONTROLLER, ENDPOINTS_CONTROLLER, ENDPOINTS_MIRROR } from './controller.ts';

const NAMESPACE = 'shop';

const service = (spec: Readonly<Record<string, unknown>> = {}): KubeObject => ({
  metadata: { name: 'web', namespace: NAMESPACE, labels: { team: 'a' } },
  spec: {
    clusterIP: '10.96.0.9',
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    ...spec,
  },
});

function pod(index: number, fields: Readonly<Record<string, unknown>> = {}): KubeObject {
  const { spec = {}, status = {}, labels = { app: 'web' }, ...metadata } = fields;
  return {
    metadata: {
      name: `web-${String(index).padStart(3, '0')}`,
      namespace: NAMESPACE,
      labels: textMapOf(labels),
      ...metadata,
    },
    spec: { nodeName: 'n1', ...fieldsOf(spec) },
    status: {
      phase: 'Running',
      podIP: `10.24.0.${index}`,
      conditions: [{ type: 'Ready', status: 'True' }],
      ...fieldsOf(status),
    },
  };
}

class Endpoints extends FakeCluster {
  async settle(): Promise<void> {
    await this.reconcile(ENDPOINT_SLICE_CONTROLLER, `${NAMESPACE}/web`);
    await this.reconcile(ENDPOINTS_CONTROLLER, `${NAMESPACE}/web`);
    await this.reconcile(ENDPOINTS_MIRROR, `${NAMESPACE}/web`);
  }

  get slices(): readonly KubeObject[] {
    return this.objects(ENDPOINT_SLICE);
  }

  /** All addresses in slices, sorted, as `address` or `address(not ready)`. */
  get addresses(): readonly string[] {
    return this.slices
      .flatMap((slice) => objectsAt(slice, 'endpoints'))
      .map((endpoint) => {
        const isReady = fieldsOf(endpoint, 'conditions')['ready'] === true;
        return `${textsAt(endpoint, 'addresses').join()}${isReady ? '' : '(not ready)'}`;
      })
      .toSorted();
  }
}

function started(spec: Readonly<Record<string, unknown>> = {}, ...pods: KubeObject[]): Endpoints {
  const cluster = new Endpoints();
  cluster.put(SERVICE, service(spec));
  for (const one of pods) cluster.put(POD, one);
  return cluster;
}

const unready = { conditions: [{ type: 'Ready', status: 'False' }] };

test('a slice says where the Pods are', async () => {
  const cluster = started({}, pod(1));
  const zone = { 'topology.kubernetes.io/zone': 'r1a' };
  cluster.put(NODE, { metadata: { name: 'n1', labels: zone } });
  await cluster.settle();
  const [slice, ...others] = cluster.slices;
  assert(slice && others.length === 0);
  assert.match(slice.metadata.name, /^web-[0-9a-z]{5}$/);
  assert.deepEqual(slice.metadata.labels, {
    team: 'a',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  assert.equal(slice.metadata.ownerReferences?.[0]?.name, 'web');
  assert.equal(slice['addressType'], 'IPv4');
  assert.deepEqual(slice['ports'], [{ name: 'http', protocol: 'TCP', port: 8080 }]);
  const [found] = cluster.objects(POD);
  assert.deepEqual(slice['endpoints'], [
    {
      addresses: ['10.24.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: NAMESPACE, name: 'web-001', uid: found?.metadata.uid },
      nodeName: 'n1',
      zone: 'r1a',
    },
  ]);
  const [legacy] = cluster.objects(ENDPOINTS);
  const [subset = {}] = objectsAt(legacy ?? {}, 'subsets');
  assert.deepEqual(subset['ports'], slice['ports']);
  assert.equal(textAt(objectsAt(subset, 'addresses')[0] ?? {}, 'ip'), '10.24.0.1');
});

test('nothing is written when nothing has changed', async () => {
  const cluster = started({}, pod(1), pod(2, { status: unready }));
  await cluster.settle();
  cluster.writes.length = 0;
  await cluster.settle();
  assert.deepEqual(cluster.writes, []);
});

test('who counts as an endpoint, and in which state', async () => {
  const deletionTimestamp = '2026-11-22T12:00:30Z';
  const cluster = started(
    {},
    pod(1),
    pod(2, { status: unready }),
    pod(3, { deletionTimestamp }),
    pod(4, { status: { phase: 'Succeeded' } }),
    pod(5, { status: { podIP: '' } }),
    pod(6, { labels: { app: 'other' } }),
  );
  await cluster.settle();
  assert.deepEqual(cluster.addresses, [
    '10.24.0.1',
    '10.24.0.2(not ready)',
    '10.24.0.3(not ready)',
  ]);
  const states = cluster.slices
    .flatMap((slice) => objectsAt(slice, 'endpoints'))
    .map((endpoint) => endpoint['conditions']);
  assert.deepEqual(states[2], { ready: false, serving: true, terminating: true });
  const [legacy] = cluster.objects(ENDPOINTS);
  const [subset = {}] = objectsAt(legacy ?? {}, 'subsets');
  const ips = (list: string): string[] => objectsAt(subset, list).map((one) => textAt(one, 'ip'));
  assert.deepEqual(ips('addresses'), ['10.24.0.1']);
  assert.deepEqual(ips('notReadyAddresses'), ['10.24.0.2']);
});

test('a Service may want Pods that are not ready yet', async () => {
  const cluster = started({ publishNotReadyAddresses: true }, pod(2, { status: unready }));
  await cluster.settle();
  assert.deepEqual(cluster.addresses, ['10.24.0.2']);
});

test('a named port is the number that each Pod gives it', async () => {
  const named = (containerPort: number) => ({
    spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort }] }] },
  });
  const ports = [{ port: 80, targetPort: 'web' }];
  const cluster = started({ ports }, pod(1, named(8080)), pod(2, named(9090)), pod(3));
  await cluster.settle();
  assert.deepEqual(cluster.addresses, ['10.24.0.1', '10.24.0.2'], 'the third has no such port');
  const numbers = cluster.slices.flatMap((slice) =>
    objectsAt(slice, 'ports').map((it) => it['port']),
  );
  assert.deepEqual(numbers, [8080, 9090]);
  const [legacy] = cluster.objects(ENDPOINTS);
  assert.equal(objectsAt(legacy ?? {}, 'subsets').length, 2);
});

test('headless Services, and names within them', async () => {
  const spec = { hostname: 'db-0', subdomain: 'web' };
  const cluster = started({ clusterIP: 'None', ports: [] }, pod(1, { spec }), pod(2));
  await cluster.settle();
  const [slice] = cluster.slices;
  assert.equal(slice?.metadata.labels?.['service.kubernetes.io/headless'], '');
  const names = objectsAt(slice, 'endpoints').map((endpoint) => textAt(endpoint, 'hostname'));
  assert.deepEqual(names, ['db-0', '']);
});

test('each family has slices of its own', async () => {
  const podIPs = [{ ip: '10.24.0.1' }, { ip: 'fd00::1' }];
  const cluster = started({ ipFamilies: ['IPv4', 'IPv6'] }, pod(1, { status: { podIPs } }));
  await cluster.settle();
  const families = cluster.slices.map((slice) => slice['addressType']);
  assert.deepEqual(families, ['IPv4', 'IPv6']);
  assert.deepEqual(cluster.addresses, ['10.24.0.1', 'fd00::1']);
});

test('a Service without Pods has a slice that says so', async () => {
  const cluster = started();
  await cluster.settle();
  assert.deepEqual(
    cluster.slices.map((slice) => slice['endpoints']),
    [[]],
  );
});

test("a Service without a selector is its owner's affair", async () => {
  const cluster = started({ selector: undefined }, pod(1));
  const labels = { 'kubernetes.io/service-name': 'web' };
  cluster.put(ENDPOINT_SLICE, { metadata: { name: 'mine', namespace: NAMESPACE, labels } });
  const skip = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  cluster.put(ENDPOINTS, { metadata: { name: 'web', namespace: NAMESPACE, labels: skip } });
  await cluster.settle();
  assert.deepEqual(cluster.writes, []);
  cluster.drop(SERVICE, { namespace: NAMESPACE, name: 'web' });
  await cluster.settle();
  assert.deepEqual(cluster.writes, [], 'what others made is theirs to remove');
});

test('with the Service its endpoints go', async () => {
  const cluster = started({}, pod(1));
  await cluster.settle();
  cluster.drop(SERVICE, { namespace: NAMESPACE, name: 'web' });
  await cluster.settle();
  assert.equal(cluster.slices.length + cluster.objects(ENDPOINTS).length, 0);
});

const HAND_WRITTEN: KubeObject = {
  metadata: { name: 'web', namespace: NAMESPACE },
  subsets: [
    {
      addresses: [{ ip: '10.128.0.14', targetRef: { kind: 'VM', name: 'db' } }, { ip: 'fd00::14' }],
      notReadyAddresses: [{ ip: '10.128.0.15' }],
      ports: [{ name: 'tcp', port: 5432 }],
    },
  ],
};

test('what is written by hand as Endpoints is there as slices, too', async () => {
  const cluster = started({ selector: undefined });
  cluster.put(ENDPOINTS, HAND_WRITTEN);
  await cluster.settle();
  assert.deepEqual(cluster.addresses, ['10.128.0.14', '10.128.0.15(not ready)', 'fd00::14']);
  assert.deepEqual(
    cluster.slices.map((slice) => slice['addressType']),
    ['IPv4', 'IPv6'],
  );
  for (const slice of cluster.slices) {
    assert.deepEqual(slice['ports'], [{ name: 'tcp', protocol: 'TCP', port: 5432 }]);
    assert.equal(slice.metadata.ownerReferences?.[0]?.kind, 'Endpoints');
  }
  cluster.writes.length = 0;
  await cluster.settle();
  assert.deepEqual(cluster.writes, []);
  cluster.put(ENDPOINTS, { ...HAND_WRITTEN, subsets: [] });
  await cluster.settle();
  assert.deepEqual(cluster.slices, []);
});

test('with a selector the Pods count, and nothing is mirrored', async () => {
  const cluster = started({ selector: undefined });
  cluster.put(ENDPOINTS, HAND_WRITTEN);
  await cluster.settle();
  cluster.put(SERVICE, service());
  cluster.put(POD, pod(1));
  await cluster.settle();
  assert.deepEqual(cluster.addresses, ['10.24.0.1']);
});

test('slices hold what there is, are never too large, and change no more than needed', async () => {
  const presence = fc.array(fc.boolean(), { minLength: 230, maxLength: 230 });
  await fc.assert(
    fc.asyncProperty(presence, fc.nat(229), async (present, toggled) => {
      const cluster = started();
      const put = (index: number, isThere: boolean): void => {
        const one = pod(index + 1, { status: { podIP: `10.24.${index}.1` } });
        if (isThere) cluster.put(POD, one);
        else cluster.drop(POD, one.metadata);
      };
      const check = (): void => {
        const wanted = cluster.objects(POD).map(({ status }) => textAt(fieldsOf(status), 'podIP'));
        assert.deepEqual(cluster.addresses, wanted.toSorted());
        for (const slice of cluster.slices) assert(objectsAt(slice, 'endpoints').length <= 100);
      };
      present.forEach((isThere, index) => put(index, isThere));
      await cluster.reconcile(ENDPOINT_SLICE_CONTROLLER, `${NAMESPACE}/web`);
      check();
      cluster.writes.length = 0;
      put(toggled, !present[toggled]);
      await cluster.reconcile(ENDPOINT_SLICE_CONTROLLER, `${NAMESPACE}/web`);
      check();
      assert(cluster.writes.length <= 1, cluster.writes.join());
    }),
    { numRuns: 20 },
  );
});
