// Manifests with the proxy's container already in them, as `istioctl kube-inject` writes them: the
// story's way into the mesh for Pods. Pure.
import { fieldsOf, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import { isRecord } from '#kube/objects.ts';
import { parseAllDocuments, stringify } from 'yaml';

export type SidecarAddresses = {
  /** `host:port` of xDS and certificates. */
  readonly controlPlane: string;
};

/**
 * @param text one or more YAML documents; all but Deployments stay as they are
 * @throws Error when it is no YAML
 */
export function withSidecars(text: string, addresses: SidecarAddresses): string {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error) throw error;
      const value: unknown = document.toJS();
      return isRecord(value) && value['kind'] === 'Deployment' ? inject(value, addresses) : value;
    })
    .map((object) => stringify(object))
    .join('---\n');
}

function inject(deployment: Fields, addresses: SidecarAddresses): Fields {
  const spec = fieldsOf(deployment, 'spec');
  const template = fieldsOf(spec, 'template');
  const metadata = fieldsOf(template, 'metadata');
  const podSpec = fieldsOf(template, 'spec');
  const containers = objectsAt(podSpec, 'containers');
  const ports = containers.flatMap((container) =>
    objectsAt(container, 'ports').map((port) => Number(port['containerPort'])),
  );
  const labels = { ...fieldsOf(metadata, 'labels'), 'security.istio.io/tlsMode': 'istio' };
  const annotations = {
    ...fieldsOf(metadata, 'annotations'),
    'kubectl.kubernetes.io/default-container': textAt(containers[0] ?? {}, 'name'),
  };
  return {
    ...deployment,
    spec: {
      ...spec,
      template: {
        metadata: { ...metadata, labels, annotations },
        spec: {
          ...podSpec,
          containers: [...containers.map(withLocalProbes), proxy(ports, addresses)],
          volumes: [...objectsAt(podSpec, 'volumes'), ...VOLUMES],
        },
      },
    },
  };
}

/** From inside the Pod: what comes from outside is to be TLS once the mesh is STRICT. */
function withLocalProbes(container: Fields): Fields {
  const [port] = objectsAt(container, 'ports');
  const command = ['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${Number(port?.['containerPort'])}`];
  const probes = ['readinessProbe', 'livenessProbe'].flatMap((name) => {
    const { httpGet, ...rest } = fieldsOf(container, name);
    return httpGet === undefined ? [] : [[name, { ...rest, exec: { command } }]];
  });
  return { ...container, ...Object.fromEntries(probes) };
}

function proxy(ports: readonly number[], { controlPlane }: SidecarAddresses): Fields {
  const fromPod = {
    POD_NAME: 'metadata.name',
    POD_NAMESPACE: 'metadata.namespace',
    INSTANCE_IP: 'status.podIP',
    SERVICE_ACCOUNT: 'spec.serviceAccountName',
  };
  const values = {
    PILOT_ADDRESS: controlPlane,
    CA_ADDR: controlPlane,
    ISTIO_INBOUND_PORTS: ports.join(','),
    ISTIO_SERVICE_CIDR: '*',
  };
  return {
    name: 'istio-proxy',
    image: 'isthmus.dev/proxy:dev',
    args: ['agent'],
    env: [
      ...Object.entries(fromPod).map(([name, fieldPath]) => ({
        name,
        valueFrom: { fieldRef: { fieldPath } },
      })),
      ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ],
    readinessProbe: { httpGet: { path: '/healthz/ready', port: 15_021 }, periodSeconds: 1 },
    volumeMounts: MOUNTS,
  };
}

/** Istio's places, where the agent looks by itself. */
const MOUNTS = [
  { name: 'istio-token', mountPath: '/var/run/secrets/tokens' },
  { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio' },
  { name: 'istio-data', mountPath: '/var/lib/istio' },
];

const TOKEN = { path: 'istio-token', audience: 'istio-ca', expirationSeconds: 43_200 };

const VOLUMES = [
  { name: 'istio-token', projected: { sources: [{ serviceAccountToken: TOKEN }] } },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
  { name: 'istio-data', emptyDir: {} },
];
