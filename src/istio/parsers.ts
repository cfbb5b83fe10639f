// How an object of one of Istio's kinds is read, whichever it is: for those who check objects without
// caring what they mean.
import type { KubeObject } from '#kube/objects.ts';
import { parseAuthorizationPolicy } from './authorizationpolicy/authorization-policy.ts';
import { parseDestinationRule } from './destinationrule/destination-rule.ts';
import { parseEnvoyFilter } from './envoyfilter/envoy-filter.ts';
import { parseGateway } from './gateway/gateway.ts';
import { parseHttpRoute } from './httproute/http-route.ts';
import { isOfKind } from './kind.ts';
import { KINDS } from './kinds.ts';
import { parseMeshPolicy, parsePolicy } from './meshpolicy/legacy-policy.ts';
import type { ParseResult } from './object.ts';
import { parsePeerAuthentication } from './peerauthentication/peer-authentication.ts';
import { parseProxyConfig } from './proxyconfig/proxy-config.ts';
import { parseRequestAuthentication } from './requestauthentication/request-authentication.ts';
import { parseServiceEntry } from './serviceentry/service-entry.ts';
import { parseSidecar } from './sidecar/sidecar.ts';
import { parseTelemetry } from './telemetry/telemetry.ts';
import { parseTrafficExtension } from './trafficextension/traffic-extension.ts';
import { parseVirtualService } from './virtualservice/virtual-service.ts';
import { parseWasmPlugin } from './wasmplugin/wasm-plugin.ts';
import { parseWorkloadEntry } from './workloadentry/workload-entry.ts';
import { parseWorkloadGroup } from './workloadgroup/workload-group.ts';

type Parse = (object: KubeObject) => ParseResult<unknown>;

/** By the name of the kind. */
const PARSERS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['AuthorizationPolicy', parseAuthorizationPolicy],
  ['DestinationRule', parseDestinationRule],
  ['EnvoyFilter', parseEnvoyFilter],
  ['Gateway', parseGateway],
  [
    'HTTPRoute',
    (object) => parseHttpRoute(object, (name, namespace) => `${name}.${namespace}.svc`),
  ],
  ['MeshPolicy', parseMeshPolicy],
  ['PeerAuthentication', parsePeerAuthentication],
  ['Policy', parsePolicy],
  ['ProxyConfig', parseProxyConfig],
  ['RequestAuthentication', parseRequestAuthentication],
  ['ServiceEntry', parseServiceEntry],
  ['Sidecar', parseSidecar],
  ['Telemetry', parseTelemetry],
  ['TrafficExtension', parseTrafficExtension],
  ['VirtualService', parseVirtualService],
  ['WasmPlugin', parseWasmPlugin],
  ['WorkloadEntry', parseWorkloadEntry],
  ['WorkloadGroup', parseWorkloadGroup],
]);

/** Undefined for an object of a kind that is not among `KINDS`. */
export function parseIstioObject(object: KubeObject): ParseResult<unknown> | undefined {
  const kind = KINDS.find((one) => isOfKind(one, object));
  if (!kind) return undefined;
  return PARSERS.get(kind.type.kind)?.(object);
}
