// The lab put together: a cluster region and a VM region, the router and firewall between them, the
// machines in them. What stands inside a sandbox; see sandbox.ts for how to get into one.
import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Capture, Tap } from './capture.ts';
import { Machine } from './machine.ts';
import type { NameEntry } from './machine-files.ts';
import { applyNetwork, Firewall } from './netns.ts';
import { LAB_ROOT } from './sandbox.ts';
import { planNetwork, type RegionSpec, type Topology } from './topology.ts';

/** The repository: programs run from here, so every machine keeps seeing it. */
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Addresses of the story: pods and services as a managed cluster has them, VMs as a cloud does. */
export const POD_CIDR = '10.24.0.0/16';
export const SERVICE_CIDR = '10.96.0.0/16';
export const VM_CIDR = '10.128.0.0/20';
const TAPPED = 'vm';
/** Where the lab's own programs stand. */
export const WORKSTATION = { region: 'cluster', address: '10.24.0.2' } as const;

export type CloudOptions = {
  /** Hosts of the cluster's region, by name. */
  readonly cluster: Readonly<Record<string, string>>;
  /** Hosts of the VMs' region, by name. */
  readonly vms: Readonly<Record<string, string>>;
  /** Names that every machine's /etc/hosts has. */
  readonly knows?: readonly NameEntry[];
  readonly env: NodeJS.ProcessEnv;
  /** Where programs' logs go; default a folder that ends with the lab. */
  readonly logsDir?: string;
};

export class Cloud implements AsyncDisposable {
  readonly firewall: Firewall;
  readonly logsDir: string;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #tap: Tap;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly machines: readonly Machine[];
    readonly firewall: Firewall;
    readonly tap: Tap;
    readonly logsDir: string;
    readonly owned: AsyncDisposableStack;
  }) {
    this.#machines = new Map(parts.machines.map((machine) => [machine.name, machine]));
    this.#tap = parts.tap;
    this.#owned = parts.owned;
    this.firewall = parts.firewall;
    this.logsDir = parts.logsDir;
  }

  /** Builds everything; nothing passes between the regions until a firewall rule says so. */
  static async create(options: CloudOptions): Promise<Cloud> {
    const { cluster, vms, env, knows = [], logsDir = `${LAB_ROOT}/logs` } = options;
    await using stack = new AsyncDisposableStack(); // whatever stands when a step fails goes again
    const tap = stack.use(await Tap.start({ logsDir, env }));
    await applyNetwork(planNetwork(planCloud(cluster, vms)), tap.pid);
    const firewall = new Firewall();
    await firewall.apply();
    const keeps = programFolders(env);
    const common = { knows, keeps, env: environmentOf(env), logsDir };
    const machines = await Promise.all(
      Object.entries({ ...cluster, ...vms }).map(async ([name, address]) =>
        stack.use(await Machine.boot({ name, address, ...common })),
      ),
    );
    return new Cloud({ machines, firewall, tap, logsDir, owned: stack.move() });
  }

  /** Starts to write down all that passes between the regions; one at a time, each name once. */
  async capture(name: string): Promise<Capture> {
    return await this.#tap.capture(TAPPED, name);
  }

  machine(name: string): Machine {
    const found = this.#machines.get(name);
    if (!found) throw new Error(`the lab has no machine ${name}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** The topology of a lab with these hosts. */
export function planCloud(
  cluster: Readonly<Record<string, string>>,
  vms: Readonly<Record<string, string>>,
): Topology {
  const hosts = (byName: Readonly<Record<string, string>>): RegionSpec['hosts'] =>
    Object.entries(byName).map(([name, address]) => ({ name, address }));
  return {
    regions: [
      { name: 'cluster', cidr: POD_CIDR, hosts: hosts(cluster) },
      { name: 'vm', cidr: VM_CIDR, hosts: hosts(vms) },
    ],
    workstation: WORKSTATION,
    tapped: TAPPED,
  };
}

/** What of the outside's environment the machines get: the lab's name and the choice of Envoy. */
function environmentOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const envoy = envoyOf(env);
  return {
    ISTHMUS_LAB_ID: env['ISTHMUS_LAB_ID'],
    ...(envoy !== undefined && { ISTHMUS_ENVOY: envoy }),
  };
}

/** The one that is named, or else the one that set-up has put there. */
function envoyOf(env: NodeJS.ProcessEnv): string | undefined {
  const path = env['ISTHMUS_ENVOY'] ?? `${REPOSITORY}/.isthmus/bin/envoy`;
  return existsSync(path) ? realpathSync(path) : undefined;
}

/** Folders of what runs on the machines. */
function programFolders(env: NodeJS.ProcessEnv): string[] {
  const envoy = envoyOf(env);
  return [REPOSITORY, dirname(process.execPath), ...(envoy === undefined ? [] : [dirname(envoy)])];
}
