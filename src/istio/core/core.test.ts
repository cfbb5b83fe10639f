import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpointSlice } from './endpoint-slice.ts';
import { parseNode } from './place.ts';
import { parsePod } from './pod.ts';
import { parseService } from './service.ts';

const metadata = { name: 'it', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' };

test('a Service', () => {
  const service = parseService({
    metadata: { ...metadata, annotations: { 'networking.istio.io/exportTo': 'a, b' } },
    spec: {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1', 'FD00::1'],
      ports: [{ port: 80, targetPort: 'web' }, { port: 53, protocol: 'UDP' }, { port: 99_999 }],
      selector: { app: 'x', odd: 1 },
    },
  });
  assert.deepEqual(service.clusterIps, ['10.96.0.1', 'fd00::1']);
  assert.deepEqual(service.ports, [{ number: 80, name: '', protocol: 'auto', targetPort: 'web' }]);
  assert.deepEqual(service.selector, { app: 'x' });
  assert.deepEqual(service.exportTo, ['a', 'b']);
  assert.equal(service.createdAtMs, Date.UTC(2026, 0, 1));
});

test('a headless Service has no address, and targetPort is the port unless said', () => {
  const service = parseService({ metadata, spec: { clusterIP: 'None', ports: [{ port: 80 }] } });
  assert.equal(service.isHeadless, true);
  assert.deepEqual(service.clusterIps, []);
  assert.equal(service.ports[0]?.targetPort, 80);
});

test('an EndpointSlice', () => {
  const slice = parseEndpointSlice({
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'db' } },
    ports: [
      { name: 'tcp', port: 5432 },
      { name: 'dns', port: 53, protocol: 'UDP' },
      { port: null },
    ],
    endpoints: [
      { addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'p' }, nodeName: 'n' },
      { addresses: ['10.0.0.2', 'nonsense'], conditions: { ready: false } },
      { addresses: ['10.0.0.3'], conditions: { ready: false, serving: true, terminating: true } },
      {
        addresses: ['10.0.0.4'],
        conditions: { ready: null },
        targetRef: { kind: 'Node', name: 'n' },
      },
    ],
  });
  assert.equal(slice.serviceName, 'db');
  assert.deepEqual([...slice.ports], [['tcp', 5432]]);
  assert.deepEqual(
    slice.endpoints.map(({ addresses, health, pod }) => [addresses.join(), health, pod]),
    [
      ['10.0.0.1', 'ready', 'p'],
      ['10.0.0.2', 'unready', ''],
      ['10.0.0.3', 'terminating', ''],
      ['10.0.0.4', 'ready', ''],
    ],
  );
});

test('a Pod: its addresses, named ports and readiness', () => {
  const spec = {
    nodeName: 'n',
    containers: [
      { ports: [{ name: 'web', containerPort: 80 }, { containerPort: 81 }] },
      { ports: [{ name: 'web', containerPort: 82 }] },
    ],
  };
  const status = { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] };
  const pod = parsePod({ metadata, spec, status });
  assert.deepEqual(pod.addresses, ['10.0.0.1', 'fd00::1']);
  assert.deepEqual([...pod.ports], [['web', 80]]);
  assert.equal(pod.serviceAccount, 'default');
  assert.equal(pod.health, 'ready');
  const conditions = [{ type: 'Ready', status: 'False' }];
  assert.equal(parsePod({ metadata, spec, status: { ...status, conditions } }).health, 'unready');
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const going = parsePod({ metadata: { ...metadata, deletionTimestamp }, spec, status });
  assert.equal(going.health, 'terminating');
  const ended = parsePod({ metadata, spec, status: { ...status, phase: 'Failed' } });
  assert.deepEqual(ended.addresses, [], 'somebody else may have its address by now');
});

test('a Node: as much of a locality as is known', () => {
  const locality = (labels: Record<string, string>): string =>
    parseNode({ metadata: { name: 'n', labels } }).locality;
  const region = { 'topology.kubernetes.io/region': 'r' };
  assert.equal(locality({}), '');
  assert.equal(locality(region), 'r');
  const zone = { 'topology.kubernetes.io/zone': 'z' };
  assert.equal(locality({ ...region, ...zone, 'topology.istio.io/subzone': 's' }), 'r/z/s');
});
