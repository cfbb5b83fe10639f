// The mesh's own settings: keys `mesh` and `meshNetworks` of ConfigMap `istio` in namespace
// `istio-system`.
import { parseDocument } from 'yaml';
import { cidrsOf, normalizeRanges, parseCidr } from '#base/ip.ts';
import { isTrustDomain } from '#base/workload-identity.ts';
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { fieldsOf, textAt } from '../core/fields.ts';
import { checkLocality } from '../destinationrule/check-load-balancer.ts';
import { localityOf } from '../destinationrule/locality.ts';
import type { SaidLocality } from '../destinationrule/locality.ts';
import { durationMs } from '../duration.ts';
import { parseMeta } from '../object.ts';
import type { ParseResult, Violation } from '../object.ts';
import { INVALID, Reading } from '../schema/reading.ts';
import { checkExportTo, isDnsLabel } from '../syntax.ts';
import {
  checkFormat,
  extensionProvidersOf,
  meshLogFormat,
  providerRemarks,
} from './extension-providers.ts';
import type { ExtensionProvider } from './extension-providers.ts';
import { meshConfigFields, unusedFields } from './fields.ts';
import type { MeshConfigFields } from './fields.ts';
import { DEFAULT_TRACING, meshTracingOf, tracingRemarks } from './mesh-tracing.ts';
import type { MeshTracing } from './mesh-tracing.ts';
import { networksOf } from './mesh-networks.ts';
import type { MeshNetwork } from './mesh-networks.ts';

/** Where the mesh's settings lie. */
export const MESH_CONFIG_NAMESPACE = 'istio-system';
export const MESH_CONFIG_NAME = 'istio';

/** As Linux has them; what is undefined is the kernel's own. */
export type TcpKeepalive = {
  readonly probes: number | undefined;
  readonly timeMs: number | undefined;
  readonly intervalMs: number | undefined;
};

/** The settings that Isthmus acts on, under Istio's names. */
export type MeshConfig = {
  readonly trustDomain: string;
  /** Other trust domains whose identities count as ours. */
  readonly trustDomainAliases: readonly string[];
  readonly enableAutoMtls: boolean;
  /** Empty: no access log. */
  readonly accessLogFile: string;
  /** Empty: Istio's default. Of JSON it is the text of an object, field → format. */
  readonly accessLogFormat: string;
  readonly accessLogEncoding: 'TEXT' | 'JSON';
  /** What policies and Telemetry name by name. */
  readonly extensionProviders: readonly ExtensionProvider[];
  /** The providers of access logs where no Telemetry says; none: the file above. */
  readonly accessLogProviders: readonly string[];
  /** The provider of traces where no Telemetry says: the first; none: no traces. */
  readonly tracingProviders: readonly string[];
  readonly tracing: MeshTracing;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly rootNamespace: string;
  /** `*`, `.`, `~` or namespaces, for Services and ServiceEntries that do not say. */
  readonly defaultServiceExportTo: readonly string[];
  /** The same for DestinationRules. */
  readonly defaultDestinationRuleExportTo: readonly string[];
  /** The same for VirtualServices. */
  readonly defaultVirtualServiceExportTo: readonly string[];
  /** How long a client tries to reach one endpoint. */
  readonly connectTimeoutMs: number;
  /** undefined: as every cluster of ours has it. */
  readonly tcpKeepalive: TcpKeepalive | undefined;
  /** How often names are looked up whose answers do not say. */
  readonly dnsRefreshRateMs: number;
  /** Are requests of HTTP/1.1 to services of the mesh made in HTTP/2? */
  readonly upgradesToHttp2: boolean;
  readonly localityLbSetting: SaidLocality;
  /** Of proxies that are injected: fields of Istio's ProxyConfig message, as written. */
  readonly defaultConfig: Readonly<Record<string, unknown>>;
  /** Ordered by name. */
  readonly networks: readonly MeshNetwork[];
  /** What counts as inside of the mesh, canonical: annotation `isthmus.dev/mesh-ranges`. */
  readonly meshRanges: readonly string[];
  /** Fields of Istio's that are set and that nothing here acts on: worth telling the operator. */
  readonly remarks: readonly Violation[];
};

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  enableAutoMtls: true,
  accessLogFile: '/dev/stdout',
  accessLogFormat: '',
  accessLogEncoding: 'TEXT',
  extensionProviders: [],
  accessLogProviders: [],
  tracingProviders: [],
  tracing: DEFAULT_TRACING,
  outboundTrafficPolicy: 'ALLOW_ANY',
  rootNamespace: 'istio-system',
  defaultServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  connectTimeoutMs: 10_000,
  tcpKeepalive: undefined,
  dnsRefreshRateMs: 60_000,
  upgradesToHttp2: false,
  localityLbSetting: { distribute: [], failover: [], failoverPriority: [] },
  defaultConfig: {},
  networks: [],
  meshRanges: ['240.240.0.0/16'],
  remarks: [],
};

const RANGES = 'isthmus.dev/mesh-ranges';
const KEY = 'mesh';
const NETWORKS_KEY = 'meshNetworks';
/** A ConfigMap holds at most 1 MiB. */
const TEXT_LENGTH_MAX = 1 << 20;
/** How often an alias may be resolved, nested ones multiplied: against texts that explode. */
const ALIASES_MAX = 100;

/**
 * Reads the ConfigMap. What it does not set is as in `defaults`. Anything that is not in Istio's
 * MeshConfig is refused, so that a slip of the pen does not quietly turn a setting off.
 */
export function parseMeshConfig(
  configMap: KubeObject,
  defaults: MeshConfig = DEFAULT_MESH_CONFIG,
): ParseResult<MeshConfig> {
  const violations: Violation[] = [];
  const root = new Reading('', violations);
  const data = root.property('data');
  const fields = fieldsOf(configMap['data']);
  const at = data.property(KEY);
  const document = parseYaml(textAt(fields, KEY), at);
  const read = document === INVALID ? INVALID : meshConfigFields.read(document ?? {}, at);
  const ranges = parseMeta(configMap).annotations[RANGES];
  const place = root.property('metadata').property('annotations').key(RANGES);
  const meshRanges = ranges === undefined ? defaults.meshRanges : rangesOf(ranges, place);
  const remarks: Violation[] = [];
  const networks = readNetworks(textAt(fields, NETWORKS_KEY), data.property(NETWORKS_KEY), remarks);
  if (read === INVALID || networks === INVALID) return { ok: false, violations };
  check(read, at);
  const settings = settingsOf(read, defaults, at);
  remarks.unshift(...remarksOf(read, at));
  if (violations.length > 0) return { ok: false, violations };
  const value = { ...settings, networks, meshRanges, remarks };
  return { ok: true, value };
}

function readNetworks(
  text: string,
  at: Reading,
  remarks: Violation[],
): readonly MeshNetwork[] | typeof INVALID {
  const document = parseYaml(text, at);
  return document === INVALID ? INVALID : networksOf(document, at, remarks);
}

type Settings = Omit<MeshConfig, 'networks' | 'meshRanges' | 'remarks'>;

function settingsOf(fields: MeshConfigFields, unset: Settings, at: Reading): Settings {
  const mode = fields.outboundTrafficPolicy?.mode;
  const { tcpKeepalive: keepalive, h2UpgradePolicy } = fields;
  const place = at.property('tcpKeepalive');
  return {
    trustDomain: fields.trustDomain ?? unset.trustDomain,
    trustDomainAliases: fields.trustDomainAliases ?? unset.trustDomainAliases,
    enableAutoMtls: fields.enableAutoMtls ?? unset.enableAutoMtls,
    accessLogFile: fields.accessLogFile ?? unset.accessLogFile,
    accessLogFormat: fields.accessLogFormat ?? unset.accessLogFormat,
    accessLogEncoding: fields.accessLogEncoding ?? unset.accessLogEncoding,
    extensionProviders:
      fields.extensionProviders === undefined
        ? unset.extensionProviders
        : extensionProvidersOf(fields.extensionProviders, at.property('extensionProviders')),
    accessLogProviders: fields.defaultProviders?.accessLogging ?? unset.accessLogProviders,
    tracingProviders: fields.defaultProviders?.tracing ?? unset.tracingProviders,
    tracing:
      fields.defaultConfig?.['tracing'] === undefined
        ? unset.tracing
        : meshTracingOf(
            fields.defaultConfig['tracing'],
            at.property('defaultConfig').property('tracing'),
          ),
    outboundTrafficPolicy:
      mode === 'ALLOW_ANY_DYNAMIC_DNS' ? 'ALLOW_ANY' : (mode ?? unset.outboundTrafficPolicy),
    rootNamespace: fields.rootNamespace ?? unset.rootNamespace,
    defaultServiceExportTo: fields.defaultServiceExportTo ?? unset.defaultServiceExportTo,
    defaultDestinationRuleExportTo:
      fields.defaultDestinationRuleExportTo ?? unset.defaultDestinationRuleExportTo,
    defaultVirtualServiceExportTo:
      fields.defaultVirtualServiceExportTo ?? unset.defaultVirtualServiceExportTo,
    connectTimeoutMs:
      timeOf(fields.connectTimeout, at.property('connectTimeout')) ?? unset.connectTimeoutMs,
    tcpKeepalive: keepalive
      ? {
          probes: keepalive.probes,
          timeMs: timeOf(keepalive.time, place.property('time')),
          intervalMs: timeOf(keepalive.interval, place.property('interval')),
        }
      : unset.tcpKeepalive,
    dnsRefreshRateMs:
      timeOf(fields.dnsRefreshRate, at.property('dnsRefreshRate')) ?? unset.dnsRefreshRateMs,
    upgradesToHttp2:
      h2UpgradePolicy === undefined ? unset.upgradesToHttp2 : h2UpgradePolicy === 'UPGRADE',
    localityLbSetting: localityOf(fields.localityLbSetting) ?? unset.localityLbSetting,
    defaultConfig: fields.defaultConfig ?? unset.defaultConfig,
  };
}

/** Envoy wants at least a millisecond of each of them. */
function timeOf(text: string | undefined, at: Reading): number | undefined {
  const ms = text === undefined ? undefined : durationMs(text);
  if (text !== undefined && (ms === undefined || ms < 1)) {
    at.refuse(`Invalid value: ${at.quote(text)}: must be a duration of at least 1ms`);
  }
  return ms;
}

const TRACED_WHERE_NAMED =
  'acted on only where defaultProviders.tracing or a Telemetry names a provider';

function remarksOf(fields: MeshConfigFields, at: Reading): readonly Violation[] {
  const unused = unusedFields(fields).map(({ field, message }) => ({
    field: at.property(field).field,
    message,
  }));
  const { extensionProviders, defaultProviders, defaultConfig } = fields;
  unused.push(...providerRemarks(extensionProviders, at.property('extensionProviders')));
  const tracing = defaultConfig?.['tracing'];
  if (isRecord(tracing)) {
    unused.push(...tracingRemarks(tracing, at.property('defaultConfig').property('tracing')));
  }
  if (fields.enableTracing === true && (defaultProviders?.tracing ?? []).length === 0) {
    unused.push({ field: at.property('enableTracing').field, message: TRACED_WHERE_NAMED });
  }
  if (fields.outboundTrafficPolicy?.mode !== 'ALLOW_ANY_DYNAMIC_DNS') return unused;
  const message = 'ALLOW_ANY_DYNAMIC_DNS is taken as ALLOW_ANY';
  return [...unused, { field: at.property('outboundTrafficPolicy').field, message }];
}

function parseYaml(text: string, at: Reading): unknown {
  if (text.length > TEXT_LENGTH_MAX) return at.refuse('Too long: may not be more than 1 MiB');
  const document = parseDocument(text);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) return at.refuse(`Invalid value: not plain YAML: ${problem.message}`);
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return value;
  } catch {
    return at.refuse('Invalid value: not plain YAML: aliases without end'); // the only way to fail
  }
}

function check(settings: MeshConfigFields, at: Reading): void {
  const { trustDomain, trustDomainAliases = [], rootNamespace } = settings;
  if (trustDomain !== undefined && !isTrustDomain(trustDomain)) {
    at.property('trustDomain').refuse('Invalid value: must be a lower-case domain name');
  }
  for (const [index, alias] of trustDomainAliases.entries()) {
    if (isTrustDomain(alias)) continue;
    const place = at.property('trustDomainAliases').item(index);
    place.refuse('Invalid value: must be a lower-case domain name');
  }
  const { accessLogFormat = '', accessLogEncoding = 'TEXT' } = settings;
  checkFormat(
    meshLogFormat({ accessLogEncoding, accessLogFormat }),
    at.property('accessLogFormat'),
  );
  if (rootNamespace !== undefined && !isDnsLabel(rootNamespace)) {
    at.property('rootNamespace').refuse('Invalid value: must be the name of a namespace');
  }
  for (const kind of ['Service', 'DestinationRule', 'VirtualService'] as const) {
    const name = `default${kind}ExportTo` as const;
    checkExportTo(settings[name] ?? [], '', at.property(name));
  }
  checkLocality(settings.localityLbSetting, at.property('localityLbSetting'));
}

/** Canonical, sorted, none within another. */
function rangesOf(text: string, at: Reading): readonly string[] {
  const ranges = text.split(',').flatMap((part) => {
    const cidr = part.trim();
    const range = parseCidr(cidr);
    if (range === undefined) at.refuse(`Invalid value: ${at.quote(cidr)}: must be a CIDR`);
    return range ?? [];
  });
  return normalizeRanges(ranges).flatMap(cidrsOf);
}
