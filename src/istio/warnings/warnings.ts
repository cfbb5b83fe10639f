// Advice about an object of any of Istio's kinds.
import { protocolOf, isHttp } from '../core/protocol.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { destinationRuleWarnings } from './destination-rule.ts';
import {
  authorizationPolicyWarnings,
  requestAuthenticationWarnings,
  selectorWarnings,
  sidecarWarnings,
  telemetryWarnings,
} from './policies.ts';
import { serviceEntryWarnings, workloadEntryWarnings } from './service-entry.ts';
import { tlsWarnings } from './tls.ts';
import { virtualServiceWarnings } from './virtual-service.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

type Advise = (spec: Fields, object: KubeObject) => readonly Warning[];

/** Istio does not compile longer expressions. */
const VERSION_LENGTH_MAX = 1024;

const ENVOY_FILTER =
  'EnvoyFilter exposes internal implementation details that may change at any time. Prefer other ' +
  'APIs if possible, and exercise extreme caution, especially around upgrades.';

/** By `group/kind`: a Gateway of Kubernetes is not Istio's. */
const ADVISERS: ReadonlyMap<string, Advise> = new Map<string, Advise>([
  ['networking.istio.io/DestinationRule', destinationRuleWarnings],
  ['networking.istio.io/EnvoyFilter', envoyFilterWarnings],
  ['networking.istio.io/Gateway', gatewayWarnings],
  ['networking.istio.io/ProxyConfig', selectorWarnings],
  ['networking.istio.io/ServiceEntry', serviceEntryWarnings],
  ['networking.istio.io/Sidecar', sidecarWarnings],
  ['networking.istio.io/VirtualService', virtualServiceWarnings],
  ['networking.istio.io/WorkloadEntry', workloadEntryWarnings],
  ['security.istio.io/AuthorizationPolicy', authorizationPolicyWarnings],
  ['security.istio.io/PeerAuthentication', selectorWarnings],
  ['security.istio.io/RequestAuthentication', requestAuthenticationWarnings],
  ['telemetry.istio.io/Telemetry', telemetryWarnings],
  ['extensions.istio.io/TrafficExtension', selectorWarnings],
  ['extensions.istio.io/WasmPlugin', selectorWarnings],
]);

/** None for kinds that are not Istio's. */
export function warningsOf(object: KubeObject): readonly Warning[] {
  const group = object.apiVersion?.replace(/\/[^/]*$/, '') ?? '';
  const advise = ADVISERS.get(`${group}/${object.kind ?? ''}`);
  return advise?.(fieldsOf(object.spec), object) ?? [];
}

function envoyFilterWarnings(spec: Fields): readonly Warning[] {
  const { workloadSelector } = spec;
  const labels = fieldsOf(fieldsOf(workloadSelector)['labels']);
  const isEmpty = workloadSelector !== undefined && Object.keys(labels).length === 0;
  const empty = 'workload selector specified without labels, will be applied to all services in';
  return [
    advice('spec', ENVOY_FILTER),
    ...(isEmpty ? [advice('spec.workloadSelector.labels', `${empty} namespace`)] : []),
    ...objectsAt(spec, 'configPatches').flatMap(patchWarnings),
  ];
}

/** What a match says that is not looked at. */
function patchWarnings(patch: Fields, index: number): readonly Warning[] {
  const applyTo = textAt(patch, 'applyTo');
  const match = fieldsOf(patch['match']);
  const field = `spec.configPatches[${index}].match`;
  if (match['context'] === 'WAYPOINT') return [];
  const isLong = textAt(fieldsOf(match['proxy']), 'proxyVersion').length > VERSION_LENGTH_MAX;
  const ignored = `proxyVersion match exceeds ${VERSION_LENGTH_MAX} characters and will be ignored`;
  const hasFilter = fieldsOf(match, 'listener', 'filterChain')['filter'] !== undefined;
  const isWhole = applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN';
  const idle = `filter match has no effect when used with ${applyTo}`;
  return [
    ...(isLong ? [advice(`${field}.proxy.proxyVersion`, ignored)] : []),
    ...(hasFilter && isWhole ? [advice(`${field}.listener.filterChain.filter`, idle)] : []),
  ];
}

function gatewayWarnings(spec: Fields): readonly Warning[] {
  return objectsAt(spec, 'servers').flatMap((server, index) => {
    const tls = server['tls'];
    if (tls === undefined) return [];
    const field = `spec.servers[${index}].tls`;
    const protocol = protocolOf(textAt(fieldsOf(server['port']), 'protocol'));
    const redirects = fieldsOf(tls)['httpsRedirect'] === true;
    const isOdd = redirects && !(protocol !== undefined && isHttp(protocol));
    const message = 'tls.httpsRedirect should only be used with http servers';
    const odd = isOdd ? [advice(`${field}.httpsRedirect`, message)] : [];
    return [...odd, ...tlsWarnings(fieldsOf(tls), field)];
  });
}
