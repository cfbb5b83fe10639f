// The client that is measured: opens one connection after the other, without waiting for those that
// are not answered, until one of them is treated as is expected after a change.
//
// It reads lines of JSON, each a Watch, and for each prints two: `watching` once a connection was
// treated as `before` says, and then a Sighting.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock } from '#base/clock.ts';
import { monotonicMs } from './process.ts';

export type Watch = {
  readonly host: string;
  readonly port: number;
  /** What connections end with now: a workload's name, or `refused`. */
  readonly before: string;
  /** And what is waited for. */
  readonly after: string;
  /**
   * What is not answered by then is refused: less where connections hang now, because they lead
   * nowhere. Default long, so that no slow answer counts as a refusal.
   */
  readonly attemptLimitMs?: number;
};

/** The first connection under the new configuration. CLOCK_MONOTONIC. */
export type Sighting = {
  readonly openedAtMs: number;
  readonly answeredAtMs: number;
  /** Connections meanwhile that were treated neither as before nor as after. */
  readonly disturbed: number;
};

export const REFUSED = 'refused';
/** Not shorter than the header of a TLS record: of less, Envoy waits to see whether it is one. */
const QUESTION = 'who are you?\n';
const ATTEMPT_LIMIT_MS = 5_000;
/** Between attempts: a client that never rests would measure its own load. */
const REST_MS = 2;

type Attempt = Omit<Sighting, 'disturbed'> & { readonly answer: string };

/** One connection with one question. */
async function attempt(target: Watch, signal: AbortSignal): Promise<Attempt> {
  const { host, port, attemptLimitMs = ATTEMPT_LIMIT_MS } = target;
  const openedAtMs = monotonicMs();
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ host, port, noDelay: true, signal });
    let said = '';
    const hangUp = (): void => void socket.destroy();
    void systemClock.sleep(attemptLimitMs, signal).then(hangUp, hangUp);
    socket.setEncoding('utf8').on('data', (text: string) => (said += text));
    socket.on('error', () => undefined); // `close` follows
    socket.once('connect', () => socket.write(QUESTION));
    socket.once('close', () => resolve(said.trim() || REFUSED));
  });
  return { answer, openedAtMs, answeredAtMs: monotonicMs() };
}

class Watching {
  readonly #target: Watch;
  readonly #over = new AbortController();
  #hasSeenBefore = false;
  #disturbed = 0;

  constructor(target: Watch) {
    this.#target = target;
  }

  async run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const rest = systemClock.sleep(REST_MS);
      const attempted = attempt(this.#target, this.#over.signal).then((it) => this.#take(it));
      await rest;
      // An answered one is over by now, or nearly: the next begins after it.
      await Promise.race([attempted, systemClock.sleep(REST_MS)]);
    }
  }

  #take({ answer, ...times }: Attempt): void {
    const { before, after } = this.#target;
    if (this.#over.signal.aborted) return;
    if (answer === before) {
      if (!this.#hasSeenBefore) process.stdout.write('watching\n');
      this.#hasSeenBefore = true;
    } else if (this.#hasSeenBefore && answer === after) {
      process.stdout.write(`${JSON.stringify({ ...times, disturbed: this.#disturbed })}\n`);
      this.#over.abort();
    } else if (this.#hasSeenBefore) this.#disturbed += 1;
  }
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const target: Watch = JSON.parse(line);
    await new Watching(target).run();
  }
}
