// The lab's node: a kubelet whose containers are processes of this machine in namespaces of their
// own. A client of the Kubernetes API like any other; it must run inside the lab's sandbox.
import { randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { type Clock, systemClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import type { KubeClient } from '#kube/client.ts';
import { createEventRecorder } from '#kube/event-recorder.ts';
import { createKubeClient } from '#kube/https-client.ts';
import type { KubeConfig } from '#kube/kubeconfig.ts';
import { createReflector } from '#kube/reflector.ts';
import { POD } from '#kube/resources.ts';
import type { NameEntry } from '../machine-files.ts';
import { LAB_ROOT } from '../sandbox.ts';
import { AddressPool } from './address-pool.ts';
import { EventQueue } from './events.ts';
import { builtInImages, SYSTEM_PATH } from './image/built-in.ts';
import { createImageSource } from './image/source.ts';
import { capacityOf, type NodeFacts } from './node-object.ts';
import type { NodeParts, NodeTiming } from './parts.ts';
import { removeStalePods } from './pod-network.ts';
import { PodTable } from './pod-table.ts';
import { KUBELET_BACKOFF, type RestartBackoff } from './pod/restart.ts';
import { keepHeartbeat, registerNode } from './registration.ts';
import { KubeletServer } from './server/kubelet-server.ts';
import { runServiceProxy } from './service-proxy/service-proxy.ts';

export type LabNodeOptions = {
  /** A user that may do what a node does; its authority is also that of the endpoint's clients. */
  readonly kubeconfig: KubeConfig;
  /** Where the API server reaches this process: the kubelet endpoint, and the Pods' hostIP. */
  readonly address: string;
  /** Default 10250; 0: any free one. */
  readonly port?: number;
  /** Network namespace of the region's router, which the Pods hang on. */
  readonly router: string;
  /** Part of the region's range that no machine of the lab has an address in. */
  readonly podCidr?: string;
  /** Where Pods ask for names. */
  readonly nameserver: string;
  /** Names that every Pod knows without asking. */
  readonly knows?: readonly NameEntry[];
  /** The user's image catalogue. */
  readonly catalogueFile: string;
  /** Folder with bin/isthmus.js and library/. */
  readonly repository: string;
  readonly logsDir: string;
  /** Of the lab: its id and the choice of Envoy are taken from it. */
  readonly env: NodeJS.ProcessEnv;
  readonly name?: string;
  readonly region?: string;
  readonly zone?: string;
  /** Default kubelet's, 10 s to 300 s. */
  readonly backoff?: RestartBackoff;
  /** How often volumes' Secrets, ConfigMaps and tokens are looked at; default kubelet's minute. */
  readonly volumeSyncMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log: Logger;
};

export const NODE_NAME = 'lab-node';
const POD_CIDR = '10.24.2.0/24';
const KUBELET_PORT = 10_250;
const RUN_DIR = `${LAB_ROOT}/node`;
const VOLUME_SYNC_MS = 60_000;
const HEARTBEAT_MS = 30_000;
/** kubelet looks again at its next sync, at most 10 s later; the lab is less patient. */
const RETRY_MAX_MS = 2_000;

export class LabNode implements AsyncDisposable {
  readonly name: string;
  /** Port of the kubelet endpoint. */
  readonly port: number;
  readonly #stop: AbortController;
  readonly #running: Promise<void>;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly name: string;
    readonly port: number;
    readonly stop: AbortController;
    readonly running: Promise<void>;
    readonly owned: AsyncDisposableStack;
  }) {
    this.name = parts.name;
    this.port = parts.port;
    this.#stop = parts.stop;
    this.#running = parts.running;
    this.#owned = parts.owned;
  }

  /**
   * Registers the node and returns once it has seen its Pods. What a node before it left behind is
   * ended first.
   *
   * @throws OperatorError, KubeStatusError
   */
  static async start(options: LabNodeOptions): Promise<LabNode> {
    const { kubeconfig, clock = systemClock, log, name = NODE_NAME, router } = options;
    await using stack = new AsyncDisposableStack();
    const client = createKubeClient(kubeconfig, { clock });
    stack.defer(() => client.close());
    const stale = await removeStalePods(router);
    if (stale > 0) log.warn('ended Pods of a node before this one', { pods: stale });
    rmSync(RUN_DIR, { recursive: true, force: true });
    mkdirSync(RUN_DIR, { recursive: true, mode: 0o700 });
    const stop = new AbortController();
    const parts = nodeParts(options, client);
    const pods = new PodTable(parts.node);
    const server = stack.use(await openServer(options, pods, clock));
    const facts = nodeFacts(options, server.port);
    const timing = { clock, leaseMs: HEARTBEAT_MS, signal: stop.signal };
    await registerNode(client, facts, timing);
    const reflector = createReflector({
      client,
      type: POD,
      selection: { fieldSelector: `spec.nodeName=${name}` },
      clock,
      random: parts.node.random,
      log,
      store: pods,
    });
    const running = runTasks(stop.signal, [
      (signal) => reflector.run(signal),
      (signal) => parts.events.run(signal),
      (signal) => keepHeartbeat(client, name, { ...timing, log, signal }),
      (signal) => pods.run(signal),
      (signal) =>
        runServiceProxy({ client, router, clock, random: parts.node.random, log }, signal),
    ]);
    await Promise.race([reflector.synced, running]);
    log.info('node ready', { name, address: options.address, port: server.port });
    return new LabNode({ name, port: server.port, stop, running, owned: stack.move() });
  }

  /** Ends its Pods' processes; the Pods stay in the API. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#owned.disposeAsync();
  }
}

async function openServer(
  { kubeconfig, address, port = KUBELET_PORT, log }: LabNodeOptions,
  pods: PodTable,
  clock: Clock,
): Promise<KubeletServer> {
  const clientAuthorityPem = kubeconfig.caPem ?? '';
  const folder = RUN_DIR;
  return await KubeletServer.open({
    host: address,
    port,
    clientAuthorityPem,
    pods,
    folder,
    clock,
    log,
  });
}

function nodeParts(
  options: LabNodeOptions,
  client: KubeClient,
): { readonly node: NodeParts; readonly events: EventQueue } {
  const { clock = systemClock, random = randomFraction, log, env, name = NODE_NAME } = options;
  const recorder = createEventRecorder({ client, component: 'kubelet', clock, random, log });
  const events = new EventQueue(recorder);
  const envoy = env['ISTHMUS_ENVOY'];
  const builtIn = builtInImages({
    repository: options.repository,
    node: realpathSync(process.execPath),
    envoy: envoy === undefined ? undefined : realpathSync(envoy),
  });
  const node: NodeParts = {
    name,
    address: options.address,
    client,
    clock,
    random,
    log,
    timing: timingOf(options),
    images: createImageSource({ file: options.catalogueFile, builtIn, clock }),
    addresses: new AddressPool(options.podCidr ?? POD_CIDR),
    router: options.router,
    nameserver: options.nameserver,
    knows: options.knows ?? [],
    env: containerEnv(options),
    allocatable: capacityOf(machineFacts()),
    runDir: RUN_DIR,
    logsDir: `${options.logsDir}/pods`,
    note: events.note,
  };
  return { node, events };
}

function timingOf({ backoff = KUBELET_BACKOFF, volumeSyncMs }: LabNodeOptions): NodeTiming {
  return {
    backoff,
    retryMs: Math.min(backoff.firstMs, RETRY_MAX_MS),
    volumeSyncMs: volumeSyncMs ?? VOLUME_SYNC_MS,
    leaseMs: HEARTBEAT_MS,
  };
}

/** What every container finds: where programs are, and where the API server is. */
function containerEnv({ kubeconfig, env }: LabNodeOptions): Readonly<Record<string, string>> {
  const { hostname, port } = new URL(kubeconfig.server);
  const labId = env['ISTHMUS_LAB_ID'];
  return {
    PATH: SYSTEM_PATH,
    HOME: '/root',
    LANG: 'C.UTF-8',
    KUBERNETES_SERVICE_HOST: hostname.replaceAll(/[[\]]/g, ''),
    KUBERNETES_SERVICE_PORT: port || '443',
    KUBERNETES_SERVICE_PORT_HTTPS: port || '443',
    ...(labId !== undefined && { ISTHMUS_LAB_ID: labId }),
  };
}

const machineFacts = () => ({ cpus: availableParallelism(), memoryBytes: totalmem() });

function nodeFacts(options: LabNodeOptions, kubeletPort: number): NodeFacts {
  const { name = NODE_NAME, address, region = 'cluster', zone = 'cluster-a' } = options;
  return {
    name,
    address,
    kubeletPort,
    podCidr: options.podCidr ?? POD_CIDR,
    region,
    zone,
    ...machineFacts(),
    kernel: release(),
    architecture: arch() === 'x64' ? 'amd64' : arch(),
  };
}

const randomFraction = (): number => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
