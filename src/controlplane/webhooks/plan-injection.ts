// Sidecar injection: whether a Pod gets a proxy, and what becomes of it then. Pure.
// Labels, annotations and their precedence are Istio's (pkg/kube/inject).
import { fieldsOf, numberAt, objectsAt, textAt, textMapOf, type Fields } from '#kube/fields.ts';
import { mergeContainer } from './merge-container.ts';
import { rewriteProbes } from './probes.ts';
import { mergeMetrics } from './merge-metrics.ts';
import { PROXY_CONFIG, readProxyConfig } from './proxy-config.ts';
import {
  buildSidecar,
  SIDECAR_NAME,
  volumesOf,
  type SidecarSettings,
  type Template,
} from './sidecar.ts';
import { readTrafficAnnotations } from './traffic-annotations.ts';
import { workloadNameOf } from './workload-name.ts';

export type InjectionSettings = SidecarSettings;

export type Namespace = {
  readonly name: string;
  /** Undefined: the API server has asked, so that its webhook's selectors hold already. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
};

export type Injection =
  | { readonly kind: 'injected'; readonly pod: Fields; readonly warnings: readonly string[] }
  /** Nothing is wrong, unless a warning says so. */
  | { readonly kind: 'skipped'; readonly reason: string; readonly warning?: string }
  /** A sentence for whoever creates the Pod. */
  | { readonly kind: 'refused'; readonly message: string };

const INJECT = 'sidecar.istio.io/inject';
const STATUS = 'sidecar.istio.io/status';
const REWRITE_PROBES = 'sidecar.istio.io/rewriteAppHTTPProbers';
const TLS_MODE = 'security.istio.io/tlsMode';
const NAMESPACE_INJECTION = 'istio-injection';
const REVISION = 'istio.io/rev';
const WORKLOAD_NAME = 'service.istio.io/workload-name';
/** Of a label's value. */
const LABEL_LENGTH_MAX = 63;
const TEMPLATES = 'inject.istio.io/templates';
/** In place of an image: whoever wrote the container leaves it, and what goes with it, to us. */
const AUTO_IMAGE = 'auto';
/** Kubernetes' own namespaces, as in Istio. */
const IGNORED_NAMESPACES = new Set(['kube-system', 'kube-public', 'kube-node-lease']);

export function planInjection(
  pod: Fields,
  namespace: Namespace,
  settings: InjectionSettings,
): Injection {
  const metadata = fieldsOf(pod, 'metadata');
  const annotations = textMapOf(metadata['annotations']);
  const wish = wishOf(metadata);
  if (IGNORED_NAMESPACES.has(namespace.name)) return skipped('its namespace is never injected');
  if (wish === 'no') return skipped('it does not want a sidecar');
  if (wish === 'default' && !isNamespaceInjected(namespace, metadata, settings.revision)) {
    return skipped('its namespace is not labeled for injection');
  }
  if (annotations[STATUS] !== undefined || hasSidecar(pod)) return skipped('it has a sidecar');
  const template = templateOf(annotations);
  const usesHostNetwork = fieldsOf(pod, 'spec')['hostNetwork'] === true;
  if (usesHostNetwork && template === 'sidecar') return onHostNetwork(metadata, wish);
  const refuse = (problem: string): Injection => {
    return { kind: 'refused', message: `${describe(metadata)}: ${problem}` };
  };
  if (template === undefined) return refuse(UNKNOWN_TEMPLATE);
  const capture = readTrafficAnnotations(annotations);
  if (!capture.ok) return refuse(capture.problem);
  const defaults = settings.proxySettings?.(namespace.name, textMapOf(metadata['labels']));
  const proxy = readProxyConfig(annotations[PROXY_CONFIG] ?? '', defaults);
  if (!proxy.ok) return refuse(proxy.problem);
  const { holdsApplication } = proxy;
  const env = { ...(template === 'sidecar' && capture.settings), ...proxy.env };
  return inject(pod, { namespace, template, settings, env, holdsApplication });
}

const UNKNOWN_TEMPLATE = `annotation ${TEMPLATES} may be sidecar or gateway`;

function templateOf(annotations: Readonly<Record<string, string>>): Template | undefined {
  const name = (annotations[TEMPLATES] ?? 'sidecar').trim();
  return name === 'sidecar' || name === 'gateway' ? name : undefined;
}

const skipped = (reason: string): Injection => ({ kind: 'skipped', reason });

/** How messages name the Pod: by its workload's name when it has none of its own yet. */
function describe(metadata: Fields): string {
  const name = textAt(metadata, 'name') || `${textAt(metadata, 'generateName')}*`;
  return `no sidecar can be injected into Pod "${name}"`;
}

/** A sidecar there would capture the traffic of the whole node. */
function onHostNetwork(metadata: Fields, wish: Wish): Injection {
  const why = `${describe(metadata)}: it uses the host's network`;
  if (wish === 'yes') {
    const message = `${why}; remove hostNetwork, or the label ${INJECT}`;
    return { kind: 'refused', message };
  }
  const warning = `${why}; it stays outside the mesh`;
  return { kind: 'skipped', reason: "it uses the host's network", warning };
}

type Wish = 'yes' | 'no' | 'default';

/** The Pod's own word: the label counts before the older annotation; YAML 1.1's words for true. */
function wishOf(metadata: Fields): Wish {
  const label = textMapOf(metadata['labels'])[INJECT];
  const text = (label ?? textMapOf(metadata['annotations'])[INJECT] ?? '').toLowerCase();
  if (text === '') return 'default';
  return ['y', 'yes', 'true', 'on'].includes(text) ? 'yes' : 'no';
}

/** `istio-injection` counts before revisions: a namespace that has both is of the default one. */
function isNamespaceInjected({ labels }: Namespace, metadata: Fields, revision: string): boolean {
  if (labels === undefined) return true;
  const word = labels[NAMESPACE_INJECTION];
  if (word !== undefined) return word === 'enabled';
  return (labels[REVISION] ?? textMapOf(metadata['labels'])[REVISION]) === revision;
}

function hasSidecar(pod: Fields): boolean {
  const spec = fieldsOf(pod, 'spec');
  return [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')].some(
    (container) => container['name'] === SIDECAR_NAME && container['image'] !== AUTO_IMAGE,
  );
}

type InjectionOptions = {
  readonly namespace: Namespace;
  readonly template: Template;
  readonly settings: InjectionSettings;
  readonly env: Readonly<Record<string, string>>;
  readonly holdsApplication: boolean;
};

function inject(pod: Fields, options: InjectionOptions): Injection {
  const { namespace, template, settings, env, holdsApplication } = options;
  const metadata = fieldsOf(pod, 'metadata');
  const spec = fieldsOf(pod, 'spec');
  const annotations = textMapOf(metadata['annotations']);
  const given = objectsAt(spec, 'containers');
  const containers = given.filter(({ name }) => name !== SIDECAR_NAME);
  const workload = workloadNameOf(metadata, namespace.name);
  const isGateway = template === 'gateway';
  const isRewriting = !isGateway && annotations[REWRITE_PROBES] !== 'false';
  const probes = isRewriting ? rewriteProbes(containers) : { containers, probers: {} };
  const metrics = mergeMetrics(annotations);
  const proxy = buildSidecar({
    template,
    settings,
    annotations,
    env: {
      ...env,
      ...(containers.length > 0 && {
        ISTIO_META_APP_CONTAINERS: containers.map((one) => textAt(one, 'name')).join(','),
      }),
      ISTIO_META_WORKLOAD_NAME: workload.name,
      ISTIO_META_OWNER: workload.owner,
      ...(Object.keys(probes.probers).length > 0 && {
        ISTIO_KUBE_APP_PROBERS: JSON.stringify(probes.probers),
      }),
      ...metrics.env,
    },
  });
  const own = given.find(({ name }) => name === SIDECAR_NAME);
  const sidecar = own ? mergeContainer(proxy, own, AUTO_IMAGE) : proxy;
  const present = new Set(objectsAt(spec, 'volumes').map(({ name }) => name));
  const volumes = volumesOf(template).filter(({ name }) => !present.has(name));
  const labels = {
    ...(!isGateway && { [TLS_MODE]: 'istio' }),
    'service.istio.io/canonical-name': workload.canonicalName,
    'service.istio.io/canonical-revision': workload.canonicalRevision,
    ...(workload.name.length <= LABEL_LENGTH_MAX && { [WORKLOAD_NAME]: workload.name }),
    ...textMapOf(metadata['labels']),
  };
  return {
    kind: 'injected',
    warnings: clashesOf(containers),
    pod: {
      ...pod,
      metadata: {
        ...metadata,
        labels,
        annotations: injectedAnnotations(metrics.annotations, containers, { template, settings }),
      },
      spec: {
        ...spec,
        ...(isGateway && { securityContext: withLowPorts(fieldsOf(spec, 'securityContext')) }),
        volumes: [...objectsAt(spec, 'volumes'), ...volumes],
        ...placed(probes.containers, sidecar, { spec, holdsApplication }),
      },
    },
  };
}

/** A gateway is no root, and may be asked to listen on port 80. */
const withLowPorts = (security: Fields): Fields => ({
  sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
  ...security,
});

/** Where the proxy and the agent listen: an application there would keep one of them from it. */
const OWN_PORTS = new Set([15_000, 15_001, 15_006, 15_020, 15_021, 15_053, 15_090]);

function clashesOf(containers: readonly Fields[]): readonly string[] {
  return containers.flatMap((container) =>
    objectsAt(container, 'ports')
      .map((port) => numberAt(port, 'containerPort') ?? 0)
      .filter((port) => OWN_PORTS.has(port))
      .map((port) => `container "${textAt(container, 'name')}": the sidecar uses port ${port}`),
  );
}

/**
 * Beside the application; or, where the application must not start before the proxy, as a native
 * sidecar: an init container that goes on, and that kubelet waits for.
 */
function placed(
  containers: readonly Fields[],
  sidecar: Fields,
  { spec, holdsApplication }: { readonly spec: Fields; readonly holdsApplication: boolean },
): Fields {
  if (!holdsApplication) return { containers: [...containers, sidecar] };
  const first = { ...sidecar, restartPolicy: 'Always' };
  return { containers, initContainers: [first, ...objectsAt(spec, 'initContainers')] };
}

function injectedAnnotations(
  before: Readonly<Record<string, string>>,
  containers: readonly Fields[],
  { template, settings }: Pick<InjectionOptions, 'template' | 'settings'>,
): Readonly<Record<string, string>> {
  const { revision } = settings;
  const name = textAt(containers[0] ?? {}, 'name') || SIDECAR_NAME;
  const status = {
    initContainers: null,
    containers: [SIDECAR_NAME],
    volumes: volumesOf(template).map((volume) => volume['name']),
    imagePullSecrets: null,
    revision,
  };
  return {
    'kubectl.kubernetes.io/default-container': name,
    'kubectl.kubernetes.io/default-logs-container': name,
    [REVISION]: revision,
    ...before,
    [STATUS]: JSON.stringify(status),
  };
}
