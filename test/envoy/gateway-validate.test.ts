// The goldens of the library's gateway, and a matrix of routes, as the real Envoy reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Filter } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { HttpFilter } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { OPERATORS, OPERATORS_OF } from '#istio/virtualservice/check-headers.ts';
import { parseVirtualService } from '#istio/virtualservice/virtual-service.ts';
import { renderViolation } from '#istio/object.ts';
import { buildGatewayListener } from '#resolve/gateway-listener.ts';
import { buildGatewayRoutes } from '#resolve/gateway-routes.ts';
import { parseGolden } from '#resolve/golden.ts';
import { goldensOf, validate } from './validate.ts';

const goldens = (prefix: string): Promise<readonly string[]> => goldensOf('gateway', prefix);

/** Puts what Envoy would fetch where it would, so that it is read as well. */
function complete(
  listener: Listener,
  fetched: {
    readonly policies: readonly TypedExtensionConfig[];
    readonly table: RouteConfiguration;
  },
): Listener {
  for (const filter of listener.filterChains.flatMap(({ filters }) => filters)) {
    putPolicy(filter, fetched.policies);
    putTable(filter, fetched);
  }
  return listener;
}

function putPolicy(
  filter: Pick<Filter | HttpFilter, 'name' | 'configType'>,
  policies: readonly TypedExtensionConfig[],
): void {
  const policy = policies.find(({ name }) => name === filter.name)?.typedConfig;
  if (policy) filter.configType = { case: 'typedConfig', value: policy };
}

function putTable(
  filter: Filter,
  fetched: {
    readonly policies: readonly TypedExtensionConfig[];
    readonly table: RouteConfiguration;
  },
): void {
  if (filter.configType.case !== 'typedConfig') return;
  const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema);
  if (manager === undefined) return;
  for (const inner of manager.httpFilters) putPolicy(inner, fetched.policies);
  manager.routeSpecifier = { case: 'routeConfig', value: fetched.table };
  filter.configType.value = anyPack(HttpConnectionManagerSchema, manager);
}

test('Envoy takes every golden of the gateway', async (t) => {
  const policies = (await goldens('extension-')).map((text) =>
    parseGolden(TypedExtensionConfigSchema, text),
  );
  const [tableText = ''] = await goldens('routes-');
  const table = parseGolden(RouteConfigurationSchema, tableText);
  const listeners = (await goldens('listener-')).map((text) =>
    complete(parseGolden(ListenerSchema, text), { policies, table }),
  );
  const clusters = (await goldens('cluster-')).map((text) => parseGolden(ClusterSchema, text));
  assert.equal(await validate(t, { listeners, clusters }), '');
});

function allOperators(): Readonly<Record<string, string>> {
  const alone = [...OPERATORS].map((name) => [`x-${name}`, `a%${name}%b`] as const);
  const of = [...OPERATORS_OF].map((name) => [`y-${name}`, `%${name}(some)%`] as const);
  return Object.fromEntries([...alone, ...of]);
}

/** Specs of VirtualServices that are accepted: then Envoy must not refuse the table. */
const ROUTES: readonly object[] = [
  { match: [{ uri: { regex: '(?i)/a|/[[:alpha:]]+\\d{2,3}' } }] },
  { match: [{ headers: { ':authority': { regex: '.*' }, a: {} }, uri: { prefix: '/' } }] },
  { match: [{ withoutHeaders: { a: {}, b: { regex: '*' }, c: { prefix: 'x' } } }] },
  { match: [{ queryParams: { a: { regex: '*' }, b: { exact: '' } } }] },
  { rewrite: { uri: '/x%y', authority: 'a.example' } },
  { rewrite: { uriRegexRewrite: { match: '(a)(b)', rewrite: '\\2\\1\\\\' } } },
  { headers: { request: { set: { a: '100%%', b: '%DOWNSTREAM_REMOTE_ADDRESS%' } } } },
  { headers: { request: { set: allOperators() } } },
  { headers: { response: { add: { 'x-y': '%RESPONSE_CODE%' }, remove: ['server'] } } },
  { retries: { attempts: 2, retryOn: 'gateway-error,502', backoff: '1ms' } },
  { retries: { attempts: 1, retryRemoteLocalities: true, retryIgnorePreviousHosts: false } },
  { timeout: '1h1m0.001s' },
  { fault: { delay: { fixedDelay: '5s', percentage: { value: 0.0001 } } } },
  { fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 100 } } } },
  { fault: { delay: { fixedDelay: '1ms', percent: 3 }, abort: { httpStatus: 599 } } },
  { corsPolicy: { allowOrigins: [{ regex: '.*' }, { exact: 'https://a' }], maxAge: '24h' } },
  { corsPolicy: { allowOrigin: ['*'], allowCredentials: true, allowHeaders: ['a', 'b'] } },
  { corsPolicy: { allowMethods: ['GET'], unmatchedPreflights: 'IGNORE' } },
  { match: [{ statPrefix: 'a', name: 'b' }] },
  { match: [{ headers: { '@request.auth.claims.a.b': { exact: 'c' } } }] },
  { match: [{ withoutHeaders: { '@request.auth.claims[a]': {} } }] },
  { mirrors: [{ destination: { host: 'a.b' }, percentage: { value: 0.0001 } }] },
  { redirect: { prefixRewrite: '/b' }, match: [{ uri: { prefix: '/a' } }], route: undefined },
  { redirect: { derivePort: 'FROM_REQUEST_PORT', scheme: 'http' }, route: undefined },
  { directResponse: { status: 600 }, route: undefined },
  { fault: { abort: { httpStatus: 600, percentage: { value: 1 } } } },
  { directResponse: { status: 204, body: { bytes: 'AAEC' } }, route: undefined },
  { directResponse: { status: 599, body: { string: 'x'.repeat(5000) } }, route: undefined },
];

test('what Envoy would refuse, with all of the table, is refused before', () => {
  const refused: readonly object[] = [
    { headers: { request: { set: { a: '%NONSENSE%' } } } },
    { headers: { request: { set: { a: '%REQ()%' } } } },
    { headers: { request: { set: { a: '%ENVIRONMENT(HOME)%' } } } },
    { headers: { request: { set: { a: '100%' } } } },
    { headers: { response: { add: { a: 'b\nc' } } } },
    { match: [{ headers: { 'a\nb': { exact: 'c' } } }] },
    { match: [{ uri: { regex: '(?=a)' } }] },
    { rewrite: { uri: '/a\nb' } },
    { rewrite: { authority: 'a\nb' } },
    { redirect: { uri: '/a\nb' }, route: undefined },
    { timeout: '9000000h' },
  ];
  for (const route of refused) {
    const http = [{ route: [{ destination: { host: 'a' } }], ...route }];
    const spec = JSON.parse(JSON.stringify({ hosts: ['*'], gateways: ['gw'], http }));
    const result = parseVirtualService({ metadata: { name: 'vs', namespace: 'a' }, spec });
    assert(!result.ok, JSON.stringify(route));
  }
});

test('Envoy takes every route that is accepted', async (t) => {
  const destination = { host: 'front.library.svc.cluster.local' };
  const hosts = ROUTES.map((route, index) => {
    const http = [{ route: [{ destination }], ...route }];
    const spec = { hosts: ['*'], gateways: ['gw'], http };
    const metadata = { name: `vs-${index}`, namespace: 'library' };
    const result = parseVirtualService({ metadata, spec: JSON.parse(JSON.stringify(spec)) });
    assert(result.ok, result.ok ? '' : result.violations.map(renderViolation).join());
    const [parsed] = result.value.http;
    assert(parsed);
    const targets = (parsed.route ?? []).map(() => ({
      cluster: 'c',
      weight: 0,
      headers: undefined,
      hashKey: {
        kind: 'cookie' as const,
        name: 'c',
        path: '/',
        ttlMs: 0,
        attributes: [{ name: 'SameSite', value: 'Lax' }],
      },
    }));
    const mirrors = (parsed.mirrors ?? []).map(({ percentage }) => {
      return { cluster: 'c', percent: percentage?.value ?? 100 };
    });
    const of = { virtualService: metadata, isHttpRoute: false, port: 80 };
    const row = { ...of, route: parsed, targets, mirrors };
    const match = parsed.match?.[0];
    const routes = [{ ...row, match }];
    return { host: `h${index}.example`, port: 80, redirectsToHttps: false, routes };
  });
  const table = create(
    RouteConfigurationSchema,
    buildGatewayRoutes({ name: 'http.80', port: 80, hosts }),
  );
  const listener = buildGatewayListener({
    address: { bind: '', port: 8080 },
    content: { kind: 'http' },
    telemetry: { logs: [], trace: null },
    trustDomains: ['cluster.local'],
  });
  const whole = complete(create(ListenerSchema, listener), { policies: [], table });
  const http = whole.filterChains.flatMap(({ filters }) => filters).slice(-1);
  for (const chain of whole.filterChains) chain.filters = http;
  assert.equal(await validate(t, { listeners: [whole], clusters: [] }), '');
});
