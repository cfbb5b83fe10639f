// The story's setting without namespaces: the same programs and objects, each machine a loopback
// address. Nothing is captured: the client dials its own proxy, at the port that its Sidecar names.
//
//   client → its Envoy (.23:5432) → tap (.14:5432) → the VM's Envoy (.15:5432) → PostgreSQL
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureResult } from '../capture.ts';
import { Cluster } from '../cluster.ts';
import { createTables, type Target } from '../library.ts';
import { CLIENT, type LibraryMeshOptions, meshConfig, VM } from '../library-mesh.ts';
import * as manifests from '../manifests.ts';
import { Postgres, POSTGRES_PORT } from '../postgres.ts';
import { Sidecar } from '../sidecar.ts';
import type { Setting } from '../story/setting.ts';
import { ELSEWHERE } from '../story/tell.ts';
import { LoopbackMachine } from './machine.ts';
import { assertLoopback, freePorts } from './ports.ts';
import { TcpTap } from './tap.ts';

const CONTROL_PLANE = 'isthmusd';
/** In the Service range; nobody dials them. */
const CLUSTER_IP = '10.96.54.32';
const ELSEWHERE_IP = '10.96.54.33';

/** Last parts of addresses in the lab's own block. */
const PLACES = { controlPlane: 10, tap: 14, vm: 15, client: 23, elsewhere: 77 } as const;
type Places = Readonly<Record<keyof typeof PLACES, string>>;

/**
 * Linux has all of 127.0.0.0/8, so that labs are in nobody's way; others have what was added.
 *
 * @param random a whole number of 0 to below its argument
 */
export function planPlaces(platform: string, random: (below: number) => number): Places {
  const block = platform === 'linux' ? `127.${16 + random(224)}.${random(256)}` : '127.0.0';
  const at = (place: keyof typeof PLACES): string => `${block}.${PLACES[place]}`;
  const [controlPlane, tap, vm] = [at('controlPlane'), at('tap'), at('vm')];
  return { controlPlane, tap, vm, client: at('client'), elsewhere: at('elsewhere') };
}

type Parts = Pick<Setting, 'cluster' | 'postgres' | 'client' | 'vm'> & {
  readonly tap: TcpTap;
  readonly places: Places;
  readonly owned: AsyncDisposableStack;
};

export class LoopbackLibraryMesh implements Setting, AsyncDisposable {
  readonly cluster: Cluster;
  readonly postgres: Postgres;
  readonly client: Sidecar;
  readonly vm: Sidecar;
  readonly target: Target;
  readonly elsewhere: Setting['elsewhere'];
  readonly #tap: TcpTap;
  readonly #owned: AsyncDisposableStack;

  private constructor({ cluster, postgres, client, vm, tap, places, owned }: Parts) {
    this.cluster = cluster;
    this.postgres = postgres;
    this.client = client;
    this.vm = vm;
    this.target = { host: places.client, port: POSTGRES_PORT };
    this.elsewhere = {
      clusterIp: ELSEWHERE_IP,
      address: places.elsewhere,
      dialled: places.client,
    };
    this.#tap = tap;
    this.#owned = owned;
  }

  /** @throws OperatorError LAB_FAILED, POSTGRES_FAILED, TOOL_MISSING */
  static async create(options: LibraryMeshOptions): Promise<LoopbackLibraryMesh> {
    const { onStep = () => undefined } = options;
    await using stack = new AsyncDisposableStack();
    const places = planPlaces(process.platform, (below) => randomInt(below));
    await Promise.all(Object.values(places).map((address) => assertLoopback(address)));
    const boot = await prepareMachines(options, stack);
    const vmMachine = stack.use(boot(VM, places.vm));
    const controlPlane = stack.use(boot(CONTROL_PLANE, places.controlPlane));
    const clientMachine = stack.use(boot(CLIENT, places.client));
    const dialled = { host: places.tap, port: POSTGRES_PORT };
    const tap = stack.use(await TcpTap.start(dialled, { host: places.vm, port: POSTGRES_PORT }));
    onStep(`machines are loopback addresses: ${CLIENT} ${places.client}, ${VM} ${places.tap}`);
    const [postgres, cluster] = await Promise.all([
      installDatabase(vmMachine).then((it) => stack.use(it)),
      startCluster(controlPlane, {
        places,
        databasePort: vmMachine.database.port,
        enableAutoMtls: options.enableAutoMtls,
      }).then((it) => stack.use(it)),
    ]);
    onStep(`PostgreSQL on 127.0.0.1:${vmMachine.database.port}; API server and isthmusd`);
    const common = sidecarOptions(options);
    const [client, vm] = await Promise.all([
      Sidecar.forPod(cluster, clientMachine, { serviceAccount: CLIENT, ...common }),
      Sidecar.forVm(cluster, vmMachine, { serviceAccount: VM, ...common }),
    ]);
    await Promise.all([client.ready(), vm.ready()]);
    onStep(`${CLIENT} and ${VM} in the mesh, each with an Envoy`);
    const owned = stack.move();
    return new LoopbackLibraryMesh({ cluster, postgres, client, vm, tap, places, owned });
  }

  capture(): Promise<{ finish(): Promise<CaptureResult> }> {
    this.#tap.clear();
    return Promise.resolve({ finish: () => Promise.resolve(this.#tap.result()) });
  }

  vmLog(): readonly string[] {
    return this.vm.accessLog().map((line) => this.#tap.asDialled(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

const AGENT_PORTS = 3;
const PORTS_OF_A_MACHINE = AGENT_PORTS + 1;
const MACHINES = 3;

/** @returns makes a machine, at most as many as there are ports for */
async function prepareMachines(
  { env, logsDir }: LibraryMeshOptions,
  stack: AsyncDisposableStack,
): Promise<(name: string, address: string) => LoopbackMachine> {
  const folder = mkdtempSync(join(rootFor(tmpdir()), 'isthmus-lab-'));
  chmodSync(folder, 0o755); // PostgreSQL is another user than root
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const logs = logsDir ?? `${folder}/logs`;
  mkdirSync(logs, { recursive: true });
  const ports = [...(await freePorts(MACHINES * PORTS_OF_A_MACHINE))];
  const isRoot = process.getuid?.() === 0;
  return (name, address) => {
    const root = `${folder}/${name}`;
    mkdirSync(root);
    const [admin = 0, status = 0, ready = 0, databasePort = 0] = ports.splice(
      0,
      PORTS_OF_A_MACHINE,
    );
    const place = { name, address, root, logsDir: logs, databasePort, isRoot };
    return new LoopbackMachine({ ...place, ports: { admin, status, ready }, env });
  };
}

async function installDatabase(machine: LoopbackMachine): Promise<Postgres> {
  const postgres = await Postgres.install(machine);
  await createTables(postgres);
  return postgres;
}

/** The objects of the story, and what each machine's proxy is dialled at. */
async function startCluster(
  machine: LoopbackMachine,
  options: {
    readonly places: Places;
    readonly databasePort: number;
    readonly enableAutoMtls: boolean | undefined;
  },
): Promise<Cluster> {
  const { places, databasePort, enableAutoMtls } = options;
  const port = POSTGRES_PORT;
  const cluster = await Cluster.start(machine);
  const client = { name: CLIENT, app: CLIENT, serviceAccount: CLIENT, address: places.client };
  await cluster.apply(
    meshConfig(enableAutoMtls),
    manifests.serviceAccount(CLIENT),
    manifests.serviceAccount(VM),
    manifests.pod(client),
    manifests.service({ name: VM, clusterIp: CLUSTER_IP, port }),
    manifests.serviceEntry({ name: VM, port }),
    manifests.workloadEntry({ name: VM, app: VM, address: places.tap, serviceAccount: VM }),
    manifests.explicitListeners({
      app: CLIENT,
      dials: [port, ELSEWHERE.port].map((number) => ({ address: places.client, port: number })),
      isDialledAt: [],
    }),
    manifests.explicitListeners({
      app: VM,
      dials: [],
      isDialledAt: [{ address: places.vm, port, deliverTo: databasePort }],
    }),
  );
  return cluster;
}

const sidecarOptions = ({ certificateLifetime, drainDuration }: LibraryMeshOptions) => ({
  inboundPorts: [],
  ...(certificateLifetime !== undefined && { certificateLifetime }),
  ...(drainDuration !== undefined && { drainDuration }),
});

/** PostgreSQL's and Envoy's sockets are below it, and a socket's path has 107 bytes (unix(7)). */
const PARENT_BYTES_MAX = 36;

/** The folder for temporary files, unless its name is too long for what is to come. */
const rootFor = (temporary: string): string =>
  Buffer.byteLength(temporary) <= PARENT_BYTES_MAX ? temporary : '/tmp';
