// Real kubectl against an API server of its own, with a configuration and a cache of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseApiServerConfig } from '#apiserver/config.ts';
import { startApiServer } from '#apiserver/main.ts';
import type { ApiServer } from '#apiserver/main.ts';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import type { CommandResult } from '#base/command.ts';
import { silentLogger } from '#base/log.ts';

export class Kubectl implements AsyncDisposable {
  readonly #folder: string;
  readonly #server: ApiServer;

  private constructor(folder: string, server: ApiServer) {
    this.#folder = folder;
    this.#server = server;
  }

  static async start(): Promise<Kubectl> {
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-kubectl-'));
    const argv = ['--data-dir', join(folder, 'data'), '--listen', '127.0.0.1:0'];
    const dependencies = { clock: systemClock, log: silentLogger, randomBytes };
    return new Kubectl(folder, await startApiServer(parseApiServerConfig(argv), dependencies));
  }

  get kubeconfig(): string {
    return this.#server.address.adminKubeconfigPath;
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.kubeconfig, HOME: this.#folder };
  }

  /**
   * @param args words with spaces between them, or a list where a word has spaces of its own
   * @param input on standard input, for `-f -`
   * @param more environment variables
   */
  run(
    args: string | readonly string[],
    input = '',
    more: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    const given = typeof args === 'string' ? args.split(' ') : args;
    const words = [...given, '--cache-dir', join(this.#folder, 'cache')];
    return runCommand('kubectl', words, { input, env: { ...this.#env(), ...more } });
  }

  /** A command that must succeed. @returns what it printed */
  async ok(args: string | readonly string[], input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.run(args, input);
    assert.equal(status, 0, `kubectl ${String(args)}: ${stderr}`);
    return stdout;
  }

  /** A command that must fail. @returns what it said */
  async fails(args: string | readonly string[], input = ''): Promise<string> {
    const { status, stderr } = await this.run(args, input);
    assert.notEqual(status, 0, `kubectl ${String(args)} succeeded`);
    return stderr;
  }

  /** Lines of a command that goes on until the returned handle is disposed. */
  follow(args: string): { readonly lines: AsyncIterator<string> } & Disposable {
    const words = [...args.split(' '), '--cache-dir', join(this.#folder, 'cache')];
    const child = spawn('kubectl', words, {
      env: this.#env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { lines, [Symbol.dispose]: () => void child.kill() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
