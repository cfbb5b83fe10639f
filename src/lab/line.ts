// The line between a lab and whoever made it: messages both ways, and inwards also listening
// sockets, so that a port of the outside is answered by the inside (a socket stays in the network
// namespace that it was made in). It is Node's IPC channel, which ends with either end.
import type { ChildProcess, Serializable } from 'node:child_process';
import { type EventEmitter, on } from 'node:events';
import { Server } from 'node:net';
import { isRecord } from '#kube/objects.ts';

/** What is said; plain data, read with care at the other end. */
export type Message = Readonly<Record<string, unknown>> & { readonly kind: string };

export type Heard = {
  readonly message: Message;
  /** The listening socket that came with it. */
  readonly door: Server | undefined;
};

type End = EventEmitter & {
  readonly connected: boolean;
  send?(
    message: Serializable,
    handle: Server | undefined,
    options: object,
    callback: (error: Error | null) => void,
  ): boolean;
  disconnect?(): void;
};

export class Line {
  readonly #end: End;

  private constructor(end: End) {
    this.#end = end;
  }

  /** The outside's end, of a child that was started with an IPC channel. */
  static to(child: ChildProcess): Line {
    return new Line(child);
  }

  /** The inside's end; undefined where nobody has opened a line. */
  static out(): Line | undefined {
    return process.send === undefined ? undefined : new Line(process);
  }

  /** What is said from now on, in its order, until the line ends. */
  async *hear(): AsyncGenerator<Heard> {
    for await (const [value, handle] of on(this.#end, 'message', { close: ['disconnect'] })) {
      if (!isMessage(value)) continue; // of nobody who speaks like this
      yield { message: value, door: handle instanceof Server ? handle : undefined };
    }
  }

  /** Resolves once it is on its way; a line that has ended takes it silently. */
  async send(message: Message, door?: Server): Promise<void> {
    if (!this.#end.connected) return;
    await new Promise<void>((resolve) => {
      this.#end.send?.({ ...message }, door, {}, () => resolve());
    });
  }

  /** Ends it. Whoever hears keeps its process alive until then. */
  close(): void {
    if (this.#end.connected) this.#end.disconnect?.();
  }
}

const isMessage = (value: unknown): value is Message =>
  isRecord(value) && typeof value['kind'] === 'string';
