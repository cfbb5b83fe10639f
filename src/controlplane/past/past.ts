// Writes down what the mesh is shown as, change by change, and tells how it was shown at a moment
// gone by. What a crash of isthmusd loses is the last second.
import { join } from 'node:path';
import type { HistoryMark } from '#api/history-marks.ts';
import type { IdentityEvent } from '#api/identity.ts';
import type { Clock } from '#base/clock.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Span } from '#telemetry/flows/flows.ts';
import { deltaOf, type Change, type Documents } from './documents.ts';
import { PastStore, type Left, type Line, type Moment } from './store.ts';

export type PastOptions = {
  /** Undefined: in memory alone, for tests of other parts. */
  readonly stateDir?: string | undefined;
  readonly clock: Clock;
  readonly log?: Logger;
};

const WRITE_MS = 1000;
/** So often it is written down that nothing has changed: of a crash that much is not known. */
const STILL_MS = 5000;
const PRUNE_MS = 60_000;
/** A new keyframe comes when the changes have become as long as the last, */
const CHANGES_MIN = 256 << 10;
/** and at least so often: whoever asks for a moment gets it from one keyframe and its changes. */
const SEGMENT_MS_MAX = 3_600_000;
/** Waiting to be written while the disk is full. */
const WAITING_MAX = 1000;

export class Past implements Disposable {
  readonly #store: PastStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** As told last; undefined: it has not begun. */
  #documents: Map<string, unknown> | undefined;
  /** The segment that is open; undefined: none, and the next write begins one. */
  #open: { readonly from: number; readonly size: number; written: number } | undefined;
  #nowMs = 0;
  #writtenMs = 0;
  #prunedMs = 0;
  #isFailing = false;
  #lines: string[] = [];
  #marks: HistoryMark[] = [];
  #certificateEvents: IdentityEvent[] = [];
  #left: Left[] = [];

  /** @throws OperatorError STORE_FAILED */
  constructor({ stateDir, clock, log = silentLogger }: PastOptions) {
    this.#store = new PastStore(stateDir === undefined ? ':memory:' : join(stateDir, 'past.db'));
    this.#clock = clock;
    this.#log = log;
  }

  [Symbol.dispose](): void {
    this.#write();
    this.#store[Symbol.dispose]();
  }

  /** As told last; empty before `begin`. */
  get documents(): Documents {
    return this.#documents ?? new Map();
  }

  /** How it was when an earlier isthmusd ended, if it is not too long ago. */
  before(): Documents | undefined {
    return this.#store.read(Number.MAX_SAFE_INTEGER)?.documents;
  }

  /**
   * From now on this is what is shown.
   *
   * @param earlier what was shown until an earlier isthmusd ended: what is gone of it has left
   */
  begin(documents: Documents, earlier: Documents = new Map()): void {
    this.#documents = new Map(documents);
    this.#nowMs = Math.max(this.#now(), this.#store.endMs + 1);
    for (const [key, document] of earlier) {
      if (!documents.has(key)) this.#leave(key, document, this.#nowMs);
    }
    this.#write();
  }

  /** Now it is shown with these changes. Before `begin` nothing is shown. */
  take(changes: readonly Change[]): void {
    const documents = this.#documents;
    if (!documents) return;
    const atMs = this.#now();
    for (const change of changes) {
      const { key, value } = change;
      const before = documents.get(key);
      const delta = deltaOf(change, before);
      if (!delta) continue;
      if (value === undefined) {
        documents.delete(key);
        this.#leave(key, before, atMs);
      } else documents.set(key, value);
      if (this.#open) this.#lines.push(JSON.stringify([atMs, delta] satisfies Line));
    }
  }

  #leave(key: string, document: unknown, atMs: number): void {
    const isWorthKeeping = key.startsWith('node:') || key.startsWith('edge:');
    if (isWorthKeeping) this.#left = bounded([...this.#left, { key, atMs, document }]);
  }

  note(mark: HistoryMark): void {
    this.#marks = bounded([...this.#marks, mark]);
  }

  noteCertificate(event: IdentityEvent): void {
    this.#certificateEvents = bounded([...this.#certificateEvents, event]);
  }

  /** Undefined: nothing is known of any moment. */
  at(atMs: number): Moment | undefined {
    this.#write();
    return this.#store.read(Math.min(atMs, this.#now()));
  }

  /** What has left, as it was. */
  left(key: string): Left | undefined {
    return this.#left.findLast((left) => left.key === key) ?? this.#store.left(key);
  }

  /** Oldest first. */
  marks(span: Span): readonly HistoryMark[] {
    this.#write();
    return this.#store.marks(span);
  }

  /** Up to that moment. */
  certificateEvents(toMs: number): readonly IdentityEvent[] {
    this.#write();
    return this.#store.certificateEvents(toMs);
  }

  /** Until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(WRITE_MS, signal).catch(() => undefined); // aborted: the loop ends
      this.#write();
      await this.#tidy();
    }
  }

  /** Time does not go back: a change is never before the one that it follows. */
  #now(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#clock.nowMs());
    return this.#nowMs;
  }

  #write(): void {
    const nowMs = this.#now();
    this.#tryTo(() => {
      const open = this.#open;
      const isStill = nowMs - this.#writtenMs < STILL_MS && this.#isNothingWaiting();
      if (!isStill) {
        const lines = this.#lines;
        this.#store.write({
          open: open && { from: open.from, toMs: nowMs },
          lines,
          marks: this.#marks,
          certificateEvents: this.#certificateEvents,
          left: this.#left,
        });
        if (open) open.written += lines.reduce((sum, line) => sum + line.length, 0);
        [this.#lines, this.#marks, this.#certificateEvents, this.#left] = [[], [], [], []];
        this.#writtenMs = nowMs;
      }
      this.#beginSegment(nowMs);
    });
  }

  #isNothingWaiting(): boolean {
    const waiting = [this.#lines, this.#marks, this.#certificateEvents, this.#left];
    return waiting.every(({ length }) => length === 0);
  }

  /** A keyframe, where one is due. */
  #beginSegment(nowMs: number): void {
    const open = this.#open;
    if (!this.#documents) return;
    if (open) {
      const isLong = open.written > Math.max(CHANGES_MIN, open.size);
      const isDue = isLong || nowMs - open.from > SEGMENT_MS_MAX;
      if (!isDue || nowMs <= open.from) return;
    }
    const { size } = this.#store.begin(nowMs, this.#documents);
    this.#open = { from: nowMs, size, written: 0 };
  }

  async #tidy(): Promise<void> {
    const nowMs = this.#now();
    if (nowMs - this.#prunedMs < PRUNE_MS) return;
    this.#prunedMs = nowMs;
    try {
      while (await this.#store.packOne(this.#open?.from));
      this.#store.prune(nowMs);
    } catch (error) {
      this.#failed(error);
    }
  }

  #tryTo(write: () => void): void {
    try {
      write();
      this.#isFailing = false;
    } catch (error) {
      // What was not written is a gap, which is told; changes go on from the next keyframe.
      this.#lines = [];
      this.#open = undefined;
      this.#failed(error);
    }
  }

  /** What a full disk costs here is the past, and nothing else. */
  #failed(error: unknown): void {
    if (!(error instanceof OperatorError)) throw error;
    if (!this.#isFailing) this.#log.error(error.message, { remedy: error.remedy });
    this.#isFailing = true;
  }
}

const bounded = <T>(waiting: readonly T[]): T[] => waiting.slice(-WAITING_MAX);
