import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#kube/objects.ts';
import { planServices, renderServices } from './plan.ts';

const service = (name: string, clusterIP: string): KubeObject => ({
  metadata: { name, namespace: 'default' },
  spec: { clusterIP, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
});

const slice = (name: string, ...addresses: string[]): KubeObject => ({
  metadata: {
    name,
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': name },
  },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
});

test('cluster IPs lead to ready endpoints, in turn; nobody there is a refusal', () => {
  const services = [
    service('shop', '10.96.0.7'),
    service('empty', '10.96.0.6'),
    service('headless', 'None'),
    service('elsewhere', ''),
    service('six', 'fd00::1'),
  ];
  const routes = planServices(services, [slice('shop', '10.24.2.5', '10.24.2.6')]);
  assert.deepEqual(routes.addresses, ['10.96.0.6', '10.96.0.7']);
  assert.equal(routes.frontends.length, 1);
  const text = renderServices(routes);
  assert.match(
    text,
    /ip daddr 10\.96\.0\.7 tcp dport 80 dnat to numgen inc mod 2 map \{ 0 : 10\.24\.2\.5 \. 8080,/,
  );
  assert.match(text, /ip daddr \{ 10\.96\.0\.6, 10\.96\.0\.7 \} reject/);
  assert.match(text, /saddr \. ip daddr \{ 10\.24\.2\.5 \. 10\.24\.2\.5, 10\.24\.2\.6 \./);
});

test('without Services there is a table without rules', () => {
  const text = renderServices(planServices([], []));
  assert.doesNotMatch(text, /dnat to|reject|masquerade/);
  assert.match(text, /^table ip cluster_ips\ndelete table ip cluster_ips\ntable ip cluster_ips/);
});
