// The Service `kubernetes` in `default`: how Pods reach this server, as in every cluster.
import { isIP } from 'node:net';
import type { Logger } from '#base/log.ts';
import { SERVER_USER } from './auth/user.ts';
import { createIfMissing, deleteIfThere, scopeFor, updateIfThere } from './controllers/objects.ts';
import { draftOf } from './object.ts';
import type { JsonObject } from './object.ts';
import type { Backend } from './registry/scope.ts';
import { StatusError } from './status.ts';

const NAME = 'kubernetes';
const NAMESPACE = 'default';
const MANAGER = SERVER_USER.username;
const HTTPS = { name: 'https', protocol: 'TCP' };
const SERVICE_PORT = 443;
const SLICES = 'endpointslices.discovery.k8s.io';

export type OwnAddress = {
  /** Of the Service: the first of its range. */
  readonly clusterIp: string;
  /** Where this server listens. */
  readonly host: string;
  readonly port: number;
};

/**
 * Says where this server is, at every start anew. Of a server that listens on the loopback address
 * only, or on all without naming one, there is a Service without endpoints: Pods cannot reach it.
 */
export async function announceServer(
  backend: Backend,
  address: OwnAddress,
  log: Logger,
): Promise<void> {
  try {
    await putService(backend, address);
    await putEndpoints(backend, address);
  } catch (error) {
    // Somebody may have its address, from before there was this Service. The rest works without.
    if (!(error instanceof StatusError)) throw error;
    log.warn('the Service kubernetes could not be written', { why: error.message });
  }
}

async function put(
  backend: Backend,
  resource: string,
  { labels = {}, ...fields }: JsonObject & { readonly labels?: JsonObject },
): Promise<void> {
  const scope = scopeFor(backend, { resource, namespace: NAMESPACE }, MANAGER);
  const { kind } = scope.served;
  const apiVersion = kind.group === '' ? 'v1' : `${kind.group}/v1`;
  const metadata = { name: NAME, namespace: NAMESPACE, labels };
  const created = await createIfMissing(scope, {
    apiVersion,
    kind: kind.kind,
    metadata,
    ...fields,
  });
  if (!created) await updateIfThere(scope, NAME, (found) => ({ ...draftOf(found), ...fields }));
}

async function putService(backend: Backend, { clusterIp, port }: OwnAddress): Promise<void> {
  const ports = [{ ...HTTPS, port: SERVICE_PORT, targetPort: port }];
  const labels = { component: 'apiserver', provider: NAME };
  const ips = { clusterIP: clusterIp, clusterIPs: [clusterIp] };
  await put(backend, 'services', { labels, spec: { type: 'ClusterIP', ...ips, ports } });
}

/** The slice is made here and not mirrored from the Endpoints, which say so. */
async function putEndpoints(backend: Backend, { host, port }: OwnAddress): Promise<void> {
  const ports = [{ ...HTTPS, port }];
  const subsets = isReachable(host) ? [{ addresses: [{ ip: host }], ports }] : [];
  const skip = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  await put(backend, 'endpoints', { labels: skip, subsets });
  const scope = scopeFor(backend, { resource: SLICES, namespace: NAMESPACE }, MANAGER);
  const addressType = isIP(host) === 6 ? 'IPv6' : 'IPv4';
  const { store } = backend;
  const present = store.get({ resource: SLICES, namespace: NAMESPACE, name: NAME });
  // The family of a slice's addresses cannot be changed.
  if (!isReachable(host) || (present && present['addressType'] !== addressType)) {
    await deleteIfThere(scope, NAME);
  }
  if (!isReachable(host)) return;
  await put(backend, SLICES, {
    labels: { 'kubernetes.io/service-name': NAME },
    addressType,
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports,
  });
}

/** Is it an address that others can have meant: neither loopback nor all of this machine's? */
function isReachable(host: string): boolean {
  return isIP(host) !== 0 && !/^(?:127\.|169\.254\.|0\.0\.0\.0$|::1?$|fe[89ab])/i.test(host);
}
