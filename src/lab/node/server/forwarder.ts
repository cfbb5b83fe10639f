// Connections to a Pod's own loopback: a helper in the Pod's network namespace opens them.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { podNetns } from '../pod-network.ts';
import { toolPath } from '../tools.ts';

const PROGRAM = fileURLToPath(new URL('../programs/forward.ts', import.meta.url));
const NODE_FLAGS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
const ANSWER_LENGTH_MAX = 1_000;

export type Dialled =
  | { readonly ok: true; readonly socket: Socket }
  | { readonly ok: false; readonly problem: string };

export class Forwarder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #path: string;

  private constructor(child: ChildProcess, path: string) {
    this.#child = child;
    this.#path = path;
  }

  /** @param folder for its socket, whose path must stay under 108 bytes (unix(7)) */
  static async start(uid: string, folder: string): Promise<Forwarder> {
    const path = `${folder}/forward-${randomBytes(6).toString('hex')}`;
    const args = [
      `--net=/run/netns/${podNetns(uid)}`,
      process.execPath,
      ...NODE_FLAGS,
      PROGRAM,
      path,
    ];
    const child = spawn(toolPath('nsenter'), args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined); // it has ended, and that is seen
    const lines = createInterface(child.stdout);
    await Promise.race([once(lines, 'line'), once(lines, 'close')]);
    return new Forwarder(child, path);
  }

  /** A connection to a port of the Pod's 127.0.0.1. */
  async dial(port: number): Promise<Dialled> {
    const socket = connect({ path: this.#path, allowHalfOpen: true });
    socket.on('error', () => undefined); // `close` follows
    socket.write(`${port}\n`);
    const answer = await firstLine(socket);
    if (answer === 'ok') return { ok: true, socket };
    socket.destroy();
    return { ok: false, problem: answer || 'the Pod has no network (any more)' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.stdin?.end();
      await ended;
    }
    rmSync(this.#path, { force: true });
  }
}

/** The line, its newline gone; what comes after it is still to be read. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let line = '';
    const finish = (): void => {
      socket.off('data', take);
      socket.off('close', finish);
      socket.pause();
      resolve(line);
    };
    const take = (chunk: Buffer): void => {
      const end = chunk.indexOf(0x0a);
      line += chunk.toString('utf8', 0, end === -1 ? undefined : end);
      if (end === -1 && line.length < ANSWER_LENGTH_MAX) return;
      finish();
      const rest = chunk.subarray(end + 1);
      if (rest.length > 0) socket.unshift(rest);
    };
    socket.on('data', take);
    socket.on('close', finish);
  });
}
