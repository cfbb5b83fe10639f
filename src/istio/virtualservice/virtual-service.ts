// A VirtualService as the mesh uses it: which routes gateways and sidecars have for its hosts.
import type { KubeObject } from '#kube/objects.ts';
import { unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkVirtualService, MESH } from './check.ts';
import type { HttpMatch, HttpRoute } from './http-schema.ts';
import { virtualServiceKind } from './schema.ts';
import type { TcpRoute, TlsRoute } from './schema.ts';

export type VirtualService = ParsedMeta & {
  /** In lower case; the first label may be `*`. Empty: a delegate of others. */
  readonly hosts: readonly string[];
  /** Is it for sidecars? */
  readonly isForMesh: boolean;
  /** Is it an HTTPRoute in other words? Then its semantics are those of the Gateway API. */
  readonly isHttpRoute: boolean;
  /** The gateways that it is for, as `namespace/name`; that of the sidecars is left out. */
  readonly gateways: readonly string[];
  /** As written: `.`, `*`, namespaces; empty for everybody. */
  readonly exportTo: readonly string[];
  /** As written; names of gateways in matches are `namespace/name`. The first that fits counts. */
  readonly http: readonly HttpRoute[];
  readonly tls: readonly TlsRoute[];
  readonly tcp: readonly TcpRoute[];
  readonly remarks: readonly Violation[];
};

const DESTINATION: ActedOn = { host: true, subset: true, port: true };
const ORIGIN: ActedOn = {
  port: true,
  gateways: true,
  sourceLabels: true,
  sourceNamespace: true,
};
const HEADERS: ActedOn = { request: true, response: true };
const ACTED_ON: ActedOn = {
  hosts: true,
  gateways: true,
  exportTo: true,
  http: {
    name: true,
    match: {
      ...ORIGIN,
      name: true,
      uri: true,
      scheme: true,
      method: true,
      authority: true,
      headers: true,
      withoutHeaders: true,
      queryParams: true,
      ignoreUriCase: true,
      statPrefix: true,
    },
    route: { destination: DESTINATION, weight: true, headers: HEADERS },
    redirect: true,
    directResponse: true,
    rewrite: true,
    timeout: true,
    retries: true,
    delegate: true,
    fault: {
      delay: { fixedDelay: true, percentage: true, percent: true },
      abort: { httpStatus: true, grpcStatus: true, percentage: true },
    },
    corsPolicy: true,
    mirror: DESTINATION,
    mirrors: { destination: DESTINATION, percentage: true },
    mirrorPercent: true,
    mirror_percent: true,
    mirrorPercentage: true,
    headers: HEADERS,
  },
  tls: {
    match: { ...ORIGIN, sniHosts: true, destinationSubnets: true },
    route: { destination: DESTINATION, weight: true },
  },
  tcp: {
    match: { ...ORIGIN, destinationSubnets: true },
    route: { destination: DESTINATION, weight: true },
  },
};

export function parseVirtualService(object: KubeObject): ParseResult<VirtualService> {
  return parseObject(virtualServiceKind, object, (spec, meta, at) => {
    checkVirtualService(spec, meta.namespace, at);
    const { hosts = [], gateways = [], http = [], tls = [], tcp = [] } = spec;
    const resolve = (names: readonly string[]): readonly string[] =>
      names.map((name) => resolveGatewayName(name, meta.namespace));
    const withGateways = <M extends { readonly gateways?: readonly string[] }>(match: M): M =>
      match.gateways === undefined ? match : { ...match, gateways: resolve(match.gateways) };
    return {
      ...meta,
      hosts: hosts.map((host) => host.toLowerCase()),
      isForMesh: hosts.length > 0 && (gateways.length === 0 || gateways.includes(MESH)),
      isHttpRoute: false,
      gateways: resolve(gateways.filter((name) => name !== MESH)),
      exportTo: spec.exportTo ?? [],
      http: http.map((route) => ({ ...route, match: (route.match ?? []).map(withGateways) })),
      tls: tls.map((route) => ({ ...route, match: route.match.map(withGateways) })),
      tcp: tcp.map((route) => ({ ...route, match: (route.match ?? []).map(withGateways) })),
      remarks: unusedFields(spec, ACTED_ON),
    };
  });
}

/** `name`, `./name` and `namespace/name`, and the name of old, `name.namespace[.svc…]`. */
function resolveGatewayName(text: string, namespace: string): string {
  if (text === MESH) return MESH;
  const [first = '', name] = text.split('/');
  if (name !== undefined) return `${first === '.' ? namespace : first}/${name}`;
  const [short = '', of = namespace] = first.split('.');
  return `${of}/${short}`;
}

/** Does a match ask for more of where a request comes from than a gateway can tell? */
export const isOfOrigin = (match: Pick<HttpMatch, 'sourceLabels' | 'sourceNamespace'>): boolean =>
  Object.keys(match.sourceLabels ?? {}).length > 0 || (match.sourceNamespace ?? '') !== '';
