// The containers that injection adds to a Pod, beside an application or as a gateway, and the
// volumes that they need.
import type { ProxySettingsFor } from '#model/proxy-configs.ts';
import type { Fields } from '#kube/fields.ts';

export const SIDECAR_NAME = 'istio-proxy';

/** Istio's names for what a proxy is there for. */
export type Template = 'sidecar' | 'gateway';

/** Readiness of the proxy, for kubelet and load balancers. */
const READY_PORT = 15_021;

export type SidecarSettings = {
  readonly image: string;
  /** `host:port` of xDS and certificates. */
  readonly controlPlaneAddress: string;
  readonly trustDomain: string;
  readonly clusterId: string;
  readonly revision: string;
  /** How proxies are to run whose Pods do not say; as agents do by themselves if absent. */
  readonly proxySettings?: ProxySettingsFor;
};

/** A gateway needs no privilege: it captures nothing. Its user is Istio's. */
const GATEWAY_SECURITY_CONTEXT = {
  runAsUser: 1337,
  runAsGroup: 1337,
  runAsNonRoot: true,
  privileged: false,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

type Resources = {
  readonly cpu: string;
  readonly memory: string;
  readonly cpuLimit: string;
  readonly memoryLimit: string;
};

export type SidecarOptions = {
  readonly template: Template;
  readonly settings: SidecarSettings;
  /** What the agent is told besides what follows from the Pod. */
  readonly env: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

export function buildSidecar(options: SidecarOptions): Fields {
  const { template, settings, env, annotations } = options;
  const isGateway = template === 'gateway';
  return {
    name: SIDECAR_NAME,
    image: annotations['sidecar.istio.io/proxyImage'] ?? settings.image,
    args: isGateway ? ['agent', 'proxy', 'router'] : ['agent'],
    env: [
      ...Object.entries(FROM_POD).map(([name, fieldPath]) => ({
        name,
        valueFrom: { fieldRef: { fieldPath } },
      })),
      ...Object.entries({ ...addresses(settings), ...TERMINATION, ...env }).map(
        ([name, value]) => ({
          name,
          value,
        }),
      ),
    ],
    resources: resourcesOf(annotations),
    securityContext: isGateway ? GATEWAY_SECURITY_CONTEXT : SECURITY_CONTEXT,
    startupProbe: { httpGet: READY_PROBE, periodSeconds: 1, failureThreshold: 600 },
    // Istio's 15 s would keep a Pod from its Service for as long.
    readinessProbe: { httpGet: READY_PROBE, periodSeconds: 2, timeoutSeconds: 3 },
    volumeMounts: isGateway ? [...MOUNTS, LOG_MOUNT] : MOUNTS,
  };
}

/** Istio's default of terminationDrainDuration. */
const TERMINATION = { TERMINATION_DRAIN_DURATION_SECONDS: '5' };

const FROM_POD = {
  POD_NAME: 'metadata.name',
  POD_NAMESPACE: 'metadata.namespace',
  INSTANCE_IP: 'status.podIP',
  SERVICE_ACCOUNT: 'spec.serviceAccountName',
  HOST_IP: 'status.hostIP',
  ISTIO_META_NODE_NAME: 'spec.nodeName',
};

const READY_PROBE = { path: '/healthz/ready', port: READY_PORT };

const addresses = ({ controlPlaneAddress, trustDomain, clusterId }: SidecarSettings) => ({
  PILOT_ADDRESS: controlPlaneAddress,
  CA_ADDR: controlPlaneAddress,
  TRUST_DOMAIN: trustDomain,
  ISTIO_META_CLUSTER_ID: clusterId,
  ISTIO_META_MESH_ID: trustDomain,
});

/**
 * The agent writes nftables rules and marks its proxy's connections: both need NET_ADMIN, in the
 * Pod's own network. A mark, not a user, tells the proxy's traffic from the application's.
 */
const SECURITY_CONTEXT = {
  runAsUser: 0,
  runAsNonRoot: false,
  privileged: false,
  allowPrivilegeEscalation: false,
  capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
};

/** Istio's defaults. */
const RESOURCES: Resources = { cpu: '100m', memory: '128Mi', cpuLimit: '2', memoryLimit: '1Gi' };

function resourcesOf(annotations: Readonly<Record<string, string>>) {
  const read = (name: keyof Resources, annotation: string): string =>
    annotations[`sidecar.istio.io/${annotation}`] ?? RESOURCES[name];
  return {
    requests: { cpu: read('cpu', 'proxyCPU'), memory: read('memory', 'proxyMemory') },
    limits: {
      cpu: read('cpuLimit', 'proxyCPULimit'),
      memory: read('memoryLimit', 'proxyMemoryLimit'),
    },
  };
}

/** Mounted at Istio's places, where the agent looks by itself. */
const MOUNTS = [
  { name: 'istio-token', mountPath: '/var/run/secrets/tokens', readOnly: true },
  { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio', readOnly: true },
  { name: 'istio-data', mountPath: '/var/lib/istio' },
];

/** Where the agent keeps Envoy's logs: an image's own folder there is root's. */
const LOG_MOUNT = { name: 'istio-log', mountPath: '/var/log/istio' };

/** Half a day, as in Istio; kubelet renews it long before. */
const TOKEN_SECONDS = 43_200;

const VOLUMES: readonly Fields[] = [
  {
    name: 'istio-token',
    projected: {
      sources: [
        {
          serviceAccountToken: {
            path: 'istio-token',
            audience: 'istio-ca',
            expirationSeconds: TOKEN_SECONDS,
          },
        },
      ],
    },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
  { name: 'istio-data', emptyDir: {} },
];

export const volumesOf = (template: Template): readonly Fields[] =>
  template === 'gateway' ? [...VOLUMES, { name: LOG_MOUNT.name, emptyDir: {} }] : VOLUMES;
