// What a VM needs to start its agent, as files: Istio's five, with Istio's names, keys and places
// (istioctl x workload entry configure), so that what users have for their VMs goes on to work.
import { canonicalIp } from '#base/ip.ts';
import { stringify } from 'yaml';

/** The registered machine. */
export type VmEntry = {
  /** Of the WorkloadEntry. */
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  /** Where its service listens. */
  readonly ports: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Where the application answers Prometheus, as the entry is annotated; absent: it does not. */
  readonly metrics?: ApplicationMetrics;
};

/** Annotations `prometheus.io/…`, as written; the agent has a default for each but `port`. */
export type ApplicationMetrics = {
  readonly scrape?: string;
  readonly port?: string;
  readonly path?: string;
};

export type VmFilesInput = {
  /** The name that it is registered under. */
  readonly service: string;
  readonly entry: VmEntry;
  /** What leads to the control plane: an IP address, or the DNS name of a load balancer. */
  readonly gateway: string;
  /** Where it leads to the control plane; default 15012. */
  readonly gatewayPort?: number;
  /** What the agent captures from the first moment; `*` leaves it to the control plane. */
  readonly serviceCidr: string;
  readonly trustDomain: string;
  /** The mesh's `defaultConfig`, as it stands in MeshConfig. */
  readonly proxyConfig: Readonly<Record<string, unknown>>;
  readonly rootCertPem: string;
  /** By which the agent proves who it is. */
  readonly credential: VmCredential;
};

export type VmCredential =
  | { readonly kind: 'token'; readonly token: string }
  /** PEM texts; the key is a secret. */
  | { readonly kind: 'certificate'; readonly keyPem: string; readonly chainPem: string };

export type VmFile = {
  readonly name: string;
  readonly content: string;
  readonly mode: number;
  /** Where it goes on the VM. */
  readonly place: string;
  /** A file of the machine's own gets the lines; any other is replaced. */
  readonly isAppended: boolean;
};

/** By which agents know the control plane: in its certificate, and as SNI at the gateway. */
export const CONTROL_PLANE_NAME = 'istiod.istio-system.svc';
const XDS_PORT = 15_012;
const CLUSTER_ID = 'Kubernetes';
/** ssh, Envoy's and the agent's own ports: never captured. */
const LOCAL_EXCLUDE_PORTS = '22,15020,15021,15090';
const PUBLIC = 0o644;
const PRIVATE = 0o600;

export function vmFiles(input: VmFilesInput): readonly VmFile[] {
  const { rootCertPem, credential } = input;
  const file = (name: string, content: string, place: string, mode = PUBLIC): VmFile => ({
    name,
    content: content === '' || content.endsWith('\n') ? content : `${content}\n`,
    mode,
    place,
    isAppended: false,
  });
  return [
    file('cluster.env', renderEnv(clusterEnv(input)), '/var/lib/istio/envoy/cluster.env'),
    file('mesh.yaml', renderMesh(input), '/etc/istio/config/mesh'),
    file('root-cert.pem', rootCertPem, '/etc/certs/root-cert.pem'),
    ...(credential.kind === 'token'
      ? [
          {
            ...file('istio-token', '', '/var/run/secrets/tokens/istio-token', PRIVATE),
            content: credential.token, // without a final line feed, as the kubelet writes tokens
          },
        ]
      : [
          file('key.pem', credential.keyPem, '/etc/certs/key.pem', PRIVATE),
          file('cert-chain.pem', credential.chainPem, '/etc/certs/cert-chain.pem'),
        ]),
    { ...file('hosts', hosts(input), '/etc/hosts'), isAppended: true },
  ];
}

/** A gateway with an address is found by /etc/hosts; one that only has a name is dialled by it. */
function clusterEnv(input: VmFilesInput): Readonly<Record<string, string>> {
  const { service, entry, gateway, gatewayPort = XDS_PORT, serviceCidr } = input;
  const { name, namespace, address, ports, serviceAccount, metrics } = entry;
  const isNamed = canonicalIp(gateway) === undefined;
  const controlPlane = `${isNamed ? gateway : CONTROL_PLANE_NAME}:${gatewayPort}`;
  return {
    CA_ADDR: controlPlane,
    ISTIO_INBOUND_PORTS: ports.toSorted((a, b) => a - b).join(','),
    ISTIO_LOCAL_EXCLUDE_PORTS: LOCAL_EXCLUDE_PORTS,
    ISTIO_META_WORKLOAD_ENTRY: name,
    ISTIO_NAMESPACE: namespace,
    // whoever scrapes the agent gets these, too
    ...(metrics && { ISTIO_PROMETHEUS_ANNOTATIONS: JSON.stringify(metrics) }),
    ISTIO_SERVICE: `${service}.${namespace}`,
    ISTIO_SERVICE_CIDR: serviceCidr,
    ISTIO_SVC_IP: address,
    ...(isNamed && { ISTIOD_SAN: CONTROL_PLANE_NAME }),
    PILOT_ADDRESS: controlPlane,
    SERVICE_ACCOUNT: serviceAccount,
  };
}

function renderEnv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${shellWord(value)}\n`)
    .join('');
}

/** As istioctl quotes: only what a shell would otherwise read as something else. */
function shellWord(value: string): string {
  if (/^[\w@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", String.raw`'"'"'`)}'`;
}

const renderMesh = (input: VmFilesInput): string =>
  stringify({ defaultConfig: proxyConfig(input) }, { lineWidth: 0 });

/** The mesh's own settings stay, except where they are this machine's to say. */
function proxyConfig(input: VmFilesInput): Readonly<Record<string, unknown>> {
  const { service, entry, trustDomain, proxyConfig: ofMesh } = input;
  const { namespace, serviceAccount, labels } = entry;
  const { proxyMetadata } = ofMesh;
  return {
    ...ofMesh,
    discoveryAddress: clusterEnv(input)['PILOT_ADDRESS'],
    proxyMetadata: {
      ...(typeof proxyMetadata === 'object' && proxyMetadata),
      CANONICAL_REVISION: firstOf(labels, REVISION_LABELS) ?? 'latest',
      CANONICAL_SERVICE: firstOf(labels, NAME_LABELS) ?? service,
      ISTIO_META_CLUSTER_ID: CLUSTER_ID,
      ISTIO_META_DNS_CAPTURE: 'true',
      ISTIO_META_WORKLOAD_NAME: service,
      ISTIO_METAJSON_LABELS: JSON.stringify(labels),
      POD_NAMESPACE: namespace,
      SERVICE_ACCOUNT: serviceAccount,
      TRUST_DOMAIN: trustDomain,
    },
  };
}

/** Istio's order in which labels name a workload's canonical service and revision. */
const NAME_LABELS = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'];
const REVISION_LABELS = [
  'service.istio.io/canonical-revision',
  'app.kubernetes.io/version',
  'version',
];

const firstOf = (
  labels: Readonly<Record<string, string>>,
  names: readonly string[],
): string | undefined => names.map((name) => labels[name]).find((value) => value !== undefined);

function hosts({ gateway }: VmFilesInput): string {
  const address = canonicalIp(gateway);
  if (address !== undefined) return `${address} ${CONTROL_PLANE_NAME}\n`;
  return `# nothing to add: cluster.env names the gateway, ${gateway}\n`;
}

/** The commands that put the files in their places, to be run where the files are. */
export function renderPlaces(files: readonly VmFile[]): string {
  const width = Math.max(...files.map(({ name }) => name.length));
  return files
    .map(({ name, mode, place, isAppended }) =>
      isAppended
        ? `sudo tee -a ${place} < ${name}`
        : `sudo install -D -m 0${mode.toString(8)} ${name.padEnd(width)} ${place}`,
    )
    .join('\n');
}
