// The story as Kubernetes objects: a client Pod, a PostgreSQL on a VM, and the mesh's settings.
// Pure; each is what a user would write and apply.
import type { KubeObject } from '#kube/objects.ts';
import {
  apiVersionOf,
  AUTHORIZATION_POLICY,
  CONFIG_MAP,
  ENDPOINT_SLICE,
  PEER_AUTHENTICATION,
  POD,
  type ResourceType,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  SIDECAR,
  WORKLOAD_ENTRY,
} from '#kube/resources.ts';

/** An object and the kind by which the API is asked for it. */
export type Manifest = { readonly type: ResourceType; readonly object: KubeObject };

export const NAMESPACE_OF_STORY = 'default';
export const ROOT_NAMESPACE = 'istio-system';
export const TRUST_DOMAIN = 'cluster.local';
/** Labels and pods that the mesh speaks TLS to. */
const TLS_MODE_LABEL = 'security.istio.io/tlsMode';

/**
 * Istio 1.3's text format, which the story's log has: `"- - -" 0 - "-" "-" 268 441 194 …`.
 * The fifth field was the state of Istio's Mixer, gone since 1.5; it prints `-`.
 */
const CLASSIC_LOG_FORMAT = [
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"',
  '%RESPONSE_CODE% %RESPONSE_FLAGS% "%DYNAMIC_METADATA(istio.mixer:status)%"',
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%',
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"',
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER%',
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n',
].join(' ');

function manifest(
  type: ResourceType,
  name: string,
  rest: {
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  } = {},
): Manifest {
  const { namespace = NAMESPACE_OF_STORY, labels, annotations, ...fields } = rest;
  const metadata = {
    name,
    namespace,
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
  return { type, object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata, ...fields } };
}

export const serviceAccount = (name: string): Manifest => manifest(SERVICE_ACCOUNT, name);

/**
 * The mesh's settings: ConfigMap `istio`. JSON is YAML.
 *
 * @param settings.enableAutoMtls undefined says nothing: the mesh's own default
 * @param settings.ranges what counts as inside of the mesh, and so goes through the proxies
 */
export function meshConfig(settings: {
  readonly enableAutoMtls: boolean | undefined;
  readonly ranges: readonly string[];
}): Manifest {
  const { enableAutoMtls, ranges } = settings;
  const mesh = { enableAutoMtls, trustDomain: TRUST_DOMAIN, accessLogFormat: CLASSIC_LOG_FORMAT };
  return manifest(CONFIG_MAP, 'istio', {
    namespace: ROOT_NAMESPACE,
    annotations: { 'isthmus.dev/mesh-ranges': ranges.join(',') },
    data: { mesh: JSON.stringify(mesh) },
  });
}

/** The Service `istiod` as an installation has it; in the lab there is no Pod behind it. */
export function controlPlaneService(address: string): readonly Manifest[] {
  const ports = [
    { name: 'https-dns', port: 15_012, protocol: 'TCP' },
    { name: 'https-webhook', port: 15_017, protocol: 'TCP' },
  ];
  const place = { namespace: ROOT_NAMESPACE };
  return [
    manifest(SERVICE, 'istiod', {
      ...place,
      spec: { ports: [ports[0], { name: 'https-webhook', port: 443, targetPort: 15_017 }] },
    }),
    manifest(ENDPOINT_SLICE, 'istiod', {
      ...place,
      labels: { 'kubernetes.io/service-name': 'istiod' },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address] }],
      ports,
    }),
  ];
}

/** A Pod as its node reports it. The lab is the node: it has already given the address. */
export function pod(options: {
  readonly name: string;
  readonly app: string;
  readonly serviceAccount: string;
  readonly address: string;
}): Manifest {
  const { name, app, serviceAccount, address } = options;
  return manifest(POD, name, {
    labels: { app, version: 'v1', [TLS_MODE_LABEL]: 'istio' },
    spec: {
      serviceAccountName: serviceAccount,
      containers: [{ name: app, image: 'library/inventory:v1' }],
    },
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
}

/** A service without a selector, for its name and cluster IP; its endpoints come from beside. */
export function service(options: {
  readonly name: string;
  readonly clusterIp: string;
  readonly port: number;
  /** Says the protocol, as in Istio; default `tcp`. */
  readonly portName?: string;
}): Manifest {
  const { name, clusterIp, port, portName = 'tcp' } = options;
  return manifest(SERVICE, name, {
    spec: { clusterIP: clusterIp, ports: [{ name: portName, port, protocol: 'TCP' }] },
  });
}

/** The same service's endpoints: the workloads of an app; default the one of the same name. */
export function serviceEntry(options: {
  readonly name: string;
  readonly port: number;
  readonly app?: string;
  /** Says the protocol, as in Istio; default `tcp`. */
  readonly portName?: string;
}): Manifest {
  const { name, port, app = name, portName = 'tcp' } = options;
  return manifest(SERVICE_ENTRY, name, {
    spec: {
      hosts: [hostOf(name)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ name: portName, number: port, protocol: portName.toUpperCase() }],
      workloadSelector: { labels: { app } },
    },
  });
}

/** A VM in the mesh. */
export function workloadEntry(options: {
  readonly name: string;
  readonly app: string;
  readonly address: string;
  readonly serviceAccount: string;
}): Manifest {
  const { name, app, address, serviceAccount } = options;
  const labels = { app, version: 'v1', [TLS_MODE_LABEL]: 'istio' };
  return manifest(WORKLOAD_ENTRY, name, { spec: { address, labels, serviceAccount } });
}

type ListenerPlace = { readonly address: string; readonly port: number };

/** Where nothing is captured: what the workloads of an app dial, and where they are dialled. */
export function explicitListeners(options: {
  readonly app: string;
  readonly dials: readonly ListenerPlace[];
  /** `deliverTo`: a port of 127.0.0.1. */
  readonly isDialledAt: readonly (ListenerPlace & { readonly deliverTo: number })[];
}): Manifest {
  const { app, dials, isDialledAt } = options;
  const place = ({ address, port: number }: ListenerPlace) => ({
    port: { number, name: `tcp-${number}`, protocol: 'TCP' },
    bind: address,
    captureMode: 'NONE',
  });
  const egress = dials.map((one) => ({ ...place(one), hosts: ['*/*'] }));
  const ingress = isDialledAt.map((one) => ({
    ...place(one),
    defaultEndpoint: `127.0.0.1:${one.deliverTo}`,
  }));
  return manifest(SIDECAR, app, {
    spec: {
      workloadSelector: { labels: { app } },
      ...(egress.length > 0 && { egress }),
      ...(ingress.length > 0 && { ingress }),
    },
  });
}

export type MtlsMode = 'STRICT' | 'PERMISSIVE';

/** How the workloads of an app may be spoken to, and where wanted, otherwise on single ports. */
export function peerAuthentication(options: {
  readonly app: string;
  readonly mode: MtlsMode;
  readonly portModes?: Readonly<Record<string, MtlsMode>>;
}): Manifest {
  const { app, mode, portModes = {} } = options;
  const ports = Object.entries(portModes).map(([port, portMode]) => [port, { mode: portMode }]);
  return manifest(PEER_AUTHENTICATION, app, {
    spec: {
      selector: { matchLabels: { app } },
      mtls: { mode },
      ...(ports.length > 0 && { portLevelMtls: Object.fromEntries(ports) }),
    },
  });
}

/** Only these service accounts may reach the app's port. */
export function authorizationPolicy(options: {
  readonly app: string;
  readonly port: number;
  readonly allowed: readonly string[];
}): Manifest {
  const { app, port, allowed } = options;
  const principals = allowed.map((name) => `${TRUST_DOMAIN}/ns/${NAMESPACE_OF_STORY}/sa/${name}`);
  return manifest(AUTHORIZATION_POLICY, `${app}-${port}`, {
    spec: {
      selector: { matchLabels: { app } },
      action: 'ALLOW',
      rules: [{ from: [{ source: { principals } }], to: [{ operation: { ports: [`${port}`] } }] }],
    },
  });
}

export const hostOf = (service: string): string =>
  `${service}.${NAMESPACE_OF_STORY}.svc.cluster.local`;

export const spiffeIdOf = (serviceAccount: string): string =>
  `spiffe://${TRUST_DOMAIN}/ns/${NAMESPACE_OF_STORY}/sa/${serviceAccount}`;
