import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#kube/objects.ts';
import { planBalancing, renderBalancing } from './plan.ts';

type Parts = {
  readonly type?: string;
  readonly class?: string;
  readonly ip?: string;
  readonly createdAt?: string;
};

const service = (name: string, parts: Parts = {}): KubeObject => ({
  metadata: {
    name,
    namespace: 'web',
    creationTimestamp: parts.createdAt ?? '2026-01-01T00:00:00Z',
  },
  spec: {
    type: parts.type ?? 'LoadBalancer',
    ...(parts.class !== undefined && { loadBalancerClass: parts.class }),
    ports: [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  },
  status: { loadBalancer: parts.ip === undefined ? {} : { ingress: [{ ip: parts.ip }] } },
});

const slice = (of: string, addresses: Readonly<Record<string, boolean>>): KubeObject => ({
  metadata: { name: `${of}-x`, namespace: 'web', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints: Object.entries(addresses).map(([address, ready]) => ({
    addresses: [address],
    conditions: { ready },
  })),
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
});

test('an address for each Service, the oldest first, and it stays', () => {
  const services = [
    service('young', { createdAt: '2026-02-01T00:00:00Z' }),
    service('kept', { ip: '203.0.113.10', createdAt: '2026-03-01T00:00:00Z' }),
    service('old'),
    service('inside', { type: 'ClusterIP' }),
    service('other', { class: 'example.org/lb' }),
  ];
  const { announcements } = planBalancing(services, []);
  const given = announcements.map(({ service, address }) => [service.metadata.name, address]);
  assert.deepEqual(given, [
    ['old', '203.0.113.11'],
    ['young', '203.0.113.12'],
  ]);
});

test('connections go to whoever is ready, and to nobody else', () => {
  const services = [service('shop', { ip: '203.0.113.10' }), service('empty')];
  const slices = [
    slice('shop', { '10.24.2.1': true, '10.24.2.2': false }),
    slice('shop', { '10.24.2.3': true }),
    slice('empty', { '10.24.2.4': false }),
  ];
  const { frontends } = planBalancing(services, slices);
  const backends = ['10.24.2.1', '10.24.2.3'].map((address) => ({ address, port: 8080 }));
  assert.deepEqual(frontends, [{ address: '203.0.113.10', port: 80, backends }]);
  const rules = renderBalancing(frontends, '10.24.0.0/16');
  const targets = '{ 0 : 10.24.2.1 . 8080, 1 : 10.24.2.3 . 8080 }';
  assert(
    rules.includes(`daddr 203.0.113.10 tcp dport 80 dnat to numgen inc mod 2 map ${targets}`),
    rules,
  );
});

test('when the addresses are all given, a Service stays without one', () => {
  const many = Array.from({ length: 300 }, (_, index) => service(`s${index}`));
  assert.equal(planBalancing(many, []).announcements.length, 241);
});
