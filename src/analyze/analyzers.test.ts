// What no recorded set of resources has: one row for each thing that an analyzer finds, and for
// what looks like it and is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyze } from './analyze.ts';
import { ANALYZERS } from './analyzers.ts';
import { readManifests } from './documents.ts';
import { meshSettingsOf } from './mesh-settings.ts';
import { friendlyName } from './message.ts';
import { Snapshot } from './snapshot.ts';

/** The codes, and whom they are about, of one analyzer. */
function found(analyzer: string, text: string, meshConfig?: unknown): readonly string[] {
  const { resources, problems } = readManifests(text, 'a.yaml', 'shop');
  assert.deepEqual(problems, []);
  const chosen = ANALYZERS.filter(({ name }) => name === analyzer);
  assert.equal(chosen.length, 1, analyzer);
  const messages = analyze(new Snapshot(resources, meshSettingsOf(meshConfig)), chosen);
  return messages.map(({ code, place }) => `${code} ${friendlyName(place.resource)}`);
}

const NETWORKING = 'apiVersion: networking.istio.io/v1';

const gateway = (name: string, servers: string, selector = '{ app: gw }'): string =>
  `{ ${NETWORKING}, kind: Gateway, metadata: { name: ${name} },
    spec: { selector: ${selector}, servers: ${servers} } }`;

const routes = (name: string, spec: string): string =>
  `{ ${NETWORKING}, kind: VirtualService, metadata: { name: ${name} }, spec: ${spec} }`;

const entry = (name: string, spec: string): string =>
  `{ ${NETWORKING}, kind: ServiceEntry, metadata: { name: ${name} }, spec: ${spec} }`;

const telemetry = (name: string, spec: string): string =>
  `{ apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: { name: ${name} }, spec: ${spec} }`;

const pod = (name: string, rest: string): string =>
  `{ apiVersion: v1, kind: Pod, metadata: { name: ${name}, ${rest} }, spec: {} }`;

const service = (name: string, spec: string, more = ''): string =>
  `{ apiVersion: v1, kind: Service, metadata: { name: ${name} ${more} }, spec: ${spec} }`;

const GATEWAY_POD = pod('gw-1', 'labels: { app: gw }');

type Row = {
  readonly says: string;
  readonly analyzer: string;
  readonly documents: readonly string[];
  readonly finds: readonly string[];
  readonly meshConfig?: unknown;
};

const http = (bind: string): string =>
  `[{ port: { number: 80, name: http, protocol: HTTP }, bind: "${bind}", hosts: [a.b] }]`;

const ROWS: readonly Row[] = [
  {
    says: 'gateways on one port bound to different addresses do not clash',
    analyzer: 'gateway.ConflictingGatewayAnalyzer',
    documents: [gateway('a', http('10.0.0.1')), gateway('b', http('10.0.0.2'))],
    finds: [],
  },
  {
    says: 'gateways bound to one address do',
    analyzer: 'gateway.ConflictingGatewayAnalyzer',
    documents: [gateway('a', http('10.0.0.1')), gateway('b', http('10.0.0.1'))],
    finds: ['IST0145 Gateway shop/a', 'IST0145 Gateway shop/b'],
  },
  {
    says: 'a narrower selector clashes only where a Pod has both',
    analyzer: 'gateway.ConflictingGatewayAnalyzer',
    documents: [
      gateway('a', http('')),
      gateway('b', http(''), '{ app: gw, zone: x }'),
      pod('gw-2', 'labels: { app: gw, zone: x }'),
    ],
    finds: ['IST0145 Gateway shop/a', 'IST0145 Gateway shop/b'],
  },
  {
    says: 'a narrower selector that no Pod has does not clash',
    analyzer: 'gateway.ConflictingGatewayAnalyzer',
    documents: [
      gateway('a', http('')),
      gateway('b', http(''), '{ app: gw, zone: x }'),
      GATEWAY_POD,
    ],
    finds: [],
  },
  {
    says: 'credentials are looked for beside the workload, and read',
    analyzer: 'gateway.SecretAnalyzer',
    documents: [
      GATEWAY_POD,
      gateway('a', '[{ tls: { credentialName: none } }, { tls: { credentialName: odd } }]'),
      '{ apiVersion: v1, kind: Secret, metadata: { name: odd }, stringData: { tls.crt: x, tls.key: y } }',
      gateway('b', '[{ tls: { credentialName: good } }]'),
      `{ apiVersion: v1, kind: Secret, metadata: { name: good }, stringData: {
        cert: "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----", key: y } }`,
    ],
    finds: ['IST0101 Gateway shop/a', 'IST0161 Gateway shop/a'],
  },
  {
    says: 'a destination with several ports needs to say which',
    analyzer: 'virtualservice.DestinationHostAnalyzer',
    documents: [
      routes('r', '{ hosts: [x.y], tcp: [{ route: [{ destination: { host: db } }] }] }'),
      service('db', '{ ports: [{ port: 1 }, { port: 2 }] }'),
    ],
    finds: ['IST0112 VirtualService shop/r'],
  },
  {
    says: 'a port that the destination has not, and a mirror that is not there',
    analyzer: 'virtualservice.DestinationHostAnalyzer',
    documents: [
      routes(
        'r',
        `{ hosts: [x.y], http: [{ mirror: { host: nowhere },
          route: [{ destination: { host: db, port: { number: 3 } } }] }] }`,
      ),
      service('db', '{ ports: [{ port: 1 }] }'),
    ],
    finds: ['IST0101 VirtualService shop/r', 'IST0101 VirtualService shop/r'],
  },
  {
    says: 'a Service that is exported elsewhere only is not there',
    analyzer: 'virtualservice.DestinationHostAnalyzer',
    documents: [
      routes('r', '{ hosts: [x.y], http: [{ route: [{ destination: { host: db } }] }] }'),
      service('db', '{}', ', annotations: { networking.istio.io/exportTo: other }'),
    ],
    finds: ['IST0101 VirtualService shop/r'],
  },
  {
    says: 'a wildcard entry is a host, too',
    analyzer: 'virtualservice.DestinationHostAnalyzer',
    documents: [
      routes(
        'r',
        '{ hosts: [x.y], http: [{ route: [{ destination: { host: a.example.com } }] }] }',
      ),
      entry('e', '{ hosts: ["*.example.com"], ports: [{ number: 80 }] }'),
    ],
    finds: [],
  },
  {
    says: 'a Gateway that Istio made itself is not to be named',
    analyzer: 'virtualservice.GatewayAnalyzer',
    documents: [
      routes('r', '{ hosts: [x.y], gateways: [shop/web~istio-autogenerated-k8s-gateway~http] }'),
    ],
    finds: ['IST0165 VirtualService shop/r'],
  },
  {
    says: 'routes by claims need somebody who looks at tokens',
    analyzer: 'virtualservice.JWTClaimRouteAnalyzer',
    documents: [
      GATEWAY_POD,
      gateway('a', '[]'),
      routes(
        'r',
        `{ hosts: [x.y], gateways: [a], http: [{ match: [{ headers: {
          "@request.auth.claims.sub": { exact: me } } }] }] }`,
      ),
    ],
    finds: ['IST0149 VirtualService shop/r'],
  },
  {
    says: 'and have it here',
    analyzer: 'virtualservice.JWTClaimRouteAnalyzer',
    documents: [
      GATEWAY_POD,
      gateway('a', '[]'),
      routes(
        'r',
        `{ hosts: [x.y], gateways: [a], http: [{ match: [{ withoutHeaders: {
          "@request.auth.claims[sub]": { exact: me } } }] }] }`,
      ),
      `{ apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: { name: j },
        spec: { selector: { matchLabels: { app: gw } } } }`,
    ],
    finds: [],
  },
  {
    says: 'entries that differ about a protocol, where both are seen',
    analyzer: 'serviceentry.ConflictingServiceEntryProtocolAnalyzer',
    documents: [
      entry('a', '{ hosts: [x.y], ports: [{ number: 1, protocol: TCP }] }'),
      entry('b', '{ hosts: [x.y], exportTo: [.], ports: [{ number: 1, protocol: http }] }'),
      entry('c', '{ hosts: [x.y], ports: [{ number: 2, protocol: HTTP }] }'),
    ],
    finds: ['IST0177 ServiceEntry shop/a', 'IST0177 ServiceEntry shop/b'],
  },
  {
    says: 'ports without a protocol',
    analyzer: 'service.PortNameAnalyzer',
    documents: [
      service('web', '{ ports: [{ port: 80 }, { port: 81, name: http-x }, { port: 3306 }] }'),
      service('istiod', '{ ports: [{ port: 80 }] }', ', labels: { istio: pilot }'),
    ],
    finds: ['IST0118 Service shop/web'],
  },
  {
    says: 'annotations: unknown, misplaced, wrong and outdated',
    analyzer: 'annotations.K8sAnalyzer',
    documents: [
      pod(
        'p',
        `annotations: { sidecar.istio.io/injecct: "true", networking.istio.io/exportTo: "*",
          traffic.sidecar.istio.io/excludeOutboundPorts: "5x", sidecar.istio.io/proxyCPU: 10m,
          sidecar.istio.io/inject: "true", example.com/x: y, istio.io/rev: default }`,
      ),
    ],
    finds: ['IST0107', 'IST0108', 'IST0125', 'IST0135'].map((code) => `${code} Pod shop/p`),
  },
  {
    says: 'keys fetched from anywhere',
    analyzer: 'authn.BlockedCIDRsAnalyzer',
    documents: [
      '{ apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: { name: j } }',
      `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: istiod, labels: { app: istiod } },
        spec: { template: { spec: { containers: [{ name: discovery }] } } } }`,
    ],
    finds: ['IST0175 Deployment shop/istiod'],
  },
  {
    says: 'a virtual machine is a workload, too',
    analyzer: 'auth.AuthorizationPoliciesAnalyzer',
    documents: [
      `{ ${NETWORKING}, kind: WorkloadEntry, metadata: { name: vm }, spec: { labels: { app: db } } }`,
      `{ apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: { name: p },
        spec: { selector: { matchLabels: { app: db } } } }`,
      `{ apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: { name: q },
        spec: { selector: { matchLabels: { app: web } } } }`,
    ],
    finds: ['IST0127 AuthorizationPolicy shop/q'],
  },
  {
    says: 'a subset of virtual machines is none without anybody',
    analyzer: 'destinationrule.SubsetSelectPodAnalyzer',
    documents: [
      `{ ${NETWORKING}, kind: WorkloadEntry, metadata: { name: vm, labels: { version: v1 } },
        spec: { labels: { app: db } } }`,
      service('db', '{ ports: [{ port: 1 }] }'),
      `{ ${NETWORKING}, kind: DestinationRule, metadata: { name: d }, spec: { host: db, subsets: [
        { name: a, labels: { version: v1 } }, { name: b, labels: { version: v2 } }] } }`,
    ],
    finds: ['IST0173 DestinationRule shop/d'],
  },
  {
    says: 'what Istio has given up',
    analyzer: 'deprecation.DeprecationAnalyzer',
    documents: [
      routes('r', '{ http: [{ fault: { delay: { percent: 5 } } }] }'),
      `{ ${NETWORKING}, kind: Sidecar, metadata: { name: s },
        spec: { outboundTrafficPolicy: { egressProxy: { host: a.b } } } }`,
      `{ apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,
        metadata: { name: serviceroles.rbac.istio.io },
        spec: { group: rbac.istio.io, names: { kind: ServiceRole } } }`,
    ],
    finds: [
      'IST0002 CustomResourceDefinition serviceroles.rbac.istio.io',
      'IST0002 Sidecar shop/s',
      'IST0002 VirtualService shop/r',
    ],
  },
  {
    says: 'patches that do nothing',
    analyzer: 'envoyfilter.EnvoyPatchAnalyzer',
    documents: [
      `{ ${NETWORKING}, kind: EnvoyFilter, metadata: { name: f }, spec: { priority: 1,
        configPatches: [{ applyTo: CLUSTER, patch: { operation: REPLACE } },
        { applyTo: HTTP_ROUTE, patch: { operation: ADD } }] } }`,
      `{ ${NETWORKING}, kind: EnvoyFilter, metadata: { name: g }, spec: { configPatches: [
        { applyTo: HTTP_FILTER, match: { proxy: { proxyVersion: "1.*" } },
          patch: { operation: ADD, value: { name: lua } } },
        { applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: lua } } }] } }`,
    ],
    finds: [
      'IST0152 EnvoyFilter shop/f',
      'IST0153 EnvoyFilter shop/f',
      'IST0155 EnvoyFilter shop/g',
    ],
  },
  {
    says: 'an image that is to be filled in, where nothing does',
    analyzer: 'injection.ImageAutoAnalyzer',
    documents: [
      `{ apiVersion: v1, kind: Pod, metadata: { name: p },
        spec: { containers: [{ name: istio-proxy, image: auto }] } }`,
      `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: d }, spec: { template: {
        spec: { containers: [{ name: istio-proxy, image: auto }] } } } }`,
      `{ apiVersion: apps/v1, kind: Deployment, metadata: { name: e }, spec: { template: {
        metadata: { labels: { sidecar.istio.io/inject: "true" } },
        spec: { containers: [{ name: istio-proxy, image: auto }] } } } }`,
      `{ apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration,
        metadata: { name: w }, webhooks: [{ name: object.sidecar-injector.istio.io,
          objectSelector: { matchLabels: { sidecar.istio.io/inject: "true" } } }] }`,
    ],
    finds: ['IST0147 Pod shop/p', 'IST0146 Deployment shop/d'],
  },
  {
    says: 'injection that is on by default',
    analyzer: 'injection.Analyzer',
    documents: [
      '{ apiVersion: v1, kind: Namespace, metadata: { name: a } }',
      `{ apiVersion: v1, kind: ConfigMap, metadata: { name: istio-sidecar-injector }, data: {
        values: '{"sidecarInjectorWebhook":{"enableNamespacesByDefault":true}}' } }`,
    ],
    finds: ['IST0148 Namespace a'],
  },
  {
    says: 'several telemetries of a whole namespace',
    analyzer: 'telemetry.DefaultSelectorAnalyzer',
    documents: [telemetry('a', '{}'), telemetry('b', '{}')],
    finds: ['IST0160 Telemetry shop/a', 'IST0160 Telemetry shop/b'],
  },
  {
    says: 'logging without anybody who logs',
    analyzer: 'telemetry.ProviderAnalyzer',
    documents: [
      telemetry('a', '{ accessLogging: [{ }] }'),
      telemetry('b', '{ accessLogging: [{ disabled: true }, { providers: [{ name: envoy }] }] }'),
    ],
    finds: ['IST0157 Telemetry shop/a'],
  },
  {
    says: 'the mesh has a default',
    analyzer: 'telemetry.ProviderAnalyzer',
    documents: [telemetry('a', '{ accessLogging: [{ }] }')],
    meshConfig: { defaultProviders: { accessLogging: ['envoy'] } },
    finds: [],
  },
];

for (const { says, analyzer, documents, finds, meshConfig } of ROWS) {
  test(`${analyzer}: ${says}`, () => {
    assert.deepEqual(found(analyzer, documents.join('\n---\n'), meshConfig), finds);
  });
}
