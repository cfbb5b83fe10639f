// The fields of Istio's MeshConfig, those that Isthmus acts on and the others.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig
import { strings } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, string, word } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';

/** Fields that are real, and that nothing here acts on (yet): taken, and reported. */
const UNUSED = [
  'accessLogEncoding',
  'ca',
  'caCertificates',
  'certificates',
  'configSources',
  'connectTimeout',
  'defaultConfig',
  'defaultDestinationRuleExportTo',
  'defaultHttpRetryPolicy',
  'defaultProviders',
  'defaultVirtualServiceExportTo',
  'disableEnvoyListenerLog',
  'discoverySelectors',
  'dnsRefreshRate',
  'enableEnvoyAccessLogService',
  'enablePrometheusMerge',
  'enableTracing',
  'extensionProviders',
  'h2UpgradePolicy',
  'hboneIdleTimeout',
  'inboundClusterStatName',
  'inboundTrafficPolicy',
  'ingressClass',
  'ingressControllerMode',
  'ingressSelector',
  'ingressService',
  'localityLbSetting',
  'meshMTLS',
  'outboundClusterStatName',
  'pathNormalization',
  'protocolDetectionTimeout',
  'proxyHttpPort',
  'proxyInboundListenPort',
  'proxyListenPort',
  'serviceScopeConfigs',
  'serviceSettings',
  'tcpKeepalive',
  'thriftConfig',
  'tlsDefaults',
  'verifyCertificateAtClient',
] as const;

const anything: Schema<unknown> = { openapi: {}, read: (value) => value };

export const meshConfigFields = object({
  ...Object.fromEntries(UNUSED.map((name) => [name, anything])),
  trustDomain: string({ lengthMin: 1, lengthMax: 255 }),
  trustDomainAliases: strings(),
  enableAutoMtls: boolean(),
  accessLogFile: string(),
  accessLogFormat: string(),
  outboundTrafficPolicy: object({ mode: word(['ALLOW_ANY', 'REGISTRY_ONLY']) }),
  rootNamespace: string({ lengthMin: 1, lengthMax: 63 }),
  defaultServiceExportTo: strings(),
});

/** Which of these fields, all real, nothing here acts on. */
export function unusedFields(fields: Readonly<Record<string, unknown>>): readonly string[] {
  return UNUSED.filter((name) => fields[name] !== undefined);
}
