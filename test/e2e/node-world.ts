// A lab with a node and an API server, for the node's own tests: everything through the API.
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '#base/log.ts';
import type { KubeClient } from '#kube/client.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import type { KubeObject } from '#kube/objects.ts';
import { EVENT, NAMESPACE, POD, type ResourceType, SERVICE_ACCOUNT } from '#kube/resources.ts';
import { isAlreadyExists, isNotFound } from '#kube/status.ts';
import { Cloud, REPOSITORY, WORKSTATION } from '#lab/cloud.ts';
import { eventually } from '#lab/eventually.ts';
import { parseLogLine } from '#lab/node/container/log.ts';
import { LabNode, type LabNodeOptions, NODE_NAME } from '#lab/node/lab-node.ts';
import { regionNetns } from '#lab/topology.ts';
import { ApiServerProcess } from './api-server.ts';

export const NS = 'default';

export class NodeWorld implements AsyncDisposable {
  readonly kube: KubeClient;
  readonly cloud: Cloud;
  readonly folder: string;
  readonly #api: ApiServerProcess;
  #node: LabNode | undefined;

  private constructor(parts: {
    readonly kube: KubeClient;
    readonly cloud: Cloud;
    readonly folder: string;
    readonly api: ApiServerProcess;
  }) {
    this.kube = parts.kube;
    this.cloud = parts.cloud;
    this.folder = parts.folder;
    this.#api = parts.api;
  }

  static async create({ hasNode = true } = {}): Promise<NodeWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-node-'));
    const [cloud, api] = await Promise.all([
      Cloud.create({ cluster: {}, vms: {}, env: process.env }),
      ApiServerProcess.start(),
    ]);
    const kube = await api.client();
    await ensure(kube, NAMESPACE, { metadata: { name: NS } });
    await ensure(kube, SERVICE_ACCOUNT, { metadata: { namespace: NS, name: 'default' } });
    const world = new NodeWorld({ kube, cloud, folder, api });
    if (hasNode) await world.startNode();
    return world;
  }

  /** The file with which one has all rights. */
  get kubeconfig(): string {
    return this.#api.kubeconfig;
  }

  get catalogueFile(): string {
    return join(this.folder, 'images.json');
  }

  get node(): LabNode {
    if (!this.#node) throw new Error('no node has been started');
    return this.#node;
  }

  async startNode(): Promise<void> {
    const { folder, kubeconfig, cloud } = this;
    const { logsDir } = cloud;
    this.#node = await LabNode.start(await nodeOptions({ folder, kubeconfig, logsDir }));
  }

  async createPod(name: string, spec: Readonly<Record<string, unknown>>): Promise<KubeObject> {
    const metadata = { name, namespace: NS, labels: { app: name } };
    return await this.kube.create(POD, { metadata, spec: { nodeName: NODE_NAME, ...spec } });
  }

  async pod(name: string): Promise<KubeObject | undefined> {
    try {
      return await this.kube.get(POD, { namespace: NS, name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** The Pod, once its status is as wanted. */
  async awaitPod(
    name: string,
    what: string,
    isAsWanted: (status: PodStatus) => boolean,
  ): Promise<PodStatus> {
    return await eventually(`Pod ${name} ${what}`, async () => {
      const object = await this.pod(name);
      const status = object && readStatus(object);
      return status && isAsWanted(status) ? status : undefined;
    });
  }

  async awaitRunning(name: string): Promise<PodStatus> {
    return await this.awaitPod(name, 'ready', ({ isReady }) => isReady);
  }

  async deletePod(name: string): Promise<void> {
    await this.kube.remove(POD, { namespace: NS, name });
    await eventually(
      `Pod ${name} gone`,
      async () => (await this.pod(name)) === undefined || undefined,
    );
  }

  /** A container's log as the node's file has it. */
  logPath(pod: string, container = 'main'): { readonly read: () => string } {
    const pattern = `${this.cloud.logsDir}/pods/${NS}_${pod}_*/${container}/*.log`;
    const read = (): string =>
      globSync(pattern)
        .map((path) => readFileSync(path, 'utf8'))
        .join('');
    return { read };
  }

  /** What a container has printed, once there are so many lines. */
  async logLines(pod: string, count: number, container = 'main'): Promise<readonly string[]> {
    const log = this.logPath(pod, container);
    return await eventually(`${count} lines of ${pod}`, async () => {
      const entries = log.read().split('\n');
      const lines = entries.flatMap((line) => parseLogLine(line)?.text ?? []);
      return lines.length >= count ? lines : undefined;
    });
  }

  /** `reason: message` of a Pod's Events, in the order in which they were first said. */
  async events(
    name: string,
  ): Promise<readonly { reason: string; message: string; count: number }[]> {
    const fieldSelector = `involvedObject.name=${name}`;
    const { items } = await this.kube.list(EVENT, { namespace: NS, fieldSelector });
    return items.map((event) => ({
      reason: textAt(event, 'reason'),
      message: textAt(event, 'message'),
      count: Number(event['count']),
    }));
  }

  async awaitEvent(name: string, reason: string, message: RegExp): Promise<string> {
    return await eventually(`${reason} of Pod ${name}`, async () => {
      const events = await this.events(name);
      return events.find((it) => it.reason === reason && message.test(it.message))?.message;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
    await this.#api[Symbol.asyncDispose]();
    await this.cloud[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }
}

export async function nodeOptions(parts: {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly logsDir: string;
}): Promise<LabNodeOptions> {
  const { folder, kubeconfig, logsDir } = parts;
  return {
    kubeconfig: await loadKubeconfig(kubeconfig),
    address: WORKSTATION.address,
    port: 0,
    router: regionNetns('cluster'),
    nameserver: '10.96.0.10',
    catalogueFile: join(folder, 'images.json'),
    repository: REPOSITORY,
    logsDir,
    env: process.env,
    backoff: { firstMs: 400, maxMs: 3_000 },
    volumeSyncMs: 500,
    log: createLogger('node', { level: 'error' }),
  };
}

export async function ensure(
  kube: KubeClient,
  type: ResourceType,
  object: KubeObject,
): Promise<void> {
  try {
    await kube.create(type, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

export type ContainerStatus = {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly message: string;
  readonly exitCode: number;
  readonly lastReason: string;
  readonly lastExitCode: number;
  readonly isReady: boolean;
  readonly restartCount: number;
};

export type PodStatus = {
  readonly phase: string;
  readonly podIp: string;
  readonly isReady: boolean;
  readonly conditions: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerStatus[];
  readonly init: readonly ContainerStatus[];
};

function readStatus(object: KubeObject): PodStatus {
  const status = fieldsOf(object.status);
  const conditions = Object.fromEntries(
    objectsAt(status, 'conditions').map((it) => [textAt(it, 'type'), textAt(it, 'status')]),
  );
  return {
    phase: textAt(status, 'phase'),
    podIp: textAt(status, 'podIP'),
    isReady: conditions['Ready'] === 'True',
    conditions,
    containers: objectsAt(status, 'containerStatuses').map(readContainerStatus),
    init: objectsAt(status, 'initContainerStatuses').map(readContainerStatus),
  };
}

function readContainerStatus(status: Readonly<Record<string, unknown>>): ContainerStatus {
  const [state, about] = Object.entries(fieldsOf(status, 'state'))[0] ?? ['', {}];
  const fields = fieldsOf(about);
  const last = fieldsOf(status, 'lastState', 'terminated');
  return {
    name: textAt(status, 'name'),
    state,
    reason: textAt(fields, 'reason'),
    message: textAt(fields, 'message'),
    exitCode: Number(fields['exitCode']),
    lastReason: textAt(last, 'reason'),
    lastExitCode: Number(last['exitCode']),
    isReady: status['ready'] === true,
    restartCount: Number(status['restartCount']),
  };
}
