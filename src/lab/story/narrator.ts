// How the story is told while it happens: chapters, the commands that a user would type with what
// they really print, and remarks.

/** What the audience is shown while it happens. */
export type StoryEvent =
  | { readonly kind: 'chapter'; readonly title: string }
  | { readonly kind: 'step'; readonly text: string }
  /** What is typed. */
  | { readonly kind: 'command'; readonly text: string }
  /** A line that a command, a program or a log has printed. */
  | { readonly kind: 'line'; readonly text: string };

export type Audience = (event: StoryEvent) => void;

export class Narrator {
  readonly #show: Audience;
  readonly #pause: (signal: AbortSignal) => Promise<void>;
  readonly #signal: AbortSignal;
  #hasBegun = false;

  /** @param options.pause is waited for before each chapter but the first */
  constructor(options: {
    readonly show: Audience;
    readonly pause?: (signal: AbortSignal) => Promise<void>;
    readonly signal: AbortSignal;
  }) {
    this.#show = options.show;
    this.#pause = options.pause ?? (async () => undefined);
    this.#signal = options.signal;
  }

  async chapter(title: string): Promise<void> {
    if (this.#hasBegun) await this.#pause(this.#signal);
    this.#hasBegun = true;
    this.#signal.throwIfAborted();
    this.#show({ kind: 'chapter', title });
  }

  step(text: string): void {
    this.#show({ kind: 'step', text });
  }

  line(text: string): void {
    this.#show({ kind: 'line', text });
  }

  /**
   * Shows a command, and what it printed once it has ended.
   *
   * @param options.linesMax of it; that there were more is said. Default: all
   * @returns all that it printed
   */
  async command(
    text: string,
    run: () => Promise<string>,
    { linesMax = Number.POSITIVE_INFINITY }: { readonly linesMax?: number } = {},
  ): Promise<string> {
    this.#signal.throwIfAborted();
    this.#show({ kind: 'command', text });
    const output = await run();
    const lines = output.trimEnd().split('\n');
    for (const line of lines.slice(0, linesMax)) this.line(line);
    if (lines.length > linesMax) this.line(`… ${lines.length - linesMax} more`);
    return output;
  }

  /** A command whose output comes line by line. */
  announce(text: string): void {
    this.#show({ kind: 'command', text });
  }
}
