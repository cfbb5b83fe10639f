// What gateways and sidecars are told of VirtualServices and Gateways, as the real Envoy reads it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { TYPE_URL, VIRTUAL_INBOUND } from '#resolve/names.ts';
import { RulesWorld } from '#resolve/rules-world.ts';
import { ask, decode } from '#resolve/simulate-call.ts';
import { validate } from './validate.ts';

const PAIR = 'serverCertificate: /c.pem, privateKey: /k.pem';

const OBJECTS = `
kind: Pod
metadata:
  name: front
  labels: { istio: front }
  annotations: { inject.istio.io/templates: gateway }
status: { podIP: 10.24.0.7 }
---
kind: Service
metadata: { name: main }
spec: { clusterIP: 10.96.0.1, ports: [{ name: tcp, port: 5432 }] }
---
kind: Service
metadata: { name: spare }
spec: { clusterIP: 10.96.0.2, ports: [{ name: tcp, port: 5432 }] }
---
kind: VirtualService
metadata: { name: split }
spec:
  hosts: [main]
  tcp:
    - route:
        - { destination: { host: main }, weight: 90 }
        - { destination: { host: spare }, weight: 10 }
---
kind: ServiceEntry
metadata: { name: out }
spec:
  hosts: ['*.example.com']
  addresses: [240.240.0.9]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: NONE
---
kind: VirtualService
metadata: { name: names }
spec:
  hosts: ['*.example.com']
  tls:
    - match: [{ sniHosts: [a.example.com, '*.b.example.com'] }]
      route: [{ destination: { host: spare } }]
---
kind: Gateway
metadata: { name: front }
spec:
  selector: { istio: front }
  servers:
    - port: { number: 443, name: a, protocol: HTTPS }
      hosts: [a.example]
      tls: { mode: SIMPLE, ${PAIR}, minProtocolVersion: TLSV1_3 }
    - port: { number: 443, name: b, protocol: HTTPS }
      hosts: ['*.b.example']
      tls: { mode: MUTUAL, ${PAIR}, caCertificates: /ca.pem, subjectAltNames: [x, 'spiffe://y/z'] }
    - port: { number: 443, name: c, protocol: HTTPS }
      hosts: [c.example]
      tls:
        mode: OPTIONAL_MUTUAL
        serverCertificate: /c.pem
        privateKey: /k.pem
        caCertificates: /ca.pem
        cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]
    - port: { number: 443, name: d, protocol: HTTPS }
      hosts: [d.example]
      tls: { mode: ISTIO_MUTUAL }
    - port: { number: 443, name: e, protocol: TLS }
      hosts: ['*.local']
      tls: { mode: AUTO_PASSTHROUGH }
---
kind: PeerAuthentication
metadata: { name: web }
spec: { selector: { matchLabels: { app: web } }, portLevelMtls: { 9080: { mode: DISABLE } } }
---
kind: Sidecar
metadata: { name: web }
spec:
  workloadSelector: { labels: { app: web } }
  ingress:
    - port: { number: 9080, protocol: HTTPS, name: https }
      defaultEndpoint: 127.0.0.1:9080
      tls: { mode: SIMPLE, ${PAIR} }`;

const identityOf = (name: string): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'default',
  workload: { kind: 'Pod', name },
});

function listenerOf({ catalog }: RulesWorld, pod: string, name: string): Listener {
  const asked = { proxy: identityOf(pod), typeUrl: TYPE_URL.listener, name };
  return decode(ListenerSchema, ask(catalog, asked) ?? assert.fail(`${pod} has ${name}`));
}

test('Envoy takes TLS that ends at a gateway or a Sidecar, and connections shared out', async (t) => {
  const world = new RulesWorld(OBJECTS);
  const front = listenerOf(world, 'front', '0.0.0.0_443');
  assert.equal(front.filterChains.length, 5);
  const inbound = listenerOf(world, 'web', VIRTUAL_INBOUND);
  const split = world.cluster('dst|10.96.0.1:5432');
  assert.equal(split.loadAssignment?.endpoints.length, 2);
  const named = listenerOf(world, 'web', '240.240.0.9_443');
  assert.equal(named.filterChains.length, 2);
  const resources = { listeners: [front, inbound, named], clusters: [split] };
  assert.equal(await validate(t, resources), '');
});
