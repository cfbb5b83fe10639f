// What does not say to whom it is exported is exported as the mesh says of its kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, meshOf } from './mesh-of.ts';

const HOST = 'api.example.com';
const OBJECTS = `
kind: ServiceEntry
metadata: { name: it, namespace: a }
spec: { hosts: [${HOST}], resolution: DNS, ports: [{ number: 80, name: http }] }
---
kind: VirtualService
metadata: { name: it, namespace: a }
spec: { hosts: [${HOST}], http: [{ route: [{ destination: { host: ${HOST} } }] }] }
---
kind: DestinationRule
metadata: { name: it, namespace: a }
spec: { host: ${HOST}, trafficPolicy: { loadBalancer: { simple: RANDOM } } }
`;

const settings = (text: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${text}' }
`;

test('each kind by its own default, and all to everybody until somebody says', () => {
  const mesh = meshOf(OBJECTS);
  const seen = (): Readonly<Record<string, boolean>> => ({
    Service: mesh.services.get(`a/${HOST}`)?.exportTo === 'all',
    VirtualService: mesh.virtualServices.ofSidecars(HOST, 'b').length > 0,
    DestinationRule: mesh.destinationRuleFor('b', { namespace: 'a', host: HOST }) !== undefined,
  });
  const all = { Service: true, VirtualService: true, DestinationRule: true };
  assert.deepEqual(seen(), all);
  for (const kind of Object.keys(all)) {
    apply(mesh, settings(`default${kind}ExportTo: ["."]`));
    assert.deepEqual(seen(), { ...all, [kind]: false }, kind);
  }
});
