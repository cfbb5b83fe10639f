// Whatever an API server sends, reading it ends in a value or in violations, and never throws.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parseAuthorizationPolicy } from './authorizationpolicy/authorization-policy.ts';
import { authorizationPolicyKind } from './authorizationpolicy/schema.ts';
import { parseEndpointSlice } from './core/endpoint-slice.ts';
import { parseNamespace, parseNode } from './core/place.ts';
import { parsePod } from './core/pod.ts';
import { parseService } from './core/service.ts';
import { parseMeshConfig } from './meshconfig/mesh-config.ts';
import { parseDestinationRule } from './destinationrule/destination-rule.ts';
import { destinationRuleKind } from './destinationrule/schema.ts';
import { parseGateway } from './gateway/gateway.ts';
import { gatewayKind } from './gateway/schema.ts';
import { GATEWAY_API_KINDS } from './gatewayapi/kinds.ts';
import { parseHttpRoute } from './httproute/http-route.ts';
import { httpRouteKind } from './httproute/schema.ts';
import { parseObject } from './kind.ts';
import { parseMeshPolicy, parsePolicy } from './meshpolicy/legacy-policy.ts';
import { legacyPolicySpec } from './meshpolicy/schema.ts';
import { renderViolation } from './object.ts';
import type { ParseResult } from './object.ts';
import { parsePeerAuthentication } from './peerauthentication/peer-authentication.ts';
import { peerAuthenticationKind } from './peerauthentication/schema.ts';
import { isOpenApi, valueLike } from './schema/fuzz-values.ts';
import { envoyFilterKind } from './envoyfilter/schema.ts';
import { parseEnvoyFilter } from './envoyfilter/envoy-filter.ts';
import { proxyConfigKind } from './proxyconfig/schema.ts';
import { parseProxyConfig } from './proxyconfig/proxy-config.ts';
import { requestAuthenticationKind } from './requestauthentication/schema.ts';
import { parseRequestAuthentication } from './requestauthentication/request-authentication.ts';
import { sidecarKind } from './sidecar/schema.ts';
import { parseSidecar } from './sidecar/sidecar.ts';
import { telemetryKind } from './telemetry/schema.ts';
import { parseTelemetry } from './telemetry/telemetry.ts';
import { trafficExtensionKind } from './trafficextension/schema.ts';
import { parseTrafficExtension } from './trafficextension/traffic-extension.ts';
import { wasmPluginKind } from './wasmplugin/schema.ts';
import { parseWasmPlugin } from './wasmplugin/wasm-plugin.ts';
import { workloadGroupKind } from './workloadgroup/schema.ts';
import { parseWorkloadGroup } from './workloadgroup/workload-group.ts';
import { serviceEntryKind } from './serviceentry/schema.ts';
import { parseServiceEntry } from './serviceentry/service-entry.ts';
import { virtualServiceKind } from './virtualservice/schema.ts';
import { parseVirtualService } from './virtualservice/virtual-service.ts';
import { workloadEntryKind } from './workloadentry/schema.ts';
import { parseWorkloadEntry } from './workloadentry/workload-entry.ts';

const metadata = fc.record({
  name: fc.constantFrom('it', 'default'),
  namespace: fc.constant('default'),
  annotations: fc.constantFrom({}, { 'istio.io/dry-run': 'true' }),
  labels: fc.constantFrom({}, { 'istio-locality': 'a.b' }),
  creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', 'yesterday'),
});

type Strict = readonly [
  parse: (object: KubeObject) => ParseResult<unknown>,
  openapi: unknown,
  /** Fields of a valid spec, for kinds so demanding that chance alone makes none. */
  valid?: object,
];

const port = { number: 80, name: 'http', protocol: 'HTTP' };
const route = [{ destination: { host: 'a.example.com' } }];

const parseHttpRouteOfServices = (object: KubeObject): ParseResult<unknown> =>
  parseHttpRoute(object, (name, namespace) => `${name}.${namespace}.svc`);

const STRICT: readonly Strict[] = [
  [parseAuthorizationPolicy, authorizationPolicyKind.spec.openapi],
  [parseDestinationRule, destinationRuleKind.spec.openapi],
  [parseGateway, gatewayKind.spec.openapi, { servers: [{ port, hosts: ['*'] }] }],
  [
    parseVirtualService,
    virtualServiceKind.spec.openapi,
    { hosts: ['a.example.com'], gateways: ['a'], http: [{ route }], tls: [], tcp: [] },
  ],
  [
    parseHttpRouteOfServices,
    httpRouteKind.spec.openapi,
    { parentRefs: [{ group: '', kind: 'Service', name: 'a' }], rules: [{}] },
  ],
  [parseMeshPolicy, legacyPolicySpec.openapi],
  [parsePolicy, legacyPolicySpec.openapi],
  [parsePeerAuthentication, peerAuthenticationKind.spec.openapi],
  [parseServiceEntry, serviceEntryKind.spec.openapi],
  [parseWorkloadEntry, workloadEntryKind.spec.openapi],
  [parseWorkloadGroup, workloadGroupKind.spec.openapi, { template: {} }],
  [parseWasmPlugin, wasmPluginKind.spec.openapi, { url: 'oci://a.b/c' }],
  [parseTrafficExtension, trafficExtensionKind.spec.openapi, { lua: { inlineCode: 'x' } }],
  [parseTelemetry, telemetryKind.spec.openapi],
  [parseSidecar, sidecarKind.spec.openapi, { egress: [{ hosts: ['*/*'] }], ingress: [] }],
  [parseRequestAuthentication, requestAuthenticationKind.spec.openapi],
  [parseProxyConfig, proxyConfigKind.spec.openapi],
  [
    parseEnvoyFilter,
    envoyFilterKind.spec.openapi,
    { configPatches: [{ applyTo: 'CLUSTER', patch: { operation: 'REMOVE' } }] },
  ],
];

/** Random specs, of which any fields may be replaced by those of a valid one. */
function specLike(openapi: unknown, valid: object = {}): fc.Arbitrary<unknown> {
  assert(isOpenApi(openapi));
  const kept = fc.subarray(Object.entries(valid));
  return fc
    .tuple(valueLike(openapi), kept)
    .map(([spec, kept]) => (isRecord(spec) ? { ...spec, ...Object.fromEntries(kept) } : spec));
}

for (const [parse, openapi, valid] of STRICT) {
  test(`${parse.name} of almost valid objects`, () => {
    let validCount = 0;
    fc.assert(
      fc.property(metadata, specLike(openapi, valid), (metadata, spec) => {
        const result = parse({ metadata, spec });
        if (result.ok) validCount += 1;
        else for (const violation of result.violations) assert(renderViolation(violation) !== '');
        assert(result.ok || result.violations.length > 0);
      }),
      fuzz(2000),
    );
    assert(validCount > 0, 'some are valid');
  });
}

for (const kind of GATEWAY_API_KINDS) {
  test(`${kind.type.kind} of the Gateway API`, () => {
    fc.assert(
      fc.property(metadata, specLike(kind.spec.openapi), (metadata, spec) => {
        const result = parseObject(kind, { metadata, spec }, () => undefined);
        assert(result.ok || result.violations.length > 0);
      }),
      fuzz(500),
    );
  });
}

test('lenient parsers take anything', () => {
  const lenient = [parseService, parseEndpointSlice, parsePod, parseNamespace, parseNode];
  const json = fc.jsonValue({ maxDepth: 2 });
  const part = fc.dictionary(
    fc.constantFrom(
      'ports',
      'endpoints',
      'conditions',
      'addresses',
      'podIPs',
      'containers',
      'clusterIPs',
    ),
    fc.oneof(json, fc.array(fc.dictionary(fc.constantFrom('name', 'port', 'ip', 'ports'), json))),
  );
  fc.assert(
    fc.property(metadata, part, part, (metadata, spec, status) => {
      for (const parse of lenient) parse({ metadata, spec, status, ...spec });
    }),
    fuzz(500),
  );
});

test('settings: any text', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('enableAutoMtls: true', 'a: &a [*a]', 'trustDomain: !!js x', '<<: {}', '- x'),
  );
  fc.assert(
    fc.property(metadata, fc.array(line), (metadata, lines) => {
      const result = parseMeshConfig({ metadata, data: { mesh: lines.join('\n') } });
      assert(result.ok || result.violations.length > 0);
    }),
    fuzz(2000),
  );
});
