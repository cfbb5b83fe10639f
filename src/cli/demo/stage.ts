// Where the demo is shown: its output, its clock, which stands while the audience takes its time,
// and the Enter key for which it waits then.
import { createInterface, type Interface } from 'node:readline';
import { type Clock, systemClock } from '#base/clock.ts';
import { aborted } from '#base/tasks.ts';
import type { Check } from '#lab/story/checks.ts';
import type { StoryEvent } from '#lab/story/narrator.ts';
import type { Telling } from '#lab/story/telling.ts';
import {
  ERASE_PROMPT,
  type Invitation,
  type Look,
  renderBook,
  renderChecks,
  renderEvent,
  renderInvitation,
  renderPrompt,
  renderTitle,
  renderVerdict,
} from './view.ts';

export type StageParts = {
  readonly look: Look;
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  /** Where Enter comes from; undefined: nobody is waited for. */
  readonly keys?: NodeJS.ReadableStream | undefined;
  readonly clock?: Clock;
};

const INPUT_ENDED = 'standard input has ended: the story goes on without waiting';

export class Stage {
  readonly #parts: StageParts;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #keys: Interface | undefined;
  #pausedMs = 0;
  #firstRowMs = -1;
  #hasKeys: boolean;
  #isBookShown = false;
  #shown: StoryEvent['kind'] | undefined;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#startedAtMs = this.#clock.nowMs();
    this.#keys = parts.keys && createInterface({ input: parts.keys });
    this.#hasKeys = parts.keys !== undefined;
    this.#keys?.once('close', () => {
      this.#hasKeys = false;
    });
    parts.write(renderTitle(parts.look));
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** How long the story has taken, without what the audience took. */
  get elapsedMs(): number {
    return this.#clock.nowMs() - this.#startedAtMs - this.#pausedMs;
  }

  /** From the beginning to the first `✅`; -1: there was none. */
  get firstRowMs(): number {
    return this.#firstRowMs;
  }

  show(event: StoryEvent): void {
    const { look, write } = this.#parts;
    const isRow = event.kind === 'line' && event.text.startsWith('✅');
    if (isRow && this.#firstRowMs < 0) this.#firstRowMs = this.elapsedMs;
    write(renderEvent(event, { elapsedMs: this.elapsedMs, after: this.#shown }, look));
    this.#shown = event.kind;
  }

  showChecks(checks: readonly Check[]): void {
    this.#parts.write(renderChecks(checks, this.#parts.look));
  }

  showVerdict(checks: readonly Check[]): void {
    const { look, write } = this.#parts;
    write(renderVerdict({ checks, durationMs: this.elapsedMs }, look));
  }

  invite(invitation: Invitation): void {
    this.#parts.write(renderInvitation(invitation, this.#parts.look));
  }

  /** A sign of life, where it can be drawn over; elsewhere it would be noise. */
  showBook({ title, count }: Extract<Telling, { kind: 'book' }>): void {
    const { isTerminal, look, write } = this.#parts;
    if (!isTerminal) return;
    write(`${this.#isBookShown ? '' : '\n'}${renderBook(title, count, look)}`);
    this.#isBookShown = true;
  }

  /** Resolves with the next Enter or the signal, and at once when neither can come. */
  async pause(signal: AbortSignal): Promise<void> {
    const { look, write } = this.#parts;
    if (!this.#hasKeys || !this.#keys) return;
    const startedAtMs = this.#clock.nowMs();
    write(renderPrompt(look));
    const isEnter = await Promise.race([this.#nextKey(this.#keys), aborted(signal)]);
    if (signal.aborted) return;
    this.#pausedMs += this.#clock.nowMs() - startedAtMs;
    write(isEnter === true ? ERASE_PROMPT : '\n');
    if (isEnter !== true) this.show({ kind: 'step', text: INPUT_ENDED });
  }

  /** Lets go of the keyboard and leaves the cursor at the beginning of a line. */
  close(): void {
    this.#keys?.close();
    if (this.#isBookShown) this.#parts.write('\n');
  }

  async #nextKey(keys: Interface): Promise<boolean> {
    return await new Promise((resolve) => {
      const settle = (isEnter: boolean) => (): void => {
        keys.removeListener('line', onLine).removeListener('close', onClose);
        resolve(isEnter);
      };
      const [onLine, onClose] = [settle(true), settle(false)];
      keys.once('line', onLine).once('close', onClose);
    });
  }
}
