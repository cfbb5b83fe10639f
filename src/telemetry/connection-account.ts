// What connections have carried, from the entries of Envoy's access log. Entries repeat a
// connection's bytes since its beginning; here they become what each adds. Pure but for its own
// table, which is bounded.
import type { ConnectionDelta } from './standard-metrics.ts';

/** One access-log entry of a TCP connection, reduced to what is counted. */
export type ConnectionEntry = {
  /** Which of Envoy's loggers wrote it: tells the side of the call. */
  readonly logName: string;
  /** Envoy's id of the connection, the same in each of its entries. */
  readonly streamId: string;
  readonly stage: 'connected' | 'periodic' | 'end';
  readonly startedAtMs: number;
  /** From its beginning until the server was reached; absent: not known. */
  readonly connectMs?: number;
  /** From the downstream and to it, since the connection began. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
};

/** Above Envoy's own limit of open connections, so that only lost ends can fill it. */
const CONNECTIONS_MAX = 65_536;

type Counted = { readonly receivedBytes: number; readonly sentBytes: number };

export class ConnectionAccount {
  readonly #sinceMs: number;
  /** What was counted of open connections, those with the oldest entry first. */
  readonly #counted = new Map<string, Counted>();

  /** @param sinceMs when counting began: what older connections carried before is not counted */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  get openConnections(): number {
    return this.#counted.size;
  }

  /**
   * What the entry adds. A connection that an earlier agent has counted is taken up where it stands
   * now: nothing is counted twice, and what it carried since that agent's last entry is not counted
   * at all.
   */
  record(entry: ConnectionEntry): ConnectionDelta {
    const { receivedBytes, sentBytes } = entry;
    const key = `${entry.logName} ${entry.streamId}`;
    const known = this.#counted.get(key);
    const isOlder = entry.startedAtMs < this.#sinceMs;
    const counted = known ?? (isOlder ? { receivedBytes, sentBytes } : NOTHING);
    this.#counted.delete(key);
    const isEnd = entry.stage === 'end';
    if (!isEnd) {
      if (this.#counted.size >= CONNECTIONS_MAX) this.#forgetOldest();
      this.#counted.set(key, {
        receivedBytes: Math.max(counted.receivedBytes, receivedBytes),
        sentBytes: Math.max(counted.sentBytes, sentBytes),
      });
    }
    return {
      opened: known || isOlder ? 0 : 1,
      closed: isEnd ? 1 : 0,
      // a counter never goes back, whatever an entry says
      receivedBytes: Math.max(0, receivedBytes - counted.receivedBytes),
      sentBytes: Math.max(0, sentBytes - counted.sentBytes),
    };
  }

  /** Its end was lost with a stream of the log; open connections report at short intervals. */
  #forgetOldest(): void {
    for (const key of this.#counted.keys()) {
      this.#counted.delete(key);
      return;
    }
  }
}

const NOTHING: Counted = { receivedBytes: 0, sentBytes: 0 };
