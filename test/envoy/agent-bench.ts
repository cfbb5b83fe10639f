// A machine with a real agent and a real Envoy, beside a fake control plane: what the agent's tests
// against Envoy have in common. Everything it starts it ends.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { freePorts } from '#lab/loopback/ports.ts';
import { parseRecord } from '../../src/agent/envoy/record.ts';
import { FakeControlPlane, FakeMesh, SERVER_NAME } from './agent-control-plane.ts';
import { inboundListener, staticCluster } from './agent-resources.ts';

export const SPIFFE_ID = 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm';
export const CLIENT_ID = 'spiffe://cluster.local/ns/default/sa/client';
const CHILD = fileURLToPath(new URL('agent-child.ts', import.meta.url));
/** A JWT without an end; only its shape matters here. */
const TOKEN = 'e30.e30.c2ln';

/** Standard error of a process as lines to wait for. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #changed = new EventTarget();
  readonly #exit: Promise<number>;
  #isOver = false;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, ['--max-semi-space-size=1', CHILD, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group, as a shell makes one for what it starts
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        const lines = `${rest}${text}`.split('\n');
        rest = lines.pop() ?? '';
        this.#lines.push(...lines);
        this.#changed.dispatchEvent(new Event('change'));
      });
    }
    this.#exit = once(this.#child, 'close').then(([status]: unknown[]) => {
      this.#isOver = true;
      this.#changed.dispatchEvent(new Event('change'));
      return typeof status === 'number' ? status : 128;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get output(): string {
    return this.#lines.join('\n');
  }

  /** The first line of this form; fails when the process ends without one. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.#lines.find((text) => pattern.test(text));
      if (line !== undefined) return line;
      if (this.#isOver) throw new Error(`ended without ${pattern}:\n${this.output}`);
      await new Promise((resolve) => {
        this.#changed.addEventListener('change', resolve, { once: true });
      });
    }
  }

  /**
   * Waits for its end, after a signal to its whole process group (as Ctrl-C sends one) if given.
   *
   * @returns the exit status, 128 after a signal that it did not handle
   */
  async end(signal?: NodeJS.Signals): Promise<number> {
    if (signal && !this.#isOver) process.kill(-this.pid, signal);
    return await this.#exit;
  }
}

/** A connection that is kept open: what is written comes back from the echo server behind Envoy. */
export class Session {
  readonly socket: Socket;
  readonly #chunks: AsyncIterator<string>;
  #sent = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#chunks = socket.setEncoding('utf8')[Symbol.asyncIterator]();
  }

  /** Fails when the connection has been cut. */
  async echo(): Promise<void> {
    const expected = `line ${(this.#sent += 1)}\n`;
    this.socket.write(expected);
    for (let received = ''; received !== expected;) {
      const { done, value } = await this.#chunks.next();
      if (done) throw new Error('the session was cut');
      received += value;
    }
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.end();
    await closed;
  }
}

export const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
};

export class Bench implements AsyncDisposable {
  readonly mesh: FakeMesh;
  readonly dir: string;
  readonly ports: { admin: number; status: number; ready: number; inbound: number };
  controlPlane: FakeControlPlane;
  readonly #echo: Server;
  readonly #agents: AgentProcess[] = [];
  readonly #sessions: Socket[] = [];

  private constructor(parts: {
    readonly mesh: FakeMesh;
    readonly dir: string;
    readonly controlPlane: FakeControlPlane;
    readonly echo: Server;
    readonly ports: Bench['ports'];
  }) {
    this.mesh = parts.mesh;
    this.dir = parts.dir;
    this.controlPlane = parts.controlPlane;
    this.#echo = parts.echo;
    this.ports = parts.ports;
  }

  static async start(options: { readonly lifetimeMs?: number } = {}): Promise<Bench> {
    const mesh = new FakeMesh();
    if (options.lifetimeMs !== undefined) mesh.lifetimeMs = options.lifetimeMs;
    const dir = await mkdtemp(join(tmpdir(), 'isthmus-agent-'));
    const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const [admin = 0, status = 0, ready = 0, inbound = 0] = await freePorts(4);
    const ports = { admin, status, ready, inbound };
    const controlPlane = await FakeControlPlane.start(mesh);
    const bench = new Bench({ mesh, dir, controlPlane, echo, ports });
    await bench.#layOut();
    return bench;
  }

  async #layOut(): Promise<void> {
    await mkdir(join(this.dir, 'etc/certs'), { recursive: true });
    await mkdir(join(this.dir, 'var/run/secrets/tokens'), { recursive: true });
    await writeFile(join(this.dir, 'etc/certs/root-cert.pem'), this.mesh.material.rootPem);
    await writeFile(join(this.dir, 'var/run/secrets/tokens/istio-token'), TOKEN);
    this.mesh.tokens.set(TOKEN, {
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount: 'postgresql-1-vm',
      workload: { kind: 'WorkloadEntry', name: 'postgresql-1-vm' },
    });
    const echo = staticCluster('echo', '127.0.0.1', portOf(this.#echo));
    this.controlPlane.set('echo', ClusterSchema, echo);
    const listener = inboundListener(this.ports.inbound, 'echo');
    this.controlPlane.set('virtualInbound', ListenerSchema, listener);
  }

  get echoPort(): number {
    return portOf(this.#echo);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      ISTHMUS_ROOT: this.dir,
      CA_ADDR: `127.0.0.1:${this.controlPlane.port}`,
      ISTIOD_SAN: SERVER_NAME,
      SERVICE_ACCOUNT: 'postgresql-1-vm',
      ISTIO_SVC_IP: '127.0.0.1',
      ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE',
      ENVOY_STATUS_PORT: String(this.ports.ready),
    };
  }

  get flags(): string[] {
    return [
      '--proxyAdminPort',
      String(this.ports.admin),
      '--statusPort',
      String(this.ports.status),
      '--drainDuration',
      '20s',
    ];
  }

  startAgent(env: NodeJS.ProcessEnv = {}): AgentProcess {
    const agent = new AgentProcess(this.flags, { ...this.env, ...env });
    this.#agents.push(agent);
    return agent;
  }

  runLeave(env: NodeJS.ProcessEnv = {}): AgentProcess {
    return new AgentProcess(['leave', ...this.flags], { ...this.env, ...env });
  }

  async restartControlPlane(whileAway: () => Promise<void>): Promise<void> {
    const { port } = this.controlPlane;
    await this.controlPlane[Symbol.asyncDispose]();
    await whileAway();
    this.controlPlane = await FakeControlPlane.start(this.mesh, port);
  }

  /** Mutual TLS to the workload, as a client of the mesh. */
  async connect(): Promise<Session & { readonly serial: string }> {
    const { key, cert } = this.mesh.issue(CLIENT_ID);
    const socket: TLSSocket = connectTls({
      host: '127.0.0.1',
      port: this.ports.inbound,
      key,
      cert,
      ca: this.mesh.authority.trustBundlePem,
      checkServerIdentity: () => undefined, // a workload's certificate carries a URI, no name
    });
    await once(socket, 'secureConnect');
    this.#sessions.push(socket);
    const serial = socket.getPeerX509Certificate()?.serialNumber.toLowerCase() ?? '';
    return Object.assign(new Session(socket), { serial });
  }

  /** The agent's own account of itself. */
  async status(): Promise<AgentStatus> {
    const response = await fetch(`http://127.0.0.1:${this.ports.status}/debug/status`);
    const status: unknown = await response.json();
    assert(isStatus(status));
    return status;
  }

  /** Prometheus' text. */
  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.ports.status}/stats/prometheus`);
    return await response.text();
  }

  async ready(): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.ports.ready}/healthz/ready`);
    return { status: response.status, body: await response.text() };
  }

  readFile(path: string): Promise<string> {
    return readFile(join(this.dir, path), 'utf8');
  }

  async envoyPid(): Promise<number> {
    const record = parseRecord(await this.readFile('var/lib/istio/data/envoy.json'));
    assert(record);
    return record.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sessions) socket.destroy();
    await Promise.all(this.#agents.map((agent) => agent.end('SIGKILL')));
    await this.runLeave({ ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE' }).end();
    await this.controlPlane[Symbol.asyncDispose]();
    this.#echo.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

export type AgentStatus = {
  readonly unready: readonly string[];
  readonly identity: { readonly state: string; readonly serialNumber: string };
  readonly envoy: { readonly pid?: number; readonly restarts: number };
  readonly capture: { readonly kind: string };
  readonly connections: number;
  readonly xds: { readonly openStreams: number; readonly offlineStreams: number };
};

const isStatus = (value: unknown): value is AgentStatus =>
  typeof value === 'object' && value !== null && 'unready' in value && 'connections' in value;

/** Does a plain TCP connection to this address succeed? */
export async function canConnect(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Waits for what has no event of its own, such as a state inside another process. */
export async function eventually<T>(
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
): Promise<T> {
  for (const untilMs = Date.now() + 20_000; ;) {
    const value = await read();
    if (isDone(value)) return value;
    if (Date.now() > untilMs) throw new Error(`it stays ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
