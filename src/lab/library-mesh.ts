// The story's whole setting, standing: a cluster region with the control plane and the client's
// Pod, a VM region with PostgreSQL, both in the mesh, and a firewall between them.
import type { Capture } from './capture.ts';
import { Cloud, POD_CIDR, SERVICE_CIDR, VM_CIDR } from './cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, XDS_PORT } from './cluster.ts';
import { createTables, type Target } from './library.ts';
import * as manifests from './manifests.ts';
import { Postgres, POSTGRES_PORT } from './postgres.ts';
import { Sidecar } from './sidecar.ts';
import type { Setting } from './story/setting.ts';

/** The story's own names and addresses; the VM's service is called like the VM. */
export const CLIENT = 'inventory';
export const VM = 'postgresql-1-vm';
const CONTROL_PLANE = 'isthmusd';
const CLIENT_ADDRESS = '10.24.2.23';
const VM_ADDRESS = '10.128.0.14';
const CONTROL_PLANE_ADDRESS = '10.24.0.10';
/** In the Service range; nothing has it: the client's Envoy takes what is sent there. */
const CLUSTER_IP = '10.96.54.32';
const ELSEWHERE_IP = '10.96.54.33';
const ELSEWHERE_ADDRESS = '10.24.3.7';

/** Services, pods and VMs, whatever address is dialled, and Istio's automatic addresses. */
const MESH_RANGES = [SERVICE_CIDR, POD_CIDR, VM_CIDR, '240.240.0.0/16'];

/** The mesh's settings in the story: mutual TLS where both ends can, or not, or as by default. */
export const meshConfig = (enableAutoMtls: boolean | undefined): manifests.Manifest =>
  manifests.meshConfig({ enableAutoMtls, ranges: MESH_RANGES });

/** What the client dials. */
export const TARGET: Target = { host: manifests.hostOf(VM), port: POSTGRES_PORT };

export type LibraryMeshOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly logsDir?: string;
  /** Absent: it is not said, and the mesh's default holds. */
  readonly enableAutoMtls?: boolean;
  /** Istio's SECRET_TTL for both workloads; default the CA's. */
  readonly certificateLifetime?: string;
  /** Further ports of the VM's that are captured; what serves them is the caller's. */
  readonly vmPorts?: readonly number[];
  /** How long the VM's Envoy lets sessions live on whose filter chain has gone. */
  readonly drainDuration?: string;
  /** Until an applied policy that nobody confirms is undone; default isthmusd's. */
  readonly undoSeconds?: number;
  /** Machines that stand beside it and are not in the mesh: name → address in the VMs' region. */
  readonly others?: Readonly<Record<string, string>>;
  /** Is told what now stands. */
  readonly onStep?: (step: string) => void;
};

export class LibraryMesh implements Setting, AsyncDisposable {
  readonly target = TARGET;
  readonly elsewhere = {
    clusterIp: ELSEWHERE_IP,
    address: ELSEWHERE_ADDRESS,
    dialled: ELSEWHERE_IP,
  };
  readonly cloud: Cloud;
  readonly cluster: Cluster;
  readonly postgres: Postgres;
  readonly client: Sidecar;
  readonly vm: Sidecar;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly cloud: Cloud;
    readonly cluster: Cluster;
    readonly postgres: Postgres;
    readonly client: Sidecar;
    readonly vm: Sidecar;
    readonly owned: AsyncDisposableStack;
  }) {
    this.cloud = parts.cloud;
    this.cluster = parts.cluster;
    this.postgres = parts.postgres;
    this.client = parts.client;
    this.vm = parts.vm;
    this.#owned = parts.owned;
  }

  /** @throws OperatorError LAB_FAILED, POSTGRES_FAILED, TOOL_MISSING */
  static async create(options: LibraryMeshOptions): Promise<LibraryMesh> {
    const { env, logsDir, onStep = () => undefined } = options;
    await using stack = new AsyncDisposableStack();
    const cloud = stack.use(
      await Cloud.create({
        cluster: { [CONTROL_PLANE]: CONTROL_PLANE_ADDRESS, [CLIENT]: CLIENT_ADDRESS },
        vms: { [VM]: VM_ADDRESS, ...options.others },
        knows: [
          { address: CONTROL_PLANE_ADDRESS, names: [CONTROL_PLANE_NAME] },
          { address: CLUSTER_IP, names: [TARGET.host] },
        ],
        env,
        ...(logsDir !== undefined && { logsDir }),
      }),
    );
    await cloud.firewall.allow(
      { name: 'pods to PostgreSQL', from: POD_CIDR, to: VM_ADDRESS, tcpPort: POSTGRES_PORT },
      { name: 'VMs to isthmusd', from: VM_CIDR, to: CONTROL_PLANE_ADDRESS, tcpPort: XDS_PORT },
    );
    onStep('a cluster and a VM in two regions, a firewall between them');
    // Side by side: neither needs the other until both stand.
    const [postgres, cluster] = await Promise.all([
      installDatabase(cloud).then((it) => stack.use(it)),
      startCluster(cloud, options).then((it) => stack.use(it)),
    ]);
    onStep('PostgreSQL on the VM, 127.0.0.1:5432; API server and isthmusd in the cluster');
    const [client, vm] = await joinMesh(cloud, cluster, options);
    onStep(`${CLIENT} and ${VM} in the mesh, each with an Envoy`);
    return new LibraryMesh({ cloud, cluster, postgres, client, vm, owned: stack.move() });
  }

  async capture(name: string): Promise<Capture> {
    return await this.cloud.capture(name);
  }

  vmLog(): readonly string[] {
    return this.vm.accessLog();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function installDatabase(cloud: Cloud): Promise<Postgres> {
  const postgres = await Postgres.install(cloud.machine(VM));
  await createTables(postgres);
  return postgres;
}

/** The objects of the story are there before the first agent asks who it is. */
async function startCluster(
  cloud: Cloud,
  { enableAutoMtls, undoSeconds }: LibraryMeshOptions,
): Promise<Cluster> {
  const settings = undoSeconds === undefined ? {} : { undoSeconds };
  const cluster = await Cluster.start(cloud.machine(CONTROL_PLANE), settings);
  await cluster.apply(
    meshConfig(enableAutoMtls),
    manifests.serviceAccount(CLIENT),
    manifests.serviceAccount(VM),
    manifests.pod({ name: CLIENT, app: CLIENT, serviceAccount: CLIENT, address: CLIENT_ADDRESS }),
    manifests.service({ name: VM, clusterIp: CLUSTER_IP, port: POSTGRES_PORT }),
    manifests.serviceEntry({ name: VM, port: POSTGRES_PORT }),
    manifests.workloadEntry({ name: VM, app: VM, address: VM_ADDRESS, serviceAccount: VM }),
  );
  return cluster;
}

async function joinMesh(
  cloud: Cloud,
  cluster: Cluster,
  { certificateLifetime, drainDuration, vmPorts = [] }: LibraryMeshOptions,
): Promise<readonly [client: Sidecar, vm: Sidecar]> {
  const common = {
    ...(certificateLifetime !== undefined && { certificateLifetime }),
    ...(drainDuration !== undefined && { drainDuration }),
  };
  const sidecars = await Promise.all([
    Sidecar.forPod(cluster, cloud.machine(CLIENT), {
      serviceAccount: CLIENT,
      inboundPorts: [],
      ...common,
    }),
    Sidecar.forVm(cluster, cloud.machine(VM), {
      serviceAccount: VM,
      inboundPorts: [POSTGRES_PORT, ...vmPorts],
      ...common,
    }),
  ]);
  await Promise.all(sidecars.map((sidecar) => sidecar.ready()));
  return sidecars;
}
