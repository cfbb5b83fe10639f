// One request to an agent on its way: answers that have come and are not taken yet.
import type { AgentAnswer } from '#gen/isthmus/v1/attend_pb.js';
import { AgentRequestError, type AgentKey } from './agents.ts';

/** What may wait for whoever asked; one who reads more slowly than this gets no more. */
const WAITING_BYTES_MAX = 8 << 20;

type Part = { readonly answer: AgentAnswer; readonly bytes: number };

export class OpenRequest {
  readonly #key: AgentKey;
  readonly #waiting: Part[] = [];
  #waitingBytes = 0;
  #isAnswered = false;
  #end: { readonly error: AgentRequestError | undefined } | undefined;
  #wake = (): void => undefined;

  constructor(key: AgentKey) {
    this.#key = key;
  }

  /** Has the agent said all? */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  receive(answer: AgentAnswer, bytes: number): void {
    this.#isAnswered ||= answer.isLast || answer.problem !== '';
    if (this.#end) return;
    if (answer.problem !== '') {
      return this.end(
        new AgentRequestError('refused', `the agent of ${this.#key}: ${answer.problem}`),
      );
    }
    if (answer.isLast) return this.end();
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > WAITING_BYTES_MAX) {
      return this.end(new AgentRequestError('busy', 'answers come faster than they are read'));
    }
    this.#waiting.push({ answer, bytes });
    this.#wake();
  }

  end(error?: AgentRequestError): void {
    this.#end ??= { error };
    this.#wake();
  }

  /**
   * The next answer; undefined: there are no more.
   *
   * @throws AgentRequestError, and the signal's reason
   */
  async next(signal: AbortSignal): Promise<AgentAnswer | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const part = this.#waiting.shift();
      if (part) {
        this.#waitingBytes -= part.bytes;
        return part.answer;
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return undefined;
      await this.#change(signal);
    }
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }
}
