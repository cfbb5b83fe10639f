// A test file that runs inside namespaces of its own, where it may do as it likes: the kernel takes
// away whatever is left when its first process ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';

const INSIDE = 'ISTHMUS_TEST_INSIDE';

export const isInside = process.env[INSIDE] === '1';

/** Runs the file again, as root of new user, network, mount and PID namespaces. */
export async function runInside(fileUrl: string): Promise<{ status: number; output: string }> {
  const unshare = ['-Urnm', '-pf', '--kill-child', '--mount-proc'];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // its results are its own
  const child = spawn('unshare', [...unshare, process.execPath, fileURLToPath(fileUrl)], {
    env: { ...env, [INSIDE]: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [status]: unknown[] = await once(child, 'close');
  return { status: typeof status === 'number' ? status : 128, output };
}

/** Runs a program that must succeed. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Another machine, one cable away. */
export class Neighbour implements AsyncDisposable {
  readonly #pid: number;
  readonly #end: () => Promise<void>;

  private constructor(pid: number, end: () => Promise<void>) {
    this.#pid = pid;
    this.#end = end;
  }

  /** @param own this machine's address, also its way to everywhere else; prefix length 24 */
  static async plugIn(own: string, neighbour: string): Promise<Neighbour> {
    await run('ip', 'link', 'set', 'lo', 'up');
    const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo up; exec sleep infinity'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const pid = holder.pid ?? 0;
    await run(
      'ip',
      'link',
      'add',
      'near',
      'type',
      'veth',
      'peer',
      'name',
      'far',
      'netns',
      `${pid}`,
    );
    const machine = new Neighbour(pid, async () => {
      const closed = once(holder, 'close');
      holder.kill('SIGKILL');
      await closed;
    });
    await run('ip', 'addr', 'add', `${own}/24`, 'dev', 'near');
    await run('ip', 'link', 'set', 'near', 'up');
    await run('ip', 'route', 'add', 'default', 'via', neighbour);
    await machine.run('ip', 'link', 'set', 'lo', 'up');
    await machine.run('ip', 'addr', 'add', `${neighbour}/24`, 'dev', 'far');
    await machine.run('ip', 'link', 'set', 'far', 'up');
    return machine;
  }

  /** Runs a program there that must succeed. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return run('nsenter', ...this.#enter, command, ...args);
  }

  /** Starts a program there that ends with the namespaces. */
  start(command: string, ...args: readonly string[]): void {
    spawn('nsenter', [...this.#enter, command, ...args], { stdio: 'ignore' }).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // the kernel would take the cable away, too, but only some time after the machine
    await run('ip', 'link', 'delete', 'near');
    await this.#end();
  }

  get #enter(): readonly string[] {
    return ['-t', String(this.#pid), '-n'];
  }
}
