// What a Pod needs before its containers: what kubelet adds to its spec, the files that its
// containers share, and whether the lab can run it at all. Pure.
import { planMachineFiles } from '../../machine-files.ts';
import type { NameEntry } from '../../machine-files.ts';
import type { ContainerSpec, PodView, VolumeSpec } from './spec.ts';

export const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** As the API server's admission has it: an hour and a little. */
const TOKEN_SECONDS = 3607;
const CLUSTER_DOMAIN = 'cluster.local';
/** Kubernetes' limit for a host name, which a Pod's may exceed. */
const HOSTNAME_LENGTH_MAX = 63;

export type PodPlan =
  | { readonly ok: true; readonly pod: PodView }
  /** Said in an Event; the Pod stays Pending. */
  | { readonly ok: false; readonly reason: string; readonly message: string };

/** The Pod with what its node adds to it; or what in it the lab cannot do. */
export function planPod(pod: PodView): PodPlan {
  if (pod.spec.usesHostNetwork) {
    const message = 'the lab node runs no Pods in the network of the host (hostNetwork)';
    return { ok: false, reason: 'FailedCreatePodSandBox', message };
  }
  for (const { name, source } of pod.spec.volumes) {
    if (source.kind !== 'unsupported') continue;
    const message =
      `MountVolume.SetUp failed for volume "${name}" : the lab node has no ${source.what} ` +
      'volumes; it has emptyDir, secret, configMap, downwardAPI and projected';
    return { ok: false, reason: 'FailedMount', message };
  }
  return { ok: true, pod: withDefaultToken(pod) };
}

/**
 * A token for the API in every container that does not say otherwise. An API server with the
 * ServiceAccount admission has added it already; then nothing is left to do.
 */
function withDefaultToken(pod: PodView): PodView {
  const { spec } = pod;
  if (!spec.automountsToken) return pod;
  const lacks = ({ mounts }: ContainerSpec): boolean =>
    !mounts.some(({ path }) => path === TOKEN_MOUNT);
  const all = [...spec.initContainers, ...spec.containers];
  if (!all.some(lacks)) return pod;
  const name = `kube-api-access-${pod.uid.slice(0, 5)}`;
  const mount = {
    volume: name,
    path: TOKEN_MOUNT,
    isReadOnly: true,
    subPath: '',
    isSubPathExpanded: false,
  };
  const withToken = (container: ContainerSpec): ContainerSpec =>
    lacks(container) ? { ...container, mounts: [...container.mounts, mount] } : container;
  return {
    ...pod,
    spec: {
      ...spec,
      initContainers: spec.initContainers.map(withToken),
      containers: spec.containers.map(withToken),
      volumes: [...spec.volumes, tokenVolume(name)],
    },
  };
}

function tokenVolume(name: string): VolumeSpec {
  const namespace = {
    path: 'namespace',
    mode: undefined,
    source: { kind: 'field', path: 'metadata.namespace' },
  } as const;
  return {
    name,
    source: {
      kind: 'files',
      mode: 0o644,
      parts: [
        { kind: 'token', path: 'token', audience: '', expirationSeconds: TOKEN_SECONDS },
        {
          kind: 'configmap',
          object: 'kube-root-ca.crt',
          items: [{ key: 'ca.crt', path: 'ca.crt', mode: undefined }],
          isOptional: true, // not every API server publishes it
        },
        { kind: 'downward', items: [namespace] },
      ],
    },
  };
}

export const hostnameOf = ({ name, spec }: PodView): string =>
  (spec.hostname || name).slice(0, HOSTNAME_LENGTH_MAX).replace(/[-.]+$/, '');

/** The files of /etc that a Pod's containers have in common, by path. */
export function planPodFiles(
  pod: PodView,
  network: {
    readonly address: string;
    /** Where names are asked for. */
    readonly nameserver: string;
    /** Names that every Pod of the lab knows without asking. */
    readonly knows: readonly NameEntry[];
  },
): Readonly<Record<string, string>> {
  const { address, knows } = network;
  const aliases = pod.spec.hostAliases.map(({ ip, names }) => ({ address: ip, names }));
  const hostname = hostnameOf(pod);
  const { subdomain } = pod.spec;
  const fqdn = subdomain && `${hostname}.${subdomain}.${pod.namespace}.svc.${CLUSTER_DOMAIN}`;
  const own = { address, names: fqdn ? [fqdn, hostname] : [hostname] };
  const loopback = { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] };
  const hosts = [loopback, own, ...knows, ...aliases];
  return {
    ...planMachineFiles({ name: hostname, address, knows: [] }),
    '/etc/hosts':
      "# Managed by the lab's node.\n127.0.0.1 localhost\n" +
      hosts.map((entry) => `${entry.address} ${entry.names.join(' ')}\n`).join(''),
    '/etc/resolv.conf': renderResolvConf(pod, network.nameserver),
  };
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
function renderResolvConf({ namespace, spec }: PodView, nameserver: string): string {
  const isCluster = spec.dnsPolicy !== 'None';
  const searches = isCluster
    ? [`${namespace}.svc.${CLUSTER_DOMAIN}`, `svc.${CLUSTER_DOMAIN}`, CLUSTER_DOMAIN]
    : [];
  const nameservers = [...(isCluster ? [nameserver] : []), ...spec.dns.nameservers];
  const own = new Set(spec.dns.options.map((option) => option.split(':')[0]));
  const options = [...(isCluster && !own.has('ndots') ? ['ndots:5'] : []), ...spec.dns.options];
  const search = [...searches, ...spec.dns.searches];
  return [
    ...nameservers.map((address) => `nameserver ${address}\n`),
    ...(search.length > 0 ? [`search ${search.join(' ')}\n`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
  ].join('');
}
