// The mesh that is measured: the API server and isthmusd as processes of their own, Services with
// their EndpointSlices written through the API as anybody would, and proxies with certificates of
// the mesh's own authority.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loadOrCreateAuthority } from '#ca/root-secret.ts';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { ENDPOINT_SLICE, POD, SERVICE } from '#kube/resources.ts';
import { destinationClusterName, outboundName } from '#resolve/names.ts';
import { MeasuredProcess } from './process.ts';
import type { ProxySpec } from './xds-proxies.ts';

const NAMESPACE = 'default';
const PORT = 5432;
const TRUST_DOMAIN = 'cluster.local';
/** Requests to the API server at a time while the mesh is filled. */
const WRITERS = 16;
const DAY_MS = 24 * 3600 * 1000;
export const ENDPOINTS_PER_SERVICE = 10;

export type ServiceHandle = {
  readonly index: number;
  /** The cluster that a connection to its address asks for. */
  readonly destination: string;
  /** The name of its endpoints. */
  readonly endpoints: string;
};

export type ProxyCredentials = {
  readonly ca: string;
  readonly serverName: string;
  readonly key: string;
  readonly specs: readonly ProxySpec[];
};

export class BenchMesh implements AsyncDisposable {
  readonly isthmusd: MeasuredProcess;
  readonly services: ServiceHandle[] = [];
  readonly #apiServer: MeasuredProcess;
  readonly #client: KubeClient;
  readonly #folder: string;

  private constructor(options: {
    readonly isthmusd: MeasuredProcess;
    readonly apiServer: MeasuredProcess;
    readonly client: KubeClient;
    readonly folder: string;
    readonly services: readonly ServiceHandle[];
  }) {
    this.isthmusd = options.isthmusd;
    this.#apiServer = options.apiServer;
    this.#client = options.client;
    this.#folder = options.folder;
    this.services.push(...options.services);
  }

  /** isthmusd is started last: it finds the mesh as it is, as after a restart. */
  static async start(size: {
    readonly services: number;
    readonly proxies: number;
  }): Promise<BenchMesh> {
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-bench-'));
    const onAnyPort = ['--listen', '127.0.0.1:0'];
    const apiServer = await MeasuredProcess.start([
      'apiserver',
      '--data-dir',
      folder,
      ...onAnyPort,
    ]);
    const client = createKubeClient(await loadKubeconfig(join(folder, 'admin.kubeconfig')));
    const services = await inParallel(size.services, (index) => createService(client, index));
    await inParallel(size.proxies, (index) => createPod(client, index));
    const kubeconfig = join(folder, 'isthmusd.kubeconfig');
    const monitoring = ['--monitoring', '127.0.0.1:0', '--console', '127.0.0.1:0'];
    const isthmusd = await MeasuredProcess.start([
      'isthmusd',
      '--kubeconfig',
      kubeconfig,
      '--state-dir',
      join(folder, 'isthmusd'),
      ...onAnyPort,
      ...monitoring,
    ]);
    return new BenchMesh({ isthmusd, apiServer, client, folder, services });
  }

  get port(): number {
    return Number(this.isthmusd.readyText);
  }

  /** @param used how many services the proxy of this index uses: a different stretch each */
  async credentials(options: {
    readonly proxies: number;
    readonly used: number;
  }): Promise<ProxyCredentials> {
    const authority = await loadOrCreateAuthority({
      client: this.#client,
      trustDomain: TRUST_DOMAIN,
      clock: systemClock,
      log: silentLogger,
    });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    const specs = Array.from({ length: options.proxies }, (_, index) => {
      const workload = { kind: 'Pod' as const, name: podName(index) };
      const { chainPem } = authority.issueWorkload({
        publicKey,
        isRsa: false,
        identity: {
          trustDomain: TRUST_DOMAIN,
          namespace: NAMESPACE,
          serviceAccount: 'default',
          workload,
        },
        lifetimeMs: DAY_MS,
        nowMs: systemClock.nowMs(),
      });
      return { cert: chainPem, destinations: this.#destinations(index, options.used) };
    });
    return {
      ca: authority.trustBundlePem,
      serverName: 'istiod.istio-system.svc',
      key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      specs,
    };
  }

  async addService(): Promise<void> {
    this.services.push(await createService(this.#client, this.services.length));
  }

  /** Moves one endpoint of a service to another address. */
  async changeEndpoint(service: ServiceHandle, round: number): Promise<void> {
    const ref = { namespace: NAMESPACE, name: sliceName(service.index) };
    const patch = { endpoints: endpointsOf(service.index, round) };
    await this.#client.patch(ENDPOINT_SLICE, ref, patch, { kind: 'merge' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.isthmusd[Symbol.asyncDispose]();
    await this.#apiServer[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #destinations(proxyIndex: number, used: number): string[] {
    return Array.from({ length: used }, (_, offset) => {
      const service = this.services[(proxyIndex * used + offset) % this.services.length];
      return service?.destination ?? '';
    });
  }
}

const serviceName = (index: number): string => `service-${index}`;
const sliceName = (index: number): string => `${serviceName(index)}-slice`;
const podName = (index: number): string => `proxy-${index}`;

async function createService(client: KubeClient, index: number): Promise<ServiceHandle> {
  const name = serviceName(index);
  const ports = [{ name: 'tcp-database', port: PORT, targetPort: PORT, protocol: 'TCP' }];
  const service = await client.create(SERVICE, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name },
    spec: { ports },
  });
  await client.create(ENDPOINT_SLICE, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: NAMESPACE,
      name: sliceName(index),
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints: endpointsOf(index, 0),
    ports: [{ name: 'tcp-database', port: PORT, protocol: 'TCP' }],
  });
  const host = `${name}.${NAMESPACE}.svc.${TRUST_DOMAIN}`;
  return {
    index,
    destination: destinationClusterName({ address: clusterIpOf(service), port: PORT }),
    endpoints: outboundName({ host, port: PORT }),
  };
}

/** @param round the first endpoint has another address in each, up to 400 */
function endpointsOf(index: number, round: number): unknown[] {
  return Array.from({ length: ENDPOINTS_PER_SERVICE }, (_, endpoint) => {
    const isMoved = endpoint === 0 && round > 0;
    const network = isMoved ? 100 + (round % 100) : 20;
    const subnet = (index >> 4) + (isMoved ? 64 * (Math.floor(round / 100) % 4) : 0);
    const address = `10.${network}.${subnet}.${(index % 16) * 16 + endpoint}`;
    return { addresses: [address], conditions: { ready: true } };
  });
}

async function createPod(client: KubeClient, index: number): Promise<void> {
  const metadata = { namespace: NAMESPACE, name: podName(index), labels: { app: 'proxy' } };
  const containers = [{ name: 'app', image: 'app' }];
  const podIP = `10.30.${index >> 8}.${index % 256}`;
  await client.create(POD, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { serviceAccountName: 'default', containers },
  });
  const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] };
  const ref = { namespace: NAMESPACE, name: podName(index) };
  await client.patch(POD, ref, { status }, { kind: 'merge', subresource: 'status' });
}

function clusterIpOf(service: KubeObject): string {
  const clusterIp = isRecord(service.spec) ? service.spec['clusterIP'] : undefined;
  if (typeof clusterIp !== 'string') throw new Error(`${service.metadata.name} has no clusterIP`);
  return clusterIp;
}

/** Runs `work` for 0 … count - 1, some at a time; results in order. */
async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return results;
}
