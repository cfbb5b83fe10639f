// Whose an address is that somebody has dialled in vain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshOf } from '#model/mesh-of.ts';
import { meshNames } from './mesh-names.ts';

const pod = (name: string, labels: string): string => `
kind: Pod
metadata: { name: ${name}, namespace: library, labels: ${labels} }
spec: { serviceAccountName: ${name} }
status: { podIP: 10.24.2.${name.length} }
`;
const service = (name: string, address: string): string => `
kind: Service
metadata: { name: ${name}, namespace: library }
spec: { clusterIP: ${address}, selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
`;
const names = meshNames(
  meshOf(
    [
      pod('front', '{ app: front }'),
      pod('cart-v1', '{ app: cart, service.istio.io/workload-name: cart-v1 }'),
      pod('cart-v22', '{ app: cart, service.istio.io/workload-name: cart-v22 }'),
      service('front', '10.96.0.1'),
      service('cart', '10.96.0.2'),
      service('nobody', '10.96.0.3'),
    ].join('---'),
  ),
);
const CLIENT = 'cert|cluster.local|library|generator|Pod|generator';

for (const [address, node] of [
  ['10.96.0.1', 'wl:library/front'],
  ['10.24.2.5', 'wl:library/front'],
  ['10.96.0.2', 'host:cart.library.svc.cluster.local'],
  ['10.96.0.3', 'host:nobody.library.svc.cluster.local'],
  ['192.0.2.1', undefined],
] as const) {
  test(`${address} is ${node ?? 'nobody’s'}`, () => {
    assert.equal(names.dialledNode(address, CLIENT), node);
  });
}
