// Istio's recorded cases (group `simulation`: where calls end; `routes`: the clusters of virtual
// hosts), read into our model: the objects, and the proxy as the Pod that it is beside.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { KINDS } from '#istio/kinds.ts';
import { isKubeObject, isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { createMesh } from '#model/mesh.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '../catalog.ts';
import type { Call, Outcome } from './simulate.ts';

type Json = Readonly<Record<string, unknown>>;

export type World = {
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;
  readonly identity: WorkloadIdentity;
  readonly labels: Readonly<Record<string, string>>;
};

const TYPES: ReadonlyMap<string, ResourceType> = new Map(
  [
    ...KINDS.map(({ type }) => type),
    kube.CONFIG_MAP,
    kube.ENDPOINT_SLICE,
    kube.NAMESPACE,
    kube.NODE,
    kube.POD,
    kube.SERVICE,
  ].map((type) => [`${type.group}/${type.kind}`, type]),
);

/** A case's configuration in force, and the proxy that it speaks of in it. */
export function worldOf(entry: Json): World {
  const mesh = createMesh();
  const catalog = new MeshCatalog(mesh);
  const proxy = recordAt(entry, 'proxy');
  const metadata = recordAt(proxy, 'metadata');
  const namespace = textAt(metadata, 'NAMESPACE') || textAt(proxy, 'config_namespace');
  const labels = textsOf(proxy['labels']);
  const objects = listAt(recordAt(entry, 'config'), 'Kubernetes');
  const isGateway = proxy['type'] === 'router';
  const ips = listAt(proxy, 'ips').map(String);
  const all = [...objects, meshConfig(entry), pod({ namespace, labels, ips, isGateway })];
  for (const object of all) ingest(mesh, object);
  mesh.commit();
  const workload = { kind: 'Pod', name: 'app' } as const;
  const trustDomain = 'cluster.local';
  const identity = { trustDomain, namespace, serviceAccount: 'default', workload };
  return { mesh, catalog, identity, labels };
}

function ingest(mesh: Mesh, object: unknown): void {
  if (!isKubeObject(object)) throw new Error(`no object: ${JSON.stringify(object)}`);
  const { apiVersion = '', kind = '' } = object;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const type = TYPES.get(`${group}/${kind}`);
  if (type === undefined) throw new Error(`of a kind that is none of ours: ${apiVersion} ${kind}`);
  mesh.ingest(type, object, 'applied');
}

function meshConfig(entry: Json): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify(entry['mesh_overrides'] ?? {}) },
  };
}

/** Gateways are such by their own word here, which Istio asks of the proxy. */
function pod(options: {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
  readonly isGateway: boolean;
}): KubeObject {
  const { namespace, labels, ips, isGateway } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      namespace,
      labels: { ...labels, 'security.istio.io/tlsMode': 'istio' },
      ...(isGateway && { annotations: { 'inject.istio.io/templates': 'gateway' } }),
    },
    spec: { serviceAccountName: 'default', containers: [] },
    status: {
      phase: 'Running',
      podIP: ips[0] ?? '',
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

export type Expectation = { readonly name: string; readonly call: Call; readonly expect: Json };

/** The calls of a case, with Istio's own defaults where they do not say. */
export function callsOf(entry: Json): readonly Expectation[] {
  return listAt(entry, 'calls').map((one) => {
    const recorded = isRecord(one) ? one : {};
    const call = callOf(recordAt(recorded, 'call'));
    return { name: textAt(recorded, 'name'), call, expect: recordAt(recorded, 'expect') };
  });
}

const MESH_ALPN = { http: 'istio-http/1.1', http2: 'istio-h2', tcp: 'istio' } as const;
const ALPN = { http: 'http/1.1', http2: 'h2', tcp: '' } as const;

function callOf(call: Json): Call {
  const tls = oneOf(['plaintext', 'tls', 'mtls'] as const, textAt(call, 'tls'));
  const protocol = oneOf(['http', 'http2', 'tcp'] as const, textAt(call, 'protocol'));
  const host = textAt(call, 'host');
  const offered = { plaintext: '', tls: ALPN[protocol], mtls: MESH_ALPN[protocol] }[tls];
  return {
    address: textAt(call, 'address') || '1.3.3.7',
    port: Number(call['port']),
    tls,
    protocol,
    host,
    sni: textAt(call, 'sni') || (tls === 'tls' ? host : ''),
    alpn: textAt(call, 'alpn') || offered,
    path: textAt(call, 'path') || '/',
    headers: textsOf(call['headers']),
    isInbound: call['mode'] === 'inbound',
    certificate: textAt(call, 'mtlsSecretConfigName') || 'default',
  };
}

/**
 * What differs in meaning: the cluster, or how the call is refused. Names of listeners, chains and
 * tables are Istio's own.
 */
export function differenceOf(outcome: Outcome, expect: Json): string | undefined {
  const refusal = refusalOf(textAt(expect, 'error'));
  if (refusal !== outcome.refusal) return `${refusal ?? 'an answer'} ≠ ${JSON.stringify(outcome)}`;
  const cluster = textAt(expect, 'cluster');
  // what may not be called is refused, whether by 502 or by closing the connection
  if (cluster === 'BlackHoleCluster' && outcome.route === 'block_all') return undefined;
  if (cluster !== '' && !isSameCluster(outcome.cluster ?? '', cluster)) {
    return `${cluster} ≠ ${JSON.stringify(outcome)}`;
  }
  const isBlocked = textAt(expect, 'virtualHost') === 'block_all';
  if (isBlocked && outcome.route !== 'block_all') return `502 ≠ ${JSON.stringify(outcome)}`;
  return undefined;
}

function refusalOf(error: string): Outcome['refusal'] {
  switch (error) {
    case '':
      return undefined;
    case 'ErrTLSRedirect':
      return 'to https';
    case 'ErrNoRoute':
    case 'ErrNoVirtualHost':
      return 'not found';
    default:
      return 'closed';
  }
}

/** The gateways' cases were recorded without a domain for Services: `a.default` is a Service's. */
export const isSameCluster = (ours: string, theirs: string): boolean =>
  ours === theirs ||
  (/^[^|]*\|[^|]*\|[^|]*\|[^.|]+\.[^.|]+$/.test(theirs) && ours === `${theirs}.svc.cluster.local`);

/** The first is the default. */
function oneOf<const T extends string>(all: readonly [T, ...T[]], text: string): T {
  return all.find((one) => one === text) ?? all[0];
}

export function recordAt(record: Json, name: string): Json {
  const value = record[name];
  return isRecord(value) ? value : {};
}

function listAt(record: Json, name: string): readonly unknown[] {
  const value = record[name];
  return Array.isArray(value) ? value : [];
}

export function textAt(record: Json, name: string): string {
  const value = record[name];
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]))
    : {};
}
