// Istio's annotations: what each may stand on, and which are given up (istio.io/api annotation).

export type AnnotationRule = { readonly kinds: readonly string[]; readonly isDeprecated: boolean };

const POD = ['Pod'];

const OF_PODS = `
  prometheus.istio.io/merge-metrics
  sidecar.istio.io/agentLogLevel
  sidecar.istio.io/bootstrapOverride
  sidecar.istio.io/componentLogLevel
  sidecar.istio.io/interceptionMode
  sidecar.istio.io/logLevel
  sidecar.istio.io/nativeSidecar
  sidecar.istio.io/proxyCPU
  sidecar.istio.io/proxyCPULimit
  sidecar.istio.io/proxyImage
  sidecar.istio.io/proxyImageType
  sidecar.istio.io/proxyMemory
  sidecar.istio.io/proxyMemoryLimit
  sidecar.istio.io/rewriteAppHTTPProbers
  sidecar.istio.io/statsEvictionInterval
  sidecar.istio.io/statsFlushInterval
  sidecar.istio.io/statsHistogramBins
  sidecar.istio.io/statsHistogramBuckets
  sidecar.istio.io/userVolume
  sidecar.istio.io/userVolumeMount
  status.sidecar.istio.io/port
  readiness.status.sidecar.istio.io/applicationPorts
  readiness.status.sidecar.istio.io/failureThreshold
  readiness.status.sidecar.istio.io/initialDelaySeconds
  readiness.status.sidecar.istio.io/periodSeconds
  traffic.sidecar.istio.io/excludeInboundPorts
  traffic.sidecar.istio.io/excludeInterfaces
  traffic.sidecar.istio.io/excludeOutboundIPRanges
  traffic.sidecar.istio.io/excludeOutboundPorts
  traffic.sidecar.istio.io/includeInboundPorts
  traffic.sidecar.istio.io/includeOutboundIPRanges
  traffic.sidecar.istio.io/includeOutboundPorts
  proxy.istio.io/config
  proxy.istio.io/overrides
  inject.istio.io/templates
  istio.io/reroute-virtual-interfaces
  ambient.istio.io/bypass-inbound-capture
  ambient.istio.io/dns-capture
  ambient.istio.io/redirection
`;

const OF_PODS_DEPRECATED = `
  sidecar.istio.io/discoveryAddress
  sidecar.istio.io/extraStatTags
  sidecar.istio.io/inject
  sidecar.istio.io/statsCompression
  sidecar.istio.io/statsInclusionPrefixes
  sidecar.istio.io/statsInclusionRegexps
  sidecar.istio.io/statsInclusionSuffixes
  traffic.sidecar.istio.io/kubevirtInterfaces
`;

const OTHERS: readonly (readonly [string, readonly string[]])[] = [
  ['networking.istio.io/exportTo', ['Service']],
  ['traffic.istio.io/nodeSelector', ['Service']],
  ['networking.istio.io/traffic-distribution', ['Namespace', 'Service', 'ServiceEntry']],
  ['istio.io/use-waypoint-canary-weight', ['Service', 'ServiceEntry', 'Namespace']],
  ['topology.istio.io/controlPlaneClusters', ['Namespace']],
  ['kubernetes.io/ingress.class', ['Ingress']],
  ['galley.istio.io/analyze-suppress', ['Any']],
  ['istio.io/dry-run', ['AuthorizationPolicy']],
  ['istio.io/autoRegistrationGroup', ['WorkloadEntry']],
  ['istio.io/workloadController', ['WorkloadEntry']],
  ['istio.io/connectedAt', ['WorkloadEntry']],
  ['istio.io/disconnectedAt', ['WorkloadEntry']],
  ['ambient.istio.io/waypoint-inbound-binding', ['GatewayClass', 'Gateway']],
  ['gateway.istio.io/service-account', ['Gateway']],
  ['gateway.istio.io/name-override', ['Gateway']],
  ['networking.istio.io/service-type', ['Gateway']],
];

const OTHERS_DEPRECATED: readonly (readonly [string, readonly string[]])[] = [
  ['alpha.istio.io/kubernetes-serviceaccounts', ['Service']],
  ['alpha.istio.io/canonical-serviceaccounts', ['Service']],
];

type Row = readonly [string, readonly string[]];

const rows = (all: readonly Row[], isDeprecated: boolean) =>
  all.map(([name, kinds]) => [name, { kinds, isDeprecated }] as const);

const ofPods = (text: string): readonly Row[] =>
  text
    .trim()
    .split(/\s+/)
    .map((name) => [name, POD]);

export const ANNOTATIONS: ReadonlyMap<string, AnnotationRule> = new Map([
  ...rows([...ofPods(OF_PODS), ...OTHERS], false),
  ...rows([...ofPods(OF_PODS_DEPRECATED), ...OTHERS_DEPRECATED], true),
]);

/** Written by Istio's own controllers: nobody's mistake. */
export const AUTOMATIC_ANNOTATIONS: ReadonlySet<string> = new Set([
  'sidecar.istio.io/status',
  'gateway.istio.io/controller-version',
  'istio.io/rev',
]);
