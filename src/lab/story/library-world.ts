// Where the library story plays: a cluster of real Kubernetes objects with a node that runs them,
// and a VM with PostgreSQL in another region. Nothing of the mesh but its control plane stands yet.
import { mkdirSync } from 'node:fs';
import { createLogger } from '#base/log.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { NAMESPACE, SERVICE_ACCOUNT } from '#kube/resources.ts';
import { isAlreadyExists } from '#kube/status.ts';
import { Cloud, POD_CIDR, REPOSITORY, VM_CIDR, WORKSTATION } from '../cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, XDS_PORT } from '../cluster.ts';
import { meshConfig } from '../library-mesh.ts';
import { LoadBalancer } from '../load-balancer/load-balancer.ts';
import { LOAD_BALANCER_CIDR } from '../load-balancer/plan.ts';
import { controlPlaneService, NAMESPACE_OF_STORY } from '../manifests.ts';
import { catalogueFile, labStateDir } from '../node/image/catalogue-file.ts';
import { LabNode } from '../node/lab-node.ts';
import { Postgres } from '../postgres.ts';
import { LAB_ROOT } from '../sandbox.ts';
import { regionNetns } from '../topology.ts';
import { Kubectl } from './kubectl.ts';
import { NoNames } from './no-names.ts';

export const VM = { name: 'postgresql-1-vm', address: '10.128.0.14', port: 5432 } as const;
export const CONTROL_PLANE = { name: 'isthmusd', address: '10.24.0.10' } as const;
const ANYWHERE = '0.0.0.0/0';
const HTTP_PORT = 80;
const STATE_DIR = `${LAB_ROOT}/story`;
/** kubelet's 10 s would be long in a story of a minute. */
const RESTART_BACKOFF = { firstMs: 1_000, maxMs: 5_000 };

export class LibraryWorld implements AsyncDisposable {
  readonly cloud: Cloud;
  readonly cluster: Cluster;
  readonly postgres: Postgres;
  readonly kubectl: Kubectl;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly cloud: Cloud;
    readonly cluster: Cluster;
    readonly postgres: Postgres;
    readonly kubectl: Kubectl;
    readonly owned: AsyncDisposableStack;
  }) {
    this.cloud = parts.cloud;
    this.cluster = parts.cluster;
    this.postgres = parts.postgres;
    this.kubectl = parts.kubectl;
    this.#owned = parts.owned;
  }

  /** @throws OperatorError LAB_FAILED, POSTGRES_FAILED, TOOL_MISSING */
  static async create(options: {
    readonly env: NodeJS.ProcessEnv;
    readonly logsDir?: string;
  }): Promise<LibraryWorld> {
    const { env, logsDir } = options;
    await using stack = new AsyncDisposableStack();
    const cloud = stack.use(await buildCloud(env, logsDir));
    const [postgres, cluster] = await Promise.all([
      Postgres.install(cloud.machine(VM.name)).then((it) => stack.use(it)),
      Cluster.start(cloud.machine(CONTROL_PLANE.name)).then((it) => stack.use(it)),
    ]);
    await prepareCluster(cluster);
    stack.use(await NoNames.listen(WORKSTATION.address));
    const log = createLogger('load-balancer', { level: 'error' });
    stack.use(LoadBalancer.start({ client: cluster.kube, podCidr: POD_CIDR, log }));
    stack.use(await startNode({ cloud, cluster, env }));
    const cacheDir = `${STATE_DIR}/kubectl`;
    mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
    const { kubeconfig } = cluster;
    const kubectl = new Kubectl({ kubeconfig, cacheDir, logsDir: cloud.logsDir, env });
    return new LibraryWorld({ cloud, cluster, postgres, kubectl, owned: stack.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function buildCloud(env: NodeJS.ProcessEnv, logsDir: string | undefined): Promise<Cloud> {
  const cloud = await Cloud.create({
    cluster: { [CONTROL_PLANE.name]: CONTROL_PLANE.address },
    vms: { [VM.name]: VM.address },
    env,
    ...(logsDir !== undefined && { logsDir }),
  });
  const to = LOAD_BALANCER_CIDR;
  await cloud.firewall.allow(
    { name: 'browsers to gateways', from: ANYWHERE, to, tcpPort: HTTP_PORT },
    { name: 'VMs to gateways', from: VM_CIDR, to, tcpPort: XDS_PORT },
  );
  return cloud;
}

/** What an installation brings, and the namespace that every cluster has. */
async function prepareCluster(cluster: Cluster): Promise<void> {
  await cluster.apply(meshConfig(false), ...controlPlaneService(CONTROL_PLANE.address));
  const namespace = { metadata: { name: NAMESPACE_OF_STORY } };
  const account = { metadata: { namespace: NAMESPACE_OF_STORY, name: 'default' } };
  await ignoringExisting(cluster.kube.create(NAMESPACE, namespace));
  await ignoringExisting(cluster.kube.create(SERVICE_ACCOUNT, account));
}

async function ignoringExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function startNode(parts: {
  readonly cloud: Cloud;
  readonly cluster: Cluster;
  readonly env: NodeJS.ProcessEnv;
}): Promise<LabNode> {
  const { cloud, cluster, env } = parts;
  return await LabNode.start({
    kubeconfig: await loadKubeconfig(cluster.kubeconfig),
    address: WORKSTATION.address,
    router: regionNetns('cluster'),
    nameserver: WORKSTATION.address,
    knows: [{ address: CONTROL_PLANE.address, names: [CONTROL_PLANE_NAME] }],
    catalogueFile: catalogueFile(labStateDir(env)), // where `isthmus lab image add` puts them
    repository: REPOSITORY,
    logsDir: cloud.logsDir,
    env,
    backoff: RESTART_BACKOFF,
    log: createLogger('node', { level: 'error' }),
  });
}
