// TLS at a gateway: ended there with files of its own or the mesh's certificates, or handed on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { DownstreamTlsContext } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { simulate } from './conformance/simulate.ts';
import type { Call } from './conformance/simulate.ts';
import { TYPE_URL } from './names.ts';
import { RulesWorld } from './rules-world.ts';
import { ask, decode } from './simulate-call.ts';

const GATEWAY: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'default',
  workload: { kind: 'Pod', name: 'front' },
};

const POD = `
---
kind: Pod
metadata:
  name: front
  labels: { istio: front }
  annotations: { inject.istio.io/templates: gateway }
status: { podIP: 10.24.0.7 }
---
kind: Service
metadata: { name: app }
spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }, { name: tcp, port: 90 }] }`;

type Server = { readonly host: string; readonly tls: string; readonly protocol?: string };

const gateway = (servers: readonly Server[], name = 'front', created = '2026-01-01'): string => `
---
kind: Gateway
metadata: { name: ${name}, creationTimestamp: ${created}T00:00:00Z }
spec:
  selector: { istio: front }
  servers:${servers
    .map(
      ({ host, tls, protocol = 'HTTPS' }, index) => `
    - port: { number: 443, name: p${index}, protocol: ${protocol} }
      hosts: ['${host}']
      tls: ${tls}`,
    )
    .join('')}`;

const routes = (host: string, rest: string, name = host): string => `
---
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: ['${host}'], gateways: [front], ${rest} }`;

const HTTP = 'http: [{ route: [{ destination: { host: app, port: { number: 80 } } }] }]';
const OWN = 'serverCertificate: /c.pem, privateKey: /k.pem';

const worldOf = (...objects: readonly string[]): RulesWorld =>
  new RulesWorld([POD, ...objects].join('').slice(4));

const CALL: Call = {
  address: '10.24.0.7',
  port: 443,
  tls: 'tls',
  protocol: 'http',
  sni: 'a.example',
  alpn: 'h2',
  isInbound: false,
  host: 'a.example',
  path: '/',
  headers: {},
  certificate: 'default',
};

function reached({ catalog }: RulesWorld, call: Partial<Call> = {}): string {
  const { refusal, cluster = '' } = simulate(
    { catalog, identity: GATEWAY },
    { ...CALL, host: call.sni ?? CALL.sni, ...call },
  );
  return refusal ?? cluster;
}

function contextOf({ catalog }: RulesWorld, name: string): DownstreamTlsContext {
  const asked = { proxy: GATEWAY, typeUrl: TYPE_URL.listener, name: '0.0.0.0_443' };
  const found = ask(catalog, asked) ?? assert.fail('a listener');
  const chains = decode(ListenerSchema, found).filterChains;
  const socket = chains.find((chain) => chain.name === `sni|${name}`)?.transportSocket;
  assert(socket?.configType.case === 'typedConfig', `${name} ends TLS`);
  return anyUnpack(socket.configType.value, DownstreamTlsContextSchema) ?? assert.fail();
}

const APP = 'outbound|80||app.default.svc.cluster.local';

describe('TLS that ends at a gateway', () => {
  test('brings requests to the routes of its host, by name, and to no others', () => {
    const it = worldOf(
      gateway([{ host: 'a.example', tls: `{ mode: SIMPLE, ${OWN} }` }]),
      routes('a.example', HTTP),
    );
    assert.equal(reached(it), APP);
    assert.equal(reached(it, { sni: 'b.example' }), 'closed');
    assert.equal(reached(it, { tls: 'plaintext', sni: '', alpn: '' }), 'closed');
    assert.equal(reached(it, { host: 'b.example' }), 'not found');
  });

  test('shows the files that its server names', () => {
    const it = worldOf(
      gateway([{ host: 'a.example', tls: `{ mode: SIMPLE, ${OWN} }` }]),
      routes('a.example', HTTP),
    );
    const { requireClientCertificate, commonTlsContext } = contextOf(it, 'a.example');
    assert.equal(requireClientCertificate, false);
    const names = commonTlsContext?.tlsCertificateSdsSecretConfigs.map(({ name }) => name);
    assert.deepEqual(names, ['file-cert:/c.pem~/k.pem']);
    assert.equal(commonTlsContext?.validationContextType.case, undefined);
    assert.deepEqual(commonTlsContext?.alpnProtocols, ['h2', 'http/1.1']);
  });

  test('asks for certificates as its mode says', () => {
    for (const [mode, isRequired] of [
      ['MUTUAL', true],
      ['OPTIONAL_MUTUAL', false],
    ] as const) {
      const tls = `{ mode: ${mode}, ${OWN}, caCertificates: /ca.pem, subjectAltNames: [x.example] }`;
      const it = worldOf(gateway([{ host: 'a.example', tls }]), routes('a.example', HTTP));
      const { requireClientCertificate, commonTlsContext } = contextOf(it, 'a.example');
      assert.equal(requireClientCertificate, isRequired, mode);
      const { validationContextType } = commonTlsContext ?? assert.fail();
      assert(validationContextType.case === 'combinedValidationContext');
      const { defaultValidationContext, validationContextSdsSecretConfig } =
        validationContextType.value;
      assert.equal(validationContextSdsSecretConfig?.name, 'file-root:/ca.pem');
      assert.equal(defaultValidationContext?.matchTypedSubjectAltNames.length, 1);
    }
  });

  test('may show what is in a Secret of the gateway’s namespace', () => {
    const tls = '{ mode: MUTUAL, credentialName: front-tls }';
    const it = worldOf(gateway([{ host: 'a.example', tls }]), routes('a.example', HTTP));
    const { commonTlsContext } = contextOf(it, 'a.example');
    const [shown] = commonTlsContext?.tlsCertificateSdsSecretConfigs ?? [];
    assert.equal(shown?.name, 'kubernetes://front-tls');
    const { validationContextType } = commonTlsContext ?? assert.fail();
    assert(validationContextType.case === 'combinedValidationContext');
    const { validationContextSdsSecretConfig: asked } = validationContextType.value;
    assert.equal(asked?.name, 'kubernetes://front-tls-cacert');
    // one that is not there is not to hold up the others of the port
    assert.equal(shown.sdsConfig?.initialFetchTimeout?.seconds, 2n);
  });

  test('with the mesh’s certificates is for the mesh alone', () => {
    const it = worldOf(
      gateway([{ host: 'a.example', tls: '{ mode: ISTIO_MUTUAL }' }]),
      routes('a.example', HTTP),
    );
    assert.equal(reached(it, { tls: 'mtls' }), APP);
    assert.equal(reached(it), 'closed');
  });

  test('may bring anything but requests, too', () => {
    const it = worldOf(
      gateway([{ host: 'a.example', tls: `{ mode: SIMPLE, ${OWN} }`, protocol: 'TLS' }]),
      routes(
        'a.example',
        'tcp: [{ route: [{ destination: { host: app, port: { number: 90 } } }] }]',
      ),
    );
    assert.equal(reached(it, { protocol: 'tcp' }), 'outbound|90||app.default.svc.cluster.local');
  });

  test('shares a port with TLS that is handed through', () => {
    const it = worldOf(
      gateway([
        { host: 'a.example', tls: `{ mode: SIMPLE, ${OWN} }` },
        { host: 'b.example', tls: '{ mode: PASSTHROUGH }', protocol: 'TLS' },
      ]),
      routes('a.example', HTTP),
      routes(
        'b.example',
        'tls: [{ match: [{ sniHosts: [b.example] }], route: [{ destination: { host: app, port: { number: 90 } } }] }]',
      ),
    );
    assert.equal(reached(it), APP);
    assert.equal(reached(it, { sni: 'b.example' }), 'outbound|90||app.default.svc.cluster.local');
  });

  test('is the older Gateway’s where two claim a name', () => {
    const tls = `{ mode: SIMPLE, ${OWN} }`;
    const it = worldOf(
      gateway([{ host: 'a.example', tls: '{ mode: ISTIO_MUTUAL }' }], 'young', '2026-02-01'),
      gateway([{ host: 'a.example', tls }]),
      routes('a.example', HTTP),
    );
    assert.equal(reached(it), APP);
  });
});

describe('rule 49: AUTO_PASSTHROUGH', () => {
  const SERVICES = `
---
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [db.mesh.local]
  location: MESH_INTERNAL
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints:
    - { address: 10.1.0.1, serviceAccount: db, labels: { version: v1 } }
    - { address: 10.1.0.2, serviceAccount: db, labels: { version: v2 } }
    - { address: 10.9.0.1, serviceAccount: db, network: far }
---
kind: ServiceEntry
metadata: { name: other }
spec:
  hosts: [db.example.com]
  location: MESH_INTERNAL
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 10.1.0.4, serviceAccount: db }]
---
kind: ServiceEntry
metadata: { name: out }
spec:
  hosts: [out.mesh.local]
  location: MESH_EXTERNAL
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 10.1.0.3 }]
---
kind: DestinationRule
metadata: { name: db }
spec: { host: db.mesh.local, subsets: [{ name: v1, labels: { version: v1 } }] }`;
  const server = { host: '*.local', tls: '{ mode: AUTO_PASSTHROUGH }', protocol: 'TLS' };
  const it = worldOf(SERVICES, gateway([server]));
  const handedOn = (sni: string): string => it.kindOf(sni, GATEWAY);

  test('hands mesh TLS on by the name of a service, and no other TLS', () => {
    const mesh = { tls: 'tls', protocol: 'tcp', sni: 'outbound_.5432_._.db.mesh.local' } as const;
    assert.equal(reached(it, { ...mesh, alpn: 'istio' }), 'outbound|5432||db.mesh.local');
    assert.equal(reached(it, { ...mesh, alpn: 'h2' }), 'closed');
    assert.equal(reached(it, { ...mesh, alpn: 'istio', sni: 'www.example.com' }), 'closed');
  });

  test('leads to this network’s own endpoints of the port or subset, untouched', () => {
    const whole = 'outbound_.5432_._.db.mesh.local';
    assert.equal(handedOn(whole), 'STATIC outbound|5432||db.mesh.local');
    assert.deepEqual(it.told(whole, GATEWAY), [['10.1.0.1:5432 1', '10.1.0.2:5432 1']]);
    assert.deepEqual(it.told('outbound_.5432_.v1_.db.mesh.local', GATEWAY), [['10.1.0.1:5432 1']]);
    const { transportSocket, transportSocketMatches } = it.cluster(whole, GATEWAY);
    assert.equal(transportSocket, undefined);
    assert.deepEqual(transportSocketMatches, []);
  });

  test('leads nowhere outside of its hosts, to no stranger and to nothing that is not there', () => {
    for (const sni of [
      'outbound_.5432_._.db.example.com',
      'outbound_.5432_._.out.mesh.local',
      'outbound_.5433_._.db.mesh.local',
      'outbound_.5432_.v9_.db.mesh.local',
      'outbound_.5432_._.nobody.mesh.local',
    ]) {
      assert.equal(handedOn(sni), 'STATIC BlackHoleCluster', sni);
    }
  });

  test('is no sidecar’s way to anybody', () => {
    assert.equal(it.kindOf('outbound_.5432_._.db.mesh.local'), 'STATIC BlackHoleCluster');
  });
});
