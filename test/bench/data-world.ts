// What is compared: one client and one VM with PostgreSQL, an echo and HTTP on it, and three ways
// between them: the mesh, an Envoy pair by hand, and HAProxy.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assertNever } from '#base/assert-never.ts';
import { systemClock } from '#base/clock.ts';
import { Cloud, POD_CIDR, REPOSITORY, SERVICE_CIDR, VM_CIDR } from '#lab/cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, XDS_PORT } from '#lab/cluster.ts';
import type { Machine } from '#lab/machine.ts';
import * as manifests from '#lab/manifests.ts';
import { LIBRARY, Postgres } from '#lab/postgres.ts';
import type { LabProcess } from '#lab/process.ts';
import { Sidecar } from '#lab/sidecar.ts';
import { createFakeAuthority } from '../fakes/certificates.ts';
import { haproxyConfig } from './data-haproxy.ts';
import { clientConfig, serverConfig } from './data-pair.ts';
import { beside, PAIR, PORTS, type Port } from './data-ports.ts';

const CLIENT = 'client';
const SERVER = 'server';
const CLIENT_ADDRESS = '10.24.2.10';
const SERVER_ADDRESS = '10.128.0.14';
const CONTROL_PLANE_ADDRESS = '10.24.0.10';
/** Each service of the mesh has an address; the pair has one for all. */
const VIPS: Readonly<Record<Port, string>> = {
  postgres: '10.96.0.11',
  echo: '10.96.0.12',
  http: '10.96.0.13',
};
const PAIR_VIP = '10.96.99.1';
const AGENT_SOCKET = '/var/lib/istio/proxy/XDS';
const PAIR_CONFIG = '/var/lib/pair.json';
const HAPROXY_CONFIG = '/etc/haproxy-bench.cfg';
const SERVER_PROGRAM = fileURLToPath(new URL('data-server.ts', import.meta.url));
const START_LIMIT_MS = 20_000;
/**
 * In a session of its own, as every service of systemd is, and as the agent starts its Envoy: Linux
 * shares out processor time, and wakes up, by session (sched(7), autogroup), and who shares the
 * client's session answers one client some six percent sooner.
 */
const SERVICE = 'setsid';

export type Way = 'mesh' | 'envoyPair' | 'haproxy';
export type Target = { readonly host: string; readonly port: number };

export class DataWorld implements AsyncDisposable {
  readonly client: Machine;
  /** Those that can be compared here: HAProxy only where it is installed. */
  readonly ways: readonly Way[];
  readonly #server: Machine;
  readonly #pids: Map<Way, readonly number[]>;
  #pair: Pair;
  readonly #owned: AsyncDisposableStack;

  private constructor(parts: {
    readonly client: Machine;
    readonly server: Machine;
    readonly pids: Map<Way, readonly number[]>;
    readonly pair: Pair;
    readonly owned: AsyncDisposableStack;
  }) {
    this.client = parts.client;
    this.#server = parts.server;
    this.ways = [...parts.pids.keys()];
    this.#pids = parts.pids;
    this.#pair = parts.pair;
    this.#owned = parts.owned;
  }

  /** @throws OperatorError LAB_FAILED, POSTGRES_FAILED, TOOL_MISSING */
  static async create(): Promise<DataWorld> {
    await using stack = new AsyncDisposableStack();
    const cloud = stack.use(
      await Cloud.create({
        cluster: { isthmusd: CONTROL_PLANE_ADDRESS, [CLIENT]: CLIENT_ADDRESS },
        vms: { [SERVER]: SERVER_ADDRESS },
        knows: [{ address: CONTROL_PLANE_ADDRESS, names: [CONTROL_PLANE_NAME] }],
        env: process.env,
      }),
    );
    const allow = (name: string, to: string, from: string, tcpPort: number) => {
      return { name, to, from, tcpPort };
    };
    await cloud.firewall.allow(
      allow('VMs to isthmusd', CONTROL_PLANE_ADDRESS, VM_CIDR, XDS_PORT),
      ...Object.values(PORTS).map((port) => allow(`${port}`, SERVER_ADDRESS, POD_CIDR, port)),
      ...portNames.flatMap((port) =>
        ([1, 2] as const).map((offset) =>
          allow(`${port}-${offset}`, SERVER_ADDRESS, POD_CIDR, beside(offset, port)),
        ),
      ),
    );
    const client = cloud.machine(CLIENT);
    const server = cloud.machine(SERVER);
    stack.use(await prepareDatabase(server));
    const program = server.start('server', [process.execPath, SERVER_PROGRAM]);
    await program.waitForLine(/^ready$/, { what: 'start', limitMs: START_LIMIT_MS });
    const mesh = await joinMesh(stack.use(await startCluster(cloud)), { client, server });
    await leadToPair(client, server);
    const pair = await startPair(client, server, { hasLogs: true });
    const pids = new Map<Way, readonly number[]>([
      ['mesh', mesh],
      ['envoyPair', pair.pids],
    ]);
    const haproxy = await startHaproxy(client, server);
    if (haproxy) pids.set('haproxy', haproxy);
    return new DataWorld({ client, server, pids, pair, owned: stack.move() });
  }

  /** The pair again, with telemetry or without any. */
  async restartPair(options: { readonly hasLogs: boolean }): Promise<void> {
    await Promise.all(this.#pair.processes.map((envoy) => envoy.kill()));
    this.#pair = await startPair(this.client, this.#server, options);
    this.#pids.set('envoyPair', this.#pair.pids);
  }

  target(way: Way, port: Port): Target {
    switch (way) {
      case 'mesh':
        return { host: VIPS[port], port: PORTS[port] };
      case 'envoyPair':
        return { host: PAIR_VIP, port: PORTS[port] };
      case 'haproxy':
        return { host: '127.0.0.1', port: beside(2, port) };
      default:
        return assertNever(way);
    }
  }

  /** CPU time of both proxies of a way so far, in milliseconds. */
  cpuMs(way: Way): number {
    return (this.#pids.get(way) ?? []).reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

const portNames: readonly Port[] = ['postgres', 'echo', 'http'];

async function prepareDatabase(machine: Machine): Promise<Postgres> {
  const postgres = await Postgres.install(machine);
  const env = { PGPASSWORD: LIBRARY.password };
  const { user, database } = LIBRARY;
  const init = ['pgbench', '-i', '-q', '-s', '1', '-h', '127.0.0.1', '-U', user, database];
  const { status, stderr } = await machine.run(init, { env });
  if (status !== 0) throw new Error(`pgbench -i: ${stderr}`);
  return postgres;
}

async function startCluster(cloud: Cloud): Promise<Cluster> {
  const cluster = await Cluster.start(cloud.machine('isthmusd'));
  await cluster.apply(
    manifests.meshConfig({ enableAutoMtls: true, ranges: [SERVICE_CIDR, POD_CIDR, VM_CIDR] }),
    manifests.serviceAccount(CLIENT),
    manifests.serviceAccount(SERVER),
    manifests.pod({ name: CLIENT, app: CLIENT, serviceAccount: CLIENT, address: CLIENT_ADDRESS }),
    manifests.workloadEntry({
      name: SERVER,
      app: SERVER,
      address: SERVER_ADDRESS,
      serviceAccount: SERVER,
    }),
    ...portNames.flatMap((name) => {
      const portName = name === 'http' ? 'http' : 'tcp';
      const port = PORTS[name];
      return [
        manifests.service({ name, clusterIp: VIPS[name], port, portName }),
        manifests.serviceEntry({ name, port, app: SERVER, portName }),
      ];
    }),
    ...Object.values(PORTS).map((port) =>
      manifests.authorizationPolicy({ app: SERVER, port, allowed: [CLIENT] }),
    ),
  );
  return cluster;
}

async function joinMesh(
  cluster: Cluster,
  { client, server }: { readonly client: Machine; readonly server: Machine },
): Promise<readonly number[]> {
  const sidecars = await Promise.all([
    Sidecar.forPod(cluster, client, { serviceAccount: CLIENT, inboundPorts: [] }),
    Sidecar.forVm(cluster, server, {
      serviceAccount: SERVER,
      inboundPorts: Object.values(PORTS),
    }),
  ]);
  await Promise.all(sidecars.map((sidecar) => sidecar.ready()));
  return await Promise.all(sidecars.map((sidecar) => sidecar.envoyPid()));
}

type Pair = {
  readonly processes: readonly LabProcess[];
  readonly pids: readonly number[];
};

async function leadToPair(client: Machine, server: Machine): Promise<void> {
  const lead = (chain: string, match: string, port: number): string =>
    `table ip bench {\n chain lead {\n  type nat hook ${chain} priority -150;\n` +
    `  ${match} redirect to :${port}\n }\n}\n`;
  await applyRules(client, lead('output', `ip daddr ${PAIR_VIP} tcp dport 1-65535`, PAIR.outbound));
  const served = portNames.map((port) => beside(1, port)).join(', ');
  await applyRules(server, lead('prerouting', `tcp dport { ${served} }`, PAIR.inbound));
}

async function startPair(
  client: Machine,
  server: Machine,
  options: { readonly hasLogs: boolean },
): Promise<Pair> {
  const common = { agent: AGENT_SOCKET, logFile: '/var/log/pair.log', adminPort: 15_999 };
  const side = { ...common, ...options };
  client.writeFile(PAIR_CONFIG, clientConfig(side, SERVER_ADDRESS));
  server.writeFile(PAIR_CONFIG, serverConfig(side, manifests.spiffeIdOf(CLIENT)));
  const processes: LabProcess[] = [];
  for (const machine of [client, server]) {
    const flags = ['--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'info'];
    const envoy = machine.start('pair', [SERVICE, envoyBinary(), '-c', PAIR_CONFIG, ...flags]);
    await envoy.waitForLine(/all dependencies initialized/, {
      what: 'start',
      limitMs: START_LIMIT_MS,
    });
    processes.push(envoy);
  }
  return { processes, pids: await pidsOf(PAIR_CONFIG, 2) };
}

async function startHaproxy(
  client: Machine,
  server: Machine,
): Promise<readonly number[] | undefined> {
  const binary = '/usr/sbin/haproxy';
  if (!existsSync(binary)) return undefined;
  const authority = createFakeAuthority();
  for (const [machine, name, role] of [
    [client, CLIENT, 'client'],
    [server, SERVER, 'server'],
  ] as const) {
    const { cert, key } = authority.issue({ uri: manifests.spiffeIdOf(name) });
    machine.writeFile('/etc/haproxy-bench.pem', `${cert}${key}`);
    machine.writeFile('/etc/haproxy-bench-ca.pem', authority.cert);
    machine.writeFile(HAPROXY_CONFIG, haproxyConfig(role, SERVER_ADDRESS));
    machine.start('haproxy', [SERVICE, binary, '-db', '-f', HAPROXY_CONFIG]);
  }
  return await pidsOf(HAPROXY_CONFIG, 2);
}

async function applyRules(machine: Machine, rules: string): Promise<void> {
  const { status, stderr } = await machine.run(['nft', '-f', '-'], { input: rules });
  if (status !== 0) throw new Error(`nft on ${machine.name}: ${stderr}`);
}

function envoyBinary(): string {
  return realpathSync(process.env['ISTHMUS_ENVOY'] ?? `${REPOSITORY}/.isthmus/bin/envoy`);
}

/** The processes that have this among their arguments, once there are as many. */
async function pidsOf(argument: string, count: number): Promise<readonly number[]> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const found = readdirSync('/proc').filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      const [program = '', ...args] = commandLine(name);
      return args.includes(argument) && /(envoy|haproxy)$/.test(program);
    });
    if (found.length === count) return found.map(Number);
    await systemClock.sleep(50);
  }
  throw new Error(`there are not ${count} processes of ${argument}`);
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has just ended
  }
}

function cpuMsOf(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const times = readdirSync(folder).map((task) =>
    Number(readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6;
}
