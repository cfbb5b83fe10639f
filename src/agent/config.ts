// What an agent is told: flags, the environment, Istio's env files and mesh file, made into one
// checked value. Names, paths and defaults are Istio's (pilot-agent, istio-start.sh,
// istio-iptables) so that what users have for their VMs works unchanged. Pure: files come in as
// text.
import { OperatorError } from '#base/operator-error.ts';
import { isNamespaceName, isObjectName } from '#base/workload-identity.ts';
import { readAppLog, type AppLog } from './app-log-setting.ts';
import { parseAppMetrics, type AppMetricsTarget } from './app-metrics.ts';
import { parseAppProbes, type AppProbes } from './app-probes.ts';
import { firstIn, layersOf, parseFlags, type AgentInput, type Layer } from './config-layers.ts';
import { Settings, type HostPort } from './settings.ts';

export type { AgentInput } from './config-layers.ts';
export type { HostPort } from './settings.ts';

/** Istio's words: beside an application, or a gateway, which has nothing to capture. */
export type Role = 'sidecar' | 'router';

export type NodeConfig = {
  readonly role: Role;
  /** Undefined: the address that the machine uses towards the control plane. */
  readonly ip: string | undefined;
  /** Pod or machine name; part of the node id, never of the identity. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly dnsDomain: string;
  readonly clusterId: string;
  /** Envoy's `node.metadata`: `ISTIO_META_X=v` as `X: v`, `ISTIO_METAJSON_X` as parsed JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
};

export type ControlPlaneConfig = {
  readonly xds: HostPort;
  readonly ca: HostPort;
  /** Name that the control plane's certificate must carry, if it is not the host dialled. */
  readonly serverName: string | undefined;
  /** The first of these files that exists is the trust anchor. */
  readonly rootCertFiles: readonly string[];
};

export type CredentialsConfig = {
  /** Service account token, audience istio-ca; read again at each use. */
  readonly tokenFile: string;
  /** Istio's PROV_CERT: `key.pem` and `cert-chain.pem` here can stand in for a token. */
  readonly provCertDir: string;
  /** Istio's OUTPUT_CERTS: key, chain and root are also written here. Undefined: nowhere. */
  readonly outputCertsDir: string | undefined;
  /** The WorkloadEntry that this VM claims to be; the CA decides. */
  readonly workloadEntry: string | undefined;
  /** How long a certificate is asked for, in milliseconds. */
  readonly lifetimeMs: number;
};

export type EnvoyConfig = {
  /** ISTHMUS_ENVOY; undefined: `envoy` on the PATH, else the one that set-up installed. */
  readonly binary: string | undefined;
  readonly concurrency: number;
  /** The longest life of a session whose listener or filter chain is taken away. */
  readonly drainMs: number;
  /** How long Envoy goes on when its agent is told to end; 0: for ever, without the agent. */
  readonly terminationDrainMs: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';
  readonly adminPort: number;
  /** Downstream connections that Envoy accepts at once. */
  readonly connectionsMax: number;
};

export type CaptureConfig = {
  readonly mode: 'REDIRECT' | 'NONE';
  readonly inboundPorts: '*' | readonly number[];
  /** Ports that `*` does not include. */
  readonly inboundExcludePorts: readonly number[];
  /** Captured from the first moment, beside what the control plane names as the mesh. */
  readonly outboundCidrs: readonly string[];
  readonly outboundExcludeCidrs: readonly string[];
  readonly outboundExcludePorts: readonly number[];
  readonly excludeInterfaces: readonly string[];
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** undefined: DNS queries are not captured. */
  readonly dns: Pick<DnsConfig, 'port' | 'sourcePorts'> | undefined;
};

export type DnsConfig = {
  /** On 127.0.0.1 and ::1, UDP and TCP: where captured queries arrive. */
  readonly port: number;
  /** On 127.0.0.1: for Envoy, to which names of the mesh must mean what they mean outside. */
  readonly outsidePort: number;
  /** Local ports of the proxy's own queries, by which the capture rules let them out. */
  readonly sourcePorts: { readonly first: number; readonly last: number };
  readonly clusterDomain: string;
  /** Domains that nobody but the mesh knows; undefined: as resolv.conf suggests. */
  readonly authoritative: readonly string[] | undefined;
  readonly resolvConfFile: string;
};

export type AgentPaths = {
  /** What must outlive the agent: identity, Envoy's pid, mesh addresses, capture. Mode 0700. */
  readonly stateDir: string;
  /** Sockets and the bootstrap. Mode 0700. */
  readonly proxyDir: string;
  readonly logDir: string;
};

export type AgentConfig = {
  readonly node: NodeConfig;
  readonly controlPlane: ControlPlaneConfig;
  readonly credentials: CredentialsConfig;
  readonly envoy: EnvoyConfig;
  readonly capture: CaptureConfig;
  /** undefined: no DNS proxy. */
  readonly dns: DnsConfig | undefined;
  /** 0.0.0.0:statusPort, Istio's 15020. */
  readonly statusPort: number;
  /** 0.0.0.0:readyPort, Istio's 15021. */
  readonly readyPort: number;
  /** The application's probes that kubelet makes through the agent. */
  readonly appProbes: AppProbes;
  /** Where the application has metrics of its own; undefined: nowhere. */
  readonly appMetrics: AppMetricsTarget | undefined;
  /** Which log is the application's own, for whoever may read logs; undefined: none. */
  readonly appLog: AppLog | undefined;
  /** Tell the control plane the totals of the workload's metrics, so that nobody must scrape it. */
  readonly pushesMetrics: boolean;
  /** Seals what is kept for a restart; undefined: a key of the agent's own. */
  readonly sealKeyFile: string | undefined;
  /** Where to write what gRPC programs without a proxy start from; undefined: nowhere. */
  readonly grpcBootstrapFile: string | undefined;
  readonly paths: AgentPaths;
};

const CONTROL_PLANE: HostPort = { host: 'istiod.istio-system.svc', port: 15_012 };
/** Istio's default of ISTIO_LOCAL_EXCLUDE_PORTS: ssh, Envoy's and the agent's own ports. */
const LOCAL_EXCLUDE_PORTS = [22, 15_020, 15_021, 15_090];
/** Istio's default of DNS_PROXY_ADDR. */
const DNS_PROXY: HostPort = { host: 'localhost', port: 15_053 };
const STATUS_PORT = 15_020;
const DNS_OUTSIDE_PORT = 15_054;
/** Beyond the ports that Linux gives out by itself (ip_local_port_range, to 60999). */
const DNS_SOURCE_PORTS = { first: 61_000, last: 61_999 };
const DRAIN_MS = 45_000;
const TERMINATION_SECONDS_MAX = 3_600;
const CERTIFICATE_LIFETIME_MS = 24 * 3_600_000;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;

/**
 * Later layers give way to earlier ones: flags, environment, cluster.env, sidecar.env, mesh file.
 *
 * @throws OperatorError USAGE for an unknown flag, CONFIG_INVALID naming every wrong setting
 */
export function parseAgentConfig(input: AgentInput): AgentConfig {
  const flags = parseFlags(input.argv);
  const root = (flags.get('ISTHMUS_ROOT') ?? input.env['ISTHMUS_ROOT'] ?? '').replace(/\/+$/, '');
  const layers = layersOf(input, flags, root);
  const settings = new Settings((name) => firstIn(layers.values, name));
  for (const problem of layers.problems) settings.fail(problem);
  const config = readConfig(settings, {
    root,
    hostname: input.hostname,
    metadata: metadataOf(layers.values, settings),
  });
  if (settings.problems.length > 0) {
    throw new OperatorError('CONFIG_INVALID', settings.problems.join('; '), {
      remedy: 'correct the setting in the environment or in cluster.env, then start again',
    });
  }
  return config;
}

const META = /^ISTIO_META(JSON)?_([A-Z0-9_]+)$/;

/** Node metadata from every layer; an earlier layer wins. */
function metadataOf(layers: readonly Layer[], settings: Settings): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  for (const layer of layers.toReversed()) {
    for (const [name, text] of layer) {
      const [, json, key] = META.exec(name) ?? [];
      if (key === undefined) continue;
      const value = json === undefined ? text : parseJson(text);
      if (value === undefined) settings.fail(`${name} is not JSON`);
      else metadata[key] = value;
    }
  }
  return metadata;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Context = {
  readonly root: string;
  readonly hostname: string;
  readonly metadata: Readonly<Record<string, unknown>>;
};

function readConfig(settings: Settings, context: Context): AgentConfig {
  const { root } = context;
  const istioDir = settings.text('ISTIO_CFG') ?? `${root}/var/lib/istio`;
  const node = readNode(settings, context);
  const dns = readDns(settings, node);
  return {
    node,
    controlPlane: readControlPlane(settings, root),
    credentials: readCredentials(settings, context),
    envoy: readEnvoy(settings),
    capture: readCapture(settings, node.role, dns),
    dns,
    statusPort: settings.port('ISTHMUS_STATUS_PORT', STATUS_PORT),
    readyPort: settings.port('ENVOY_STATUS_PORT', 15_021),
    appProbes: readAppProbes(settings),
    appMetrics: readAppMetrics(settings),
    appLog: readAppLog(settings),
    pushesMetrics: settings.oneOf('ISTHMUS_METRICS_PUSH', 'true', ['true', 'false']) === 'true',
    sealKeyFile: settings.text('ISTHMUS_SEAL_KEY_FILE'),
    grpcBootstrapFile: settings.text('GRPC_XDS_BOOTSTRAP'),
    paths: {
      stateDir: `${istioDir}/data`,
      proxyDir: `${istioDir}/proxy`,
      logDir: settings.text('ISTIO_LOG_DIR') ?? `${root}/var/log/istio`,
    },
  };
}

function readNode(settings: Settings, { hostname, metadata }: Context): NodeConfig {
  const namespace = settings.text('POD_NAMESPACE') ?? settings.text('ISTIO_NAMESPACE') ?? 'default';
  const serviceAccount = settings.text('SERVICE_ACCOUNT') ?? 'default';
  const name = settings.text('POD_NAME') ?? hostname.split('.')[0] ?? '';
  if (!isNamespaceName(namespace)) {
    settings.fail(`the namespace "${namespace}" is not one (POD_NAMESPACE or ISTIO_NAMESPACE)`);
  }
  if (!isObjectName(serviceAccount)) {
    settings.fail(`SERVICE_ACCOUNT is "${serviceAccount}", expected a Kubernetes name`);
  }
  // `~` separates the parts of a node id
  if (name === '' || name.includes('~')) {
    settings.fail(`the node's name "${name}" is empty or has a "~" (POD_NAME or the host's name)`);
  }
  const ipSetting = settings.text('ISTIO_SVC_IP') === undefined ? 'INSTANCE_IP' : 'ISTIO_SVC_IP';
  const [cidr, ...more] = settings.cidrs(ipSetting);
  const [ip, prefix] = cidr?.split('/') ?? [];
  if (more.length > 0 || (prefix !== undefined && prefix !== '32' && prefix !== '128')) {
    settings.fail(`${ipSetting} is "${settings.text(ipSetting)}", expected one IP address`);
  }
  const clusterId = metadata['CLUSTER_ID'];
  return {
    role: settings.oneOf<Role>('ISTHMUS_ROLE', 'sidecar', ['sidecar', 'router']),
    ip,
    name,
    namespace,
    serviceAccount,
    dnsDomain: settings.text('ISTHMUS_DOMAIN') ?? `${namespace}.svc.cluster.local`,
    clusterId: typeof clusterId === 'string' ? clusterId : 'Kubernetes',
    metadata,
  };
}

/** Precedence as in Istio: CA_ADDR, then PILOT_ADDRESS, then ISTIO_PILOT_PORT. */
function readControlPlane(settings: Settings, root: string): ControlPlaneConfig {
  const fallback = {
    ...CONTROL_PLANE,
    port: settings.port('ISTIO_PILOT_PORT', CONTROL_PLANE.port),
  };
  const pilot = settings.hostPort('PILOT_ADDRESS', fallback.port, fallback);
  const ca = settings.hostPort('CA_ADDR', fallback.port, pilot);
  const isPilotGiven = settings.text('PILOT_ADDRESS') !== undefined;
  const provCertDir = settings.text('PROV_CERT') ?? `${root}/etc/certs`;
  const given = settings.text('XDS_ROOT_CA') ?? settings.text('CA_ROOT_CA');
  if (given === 'SYSTEM') {
    settings.fail('XDS_ROOT_CA is SYSTEM, expected the file of the mesh root certificate');
  }
  return {
    // cluster.env of a revisioned control plane carries CA_ADDR only: both are one server
    xds: isPilotGiven ? pilot : ca,
    ca,
    serverName: settings.text('ISTIOD_SAN'),
    rootCertFiles: given
      ? [given]
      : [`${root}/var/run/secrets/istio/root-cert.pem`, `${provCertDir}/root-cert.pem`],
  };
}

function readCredentials(settings: Settings, { root, metadata }: Context): CredentialsConfig {
  const workloadEntry = metadata['WORKLOAD_ENTRY'];
  return {
    tokenFile: settings.text('ISTHMUS_TOKEN_FILE') ?? `${root}/var/run/secrets/tokens/istio-token`,
    provCertDir: settings.text('PROV_CERT') ?? `${root}/etc/certs`,
    outputCertsDir: settings.text('OUTPUT_CERTS'),
    workloadEntry: typeof workloadEntry === 'string' ? workloadEntry : undefined,
    lifetimeMs: settings.durationMs('SECRET_TTL', CERTIFICATE_LIFETIME_MS),
  };
}

function readEnvoy(settings: Settings): EnvoyConfig {
  return {
    binary: settings.text('ISTHMUS_ENVOY'),
    // one worker has no less throughput on two cores and one TLS session pool fewer (measured)
    concurrency: settings.count('ISTHMUS_CONCURRENCY', 1, 256) || 1,
    drainMs: settings.durationMs('ISTHMUS_DRAIN_DURATION', DRAIN_MS),
    terminationDrainMs: readTerminationDrain(settings),
    logLevel: settings.oneOf('ISTHMUS_PROXY_LOG_LEVEL', 'warning', LOG_LEVELS),
    adminPort: settings.port('ISTHMUS_PROXY_ADMIN_PORT', 15_000),
    connectionsMax: settings.count('ISTHMUS_CONNECTIONS_MAX', 50_000, 10_000_000),
  };
}

/** Injection says it: a Pod's proxy cannot outlive its agent, a machine's can. */
function readTerminationDrain(settings: Settings): number {
  const seconds = settings.count('TERMINATION_DRAIN_DURATION_SECONDS', 0, TERMINATION_SECONDS_MAX);
  return settings.durationMs('ISTHMUS_TERMINATION_DRAIN_DURATION', seconds * 1000);
}

/** Istio's word is ISTIO_META_DNS_CAPTURE; here it is on unless traffic is not captured at all. */
function readDns(settings: Settings, node: NodeConfig): DnsConfig | undefined {
  const mode = settings.text('ISTIO_INBOUND_INTERCEPTION_MODE');
  const isOff = node.role === 'router' || mode === 'NONE';
  const word = JSON.stringify(node.metadata['DNS_CAPTURE'] ?? !isOff).replaceAll('"', '');
  if (word !== 'true' && word !== 'false') {
    settings.fail(`ISTIO_META_DNS_CAPTURE is "${word}", expected true or false`);
  }
  if (word !== 'true') return undefined;
  const domains = settings.text('ISTHMUS_DNS_AUTHORITATIVE');
  const listed = domains === 'none' ? '' : domains;
  const [, clusterDomain = 'cluster.local'] = node.dnsDomain.split('.svc.');
  return {
    port: settings.hostPort('DNS_PROXY_ADDR', DNS_PROXY.port, DNS_PROXY).port,
    outsidePort: settings.port('ISTHMUS_DNS_OUTSIDE_PORT', DNS_OUTSIDE_PORT),
    sourcePorts: DNS_SOURCE_PORTS,
    clusterDomain,
    authoritative: listed
      ?.split(',')
      .map((domain) => domain.trim().toLowerCase())
      .filter(Boolean),
    resolvConfFile: settings.text('ISTHMUS_RESOLV_CONF') ?? '/etc/resolv.conf',
  };
}

function readCapture(settings: Settings, role: Role, dns: DnsConfig | undefined): CaptureConfig {
  // `*` means the mesh as the control plane tells it: other traffic is not captured at all
  const isAll = settings.text('ISTIO_SERVICE_CIDR') === '*';
  return {
    mode: role === 'router' ? 'NONE' : readCaptureMode(settings),
    inboundPorts: settings.portsOrAll('ISTIO_INBOUND_PORTS', []),
    inboundExcludePorts: settings.ports('ISTIO_LOCAL_EXCLUDE_PORTS', LOCAL_EXCLUDE_PORTS),
    outboundCidrs: isAll ? [] : settings.cidrs('ISTIO_SERVICE_CIDR'),
    outboundExcludeCidrs: settings.cidrs('ISTIO_SERVICE_EXCLUDE_CIDR'),
    outboundExcludePorts: settings.ports('ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE', []),
    excludeInterfaces: readInterfaces(settings),
    outboundPort: settings.port('ENVOY_PORT', 15_001),
    inboundPort: settings.port('INBOUND_CAPTURE_PORT', 15_006),
    dns: dns && { port: dns.port, sourcePorts: dns.sourcePorts },
  };
}

const readCaptureMode = (settings: Settings): CaptureConfig['mode'] =>
  settings.oneOf('ISTIO_INBOUND_INTERCEPTION_MODE', 'REDIRECT', ['REDIRECT', 'NONE']);

/** Linux interface names: at most 15 characters (IFNAMSIZ), and nothing that nft would parse. */
function readInterfaces(settings: Settings): readonly string[] {
  const names = (settings.text('ISTIO_EXCLUDE_INTERFACES') ?? '').split(',').filter(Boolean);
  for (const name of names) {
    if (!/^[A-Za-z0-9._@-]{1,15}$/.test(name)) {
      settings.fail(`ISTIO_EXCLUDE_INTERFACES names "${name}", which is no interface`);
    }
  }
  return names;
}

function readAppProbes(settings: Settings): AppProbes {
  const probes = parseAppProbes(settings.text('ISTIO_KUBE_APP_PROBERS') ?? '{}');
  if (!('problem' in probes)) return probes;
  settings.fail(`ISTIO_KUBE_APP_PROBERS ${probes.problem}`);
  return new Map();
}

function readAppMetrics(settings: Settings): AppMetricsTarget | undefined {
  const text = settings.text('ISTIO_PROMETHEUS_ANNOTATIONS');
  if (text === undefined) return undefined;
  const parsed = parseAppMetrics(text, settings.port('ISTHMUS_STATUS_PORT', STATUS_PORT));
  if (parsed.ok) return parsed.target;
  settings.fail(`ISTIO_PROMETHEUS_ANNOTATIONS ${parsed.problem}`);
  return undefined;
}
