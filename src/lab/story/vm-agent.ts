// The VM's way into the mesh as its operator goes it: the files of `isthmus vm files` put in their
// places by the commands that it prints, then the agent, which knows nothing but these files.
import { OperatorError } from '#base/operator-error.ts';
import { isthmus } from '../cluster.ts';
import { parseFilterChains } from '../envoy-admin.ts';
import { until } from '../eventually.ts';
import type { Machine } from '../machine.ts';
import type { LabProcess } from '../process.ts';

/** Where the operator's copy of the files is on the VM. */
export const FILES_PARENT = '/var/tmp';
const ADMIN_PORT = 15_000;
const READY_PORT = 15_021;
const ACCESS_LOG = '/var/log/istio/istio.log';

/**
 * Runs those of the printed lines that are commands for the VM, in the folder of the files.
 *
 * @returns them as they were run: the lab's user is root already
 */
export async function putFilesInPlace(
  machine: Machine,
  options: { readonly folder: string; readonly printed: string },
): Promise<readonly string[]> {
  const commands = options.printed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^sudo (install|tee) /.test(line))
    .map((line) => line.slice('sudo '.length));
  const script = ['set -e', `cd ${FILES_PARENT}/${options.folder}`, ...commands].join('\n');
  const { status, stderr } = await machine.run(['bash', '-c', script]);
  if (status === 0) return commands;
  throw new OperatorError('LAB_FAILED', `the VM's files could not be put in place: ${stderr}`, {
    remedy: 'run `isthmus vm files` by hand and read what it prints',
  });
}

export class VmAgent implements AsyncDisposable {
  readonly machine: Machine;
  readonly #agent: LabProcess;

  private constructor(machine: Machine, agent: LabProcess) {
    this.machine = machine;
    this.#agent = agent;
  }

  /** Returns once the VM is fit for traffic. @throws OperatorError LAB_FAILED */
  static async start(machine: Machine, flags: readonly string[]): Promise<VmAgent> {
    const agent = new VmAgent(machine, machine.start('agent', isthmus('agent', ...flags)));
    await until(`the agent on ${machine.name}`, async () => await agent.#isReady());
    return agent;
  }

  /** An answer of Envoy's admin interface. */
  async admin(path: string): Promise<string> {
    return await this.machine.httpGet(ADMIN_PORT, path);
  }

  /** Lines of Envoy's access log about this port, in the order of their writing. */
  accessLog(port: number): readonly string[] {
    const lines = this.machine.readFile(ACCESS_LOG).split('\n');
    return lines.filter((line) => line.includes(`inbound|${port}|`));
  }

  /** Does Envoy still let anybody in to this port without TLS? */
  async takesClearText(port: number): Promise<boolean> {
    const listeners = await this.admin('/config_dump?resource=dynamic_listeners');
    const chains = parseFilterChains(listeners).get('virtualInbound') ?? [];
    return chains.length === 0 || chains.includes(`${port}_plain`);
  }

  /** Ends the agent; Envoy and capture stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.stop();
  }

  async #isReady(): Promise<boolean> {
    if (!this.#agent.isRunning) {
      throw new OperatorError('LAB_FAILED', `the agent ended: ${this.#agent.tail}`, {
        remedy: `read the whole log of the agent on ${this.machine.name}`,
      });
    }
    try {
      await this.machine.httpGet(READY_PORT, '/healthz/ready');
      return true;
    } catch (error) {
      if (error instanceof OperatorError) return false;
      throw error;
    }
  }
}
