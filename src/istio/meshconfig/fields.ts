// The fields of Istio's MeshConfig, those that Isthmus acts on and the others.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig
import { isRecord } from '#kube/objects.ts';
import { localityLbSetting } from '../destinationrule/load-balancer-schema.ts';
import { strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { anything as struct, boolean, string, word } from '../schema/schema.ts';
import type { Schema, Static } from '../schema/schema.ts';
import { defaultProviders, extensionProviders } from './extension-providers.ts';

const NOT_YET = 'not acted on yet';
const OTHERWISE = 'not acted on';

/**
 * Fields that are real and that nothing here acts on, each with what there is to say of it. They
 * are taken, so that nobody's settings fail, and reported, so that nobody believes in them.
 */
const UNUSED = {
  ca: OTHERWISE,
  caCertificates: NOT_YET,
  certificates: OTHERWISE,
  configSources: `${OTHERWISE}: the Kubernetes API is the only source`,
  defaultHttpRetryPolicy: NOT_YET,
  disableEnvoyListenerLog: `${OTHERWISE}: listeners log nothing of their own`,
  discoverySelectors: NOT_YET,
  enableEnvoyAccessLogService: `${OTHERWISE}: the agent always takes access logs`,
  enablePrometheusMerge: NOT_YET,
  hboneIdleTimeout: OTHERWISE,
  inboundClusterStatName: NOT_YET,
  inboundTrafficPolicy: NOT_YET,
  ingressClass: OTHERWISE,
  ingressControllerMode: OTHERWISE,
  ingressSelector: OTHERWISE,
  ingressService: OTHERWISE,
  meshMTLS: `${OTHERWISE}: mesh TLS is TLS 1.3, always`,
  mixerCheckServer: OTHERWISE,
  outboundClusterStatName: NOT_YET,
  pathNormalization: NOT_YET,
  protocolDetectionTimeout: NOT_YET,
  proxyHttpPort: NOT_YET,
  proxyInboundListenPort: `${OTHERWISE}: it is 15006`,
  proxyListenPort: `${OTHERWISE}: it is 15001`,
  serviceScopeConfigs: OTHERWISE,
  thriftConfig: OTHERWISE,
  tlsDefaults: NOT_YET,
  verifyCertificateAtClient: `${OTHERWISE}: certificates are verified, always`,
} as const;

type UnusedName = keyof typeof UNUSED;

const anything: Schema<unknown> = { openapi: {}, read: (value) => value };

const unused: Readonly<Record<string, Schema<unknown>>> = Object.fromEntries(
  Object.keys(UNUSED).map((name) => [name, anything]),
);

const tcpKeepalive = object({ probes: uint32(), time: string(), interval: string() });

/** One cluster has no other to keep a host's endpoints from: what it says is so already. */
const serviceSettings = anything;

export const meshConfigFields = object({
  ...unused,
  trustDomain: string({ lengthMin: 1, lengthMax: 255 }),
  trustDomainAliases: strings(),
  enableAutoMtls: boolean(),
  enableTracing: boolean(),
  accessLogFile: string(),
  accessLogFormat: string(),
  accessLogEncoding: word(['TEXT', 'JSON']),
  extensionProviders,
  defaultProviders,
  connectTimeout: string(),
  tcpKeepalive,
  outboundTrafficPolicy: object({
    mode: word(['ALLOW_ANY', 'REGISTRY_ONLY', 'ALLOW_ANY_DYNAMIC_DNS']),
  }),
  rootNamespace: string({ lengthMin: 1, lengthMax: 63 }),
  defaultServiceExportTo: strings(),
  defaultDestinationRuleExportTo: strings(),
  defaultVirtualServiceExportTo: strings(),
  defaultConfig: struct(),
  dnsRefreshRate: string(),
  h2UpgradePolicy: word(['DO_NOT_UPGRADE', 'UPGRADE']),
  localityLbSetting,
  serviceSettings,
});

export type MeshConfigFields = Static<typeof meshConfigFields>;

/** Of `defaultConfig`: what sidecars are injected with. */
export const INJECTED: ReadonlySet<string> = new Set([
  'concurrency',
  'discoveryAddress',
  'drainDuration',
  'holdApplicationUntilProxyStarts',
  'proxyMetadata',
  'terminationDrainDuration',
]);

/** Of `defaultConfig`, too: what holds for traces (`mesh-tracing.ts`). */
const TRACING = 'tracing';

/** Which of these fields, all real, nothing here acts on, and what is to be said of each. */
export function unusedFields(
  fields: Readonly<Partial<Record<string, unknown>>>,
): readonly { readonly field: string; readonly message: string }[] {
  const whole = Object.keys(UNUSED)
    .filter((name): name is UnusedName => fields[name] !== undefined)
    .map((name) => ({ field: name, message: UNUSED[name] }));
  const { defaultConfig } = fields;
  const ofProxies = Object.keys(isRecord(defaultConfig) ? defaultConfig : {})
    .filter((name) => !INJECTED.has(name) && name !== TRACING)
    .map((name) => ({ field: `defaultConfig.${name}`, message: OTHERWISE }));
  return [...whole, ...ofProxies];
}
