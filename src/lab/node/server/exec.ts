// `kubectl exec`: a program in a container, its streams over one WebSocket.
// https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { type ExecTarget, killExec, runExec, startExec } from '../container/exec.ts';
import {
  CHANNEL,
  type ExecRequest,
  exitStatus,
  parseTerminalSize,
  quoteWord,
  type TerminalSize,
} from './exec-request.ts';
import type { WebSocket } from './websocket.ts';

/** Runs the program to its end, or until the client leaves. */
export async function serveExec(
  socket: WebSocket,
  target: ExecTarget,
  request: ExecRequest,
): Promise<void> {
  const { isTerminal, hasStdout, hasStderr } = request;
  const child = isTerminal
    ? startExec(target, inTerminal(request.command), { hasSideChannel: true })
    : startExec(target, request.command);
  const ended = once(child, 'close').catch(() => [undefined]);
  const left = socket.closed.then(() => killExec(child));
  const terminal = isTerminal ? new Terminal(target, child.stdio[3]) : undefined;
  child.stdin?.on('error', () => undefined); // it does not read any more; its end tells
  if (!request.hasStdin) child.stdin?.end();
  child.stdin?.on('drain', () => socket.resume());
  socket.onMessage = (message) => {
    const [channel] = message;
    const data = message.subarray(1);
    if (channel === CHANNEL.stdin && child.stdin?.writable) {
      if (!child.stdin.write(data)) socket.pause();
    } else if (channel === CHANNEL.close && data[0] === CHANNEL.stdin) child.stdin?.end();
    else if (channel === CHANNEL.resize) terminal?.resize(data.toString('utf8'));
  };
  await socket.send(Buffer.of(CHANNEL.stdout)); // as the real kubelet begins
  await Promise.all([
    sendAll(socket, CHANNEL.stdout, child.stdout, hasStdout),
    sendAll(socket, CHANNEL.stderr, child.stderr, hasStderr),
    ended,
  ]);
  const [status]: unknown[] = await ended;
  const text = exitStatus(typeof status === 'number' ? status : 137);
  await socket.send(Buffer.concat([Buffer.of(CHANNEL.error), Buffer.from(text)]));
  socket.close();
  await left;
}

/** What nobody wants to see is read all the same, else the program would stand still. */
async function sendAll(
  socket: WebSocket,
  channel: number,
  from: Readable | null,
  isWanted: boolean,
): Promise<void> {
  if (!from) return;
  if (!isWanted) {
    from.resume();
    return;
  }
  for await (const chunk of from as AsyncIterable<Buffer>) {
    await socket.send(Buffer.concat([Buffer.of(channel), chunk]));
  }
}

/**
 * Under script(1), which makes a terminal in the container and passes the status on. The shell
 * first tells on descriptor 3 which one it is.
 */
function inTerminal(command: readonly string[]): string[] {
  const words = command.map(quoteWord).join(' ');
  return ['script', '-qefc', `tty >&3; exec 3>&-; exec ${words}`, '/dev/null'];
}

/** The terminal of an exec: its size can be changed once its name is known. */
class Terminal {
  readonly #target: ExecTarget;
  readonly #name: Promise<string>;
  #size: TerminalSize | undefined;
  #isBusy = false;

  constructor(target: ExecTarget, from: unknown) {
    this.#target = target;
    this.#name = firstName(from);
  }

  resize(text: string): void {
    this.#size = parseTerminalSize(text) ?? this.#size;
    if (!this.#isBusy) void this.#apply();
  }

  /** One change at a time; of those that come meanwhile the last one counts. Never rejects. */
  async #apply(): Promise<void> {
    this.#isBusy = true;
    const name = await this.#name;
    if (name === '') return; // no terminal: nothing to size, now or later
    for (let size = this.#size; size; size = this.#size) {
      this.#size = undefined;
      const { columns, rows } = size;
      const command = ['stty', '-F', name, 'cols', String(columns), 'rows', String(rows)];
      await runExec(this.#target, command, new AbortController().signal);
    }
    this.#isBusy = false;
  }
}

const TERMINAL_NAME = /^(\/dev\/pts\/\d+)\n/;

/** Empty when there never is a name. The pipe stays open in those who started the shell. */
function firstName(from: unknown): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  if (!(from instanceof Readable)) return Promise.resolve('');
  let text = '';
  from.setEncoding('utf8');
  from.on('data', (chunk: string) => {
    text += chunk;
    const name = TERMINAL_NAME.exec(text)?.[1];
    if (name !== undefined) resolve(name);
  });
  from.on('error', () => undefined); // `close` follows
  from.on('close', () => resolve(''));
  return promise;
}
