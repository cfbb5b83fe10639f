// The embedded API server as a process of its own, on a free port of this machine: started, killed
// and started again on the same data by the tests that need a real server.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { freePorts } from '#lab/loopback/ports.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
/** As the launcher itself would start it: then the child is the server, and a kill reaches it. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];

export class ApiServerProcess implements AsyncDisposable {
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess;
  readonly #clients: KubeClient[] = [];

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.#folder = folder;
    this.#port = port;
    this.#child = child;
  }

  static async start(): Promise<ApiServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-apiserver-'));
    const [port = 0] = await freePorts(1);
    return new ApiServerProcess(folder, port, await launch(folder, port));
  }

  /** `kill -9`; nobody listens until `restart`. */
  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async restart(): Promise<void> {
    this.#child = await launch(this.#folder, this.#port);
  }

  /** The file with which one has all rights. */
  get kubeconfig(): string {
    return join(this.#folder, 'admin.kubeconfig');
  }

  /** A client with all rights. */
  async client(): Promise<KubeClient> {
    const client = createKubeClient(await loadKubeconfig(this.kubeconfig));
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}

async function launch(folder: string, port: number): Promise<ChildProcess> {
  const args = ['apiserver', '--data-dir', folder, '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [...NODE_FLAGS, LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const lines = createInterface(child.stdout);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the API server ended: ${errors.join('').slice(-2000)}`);
  });
  await Promise.race([untilReady(lines), ended]);
  ended.catch(() => undefined); // from now on its end is the tests' own doing
  return child;
}

async function untilReady(lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) if (line.startsWith('ready ')) return;
}
