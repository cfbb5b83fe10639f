// A bounded queue of books on disk: what was accepted outlives the process, also kill -9 and a
// power cut. An append-only file of JSON lines, `{"add":…}`, `{"done":"id"}`, `{"refused":"id",…}`,
// rewritten when it has grown. Written synchronously: a few lines a second, in a fixed order.
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isRecord, parseBook, type Book } from './book.ts';

export type BookLogLimits = {
  /** Books that wait; more are not accepted. */
  readonly pendingMax: number;
  /** Of the books done with, so many are remembered, the newest. */
  readonly doneMax: number;
};

export type RefusedBook = { readonly book: Book; readonly reason: string };

/** The file cannot be used; the message says which and why, for whoever runs the service. */
export class BookLogError extends Error {
  override readonly name = 'BookLogError';
}

/** Of the books that can never be done, so many are remembered. */
const REFUSED_MAX = 100;

export class BookLog implements Disposable {
  readonly #file: string;
  readonly #limits: BookLogLimits;
  /** Oldest first, all three. */
  readonly #pending = new Map<string, Book>();
  readonly #done = new Map<string, Book>();
  readonly #refused = new Map<string, RefusedBook>();
  #doneCount = 0;
  #descriptor = -1;
  #bytes = 0;
  #lines = 0;
  #unwritten: string[] = [];
  #wake = Promise.withResolvers<void>();

  /** @throws BookLogError when the file is damaged or cannot be written */
  constructor(file: string, limits: BookLogLimits) {
    this.#file = file;
    this.#limits = limits;
    try {
      mkdirSync(dirname(file), { recursive: true });
      this.#replay(readIfThere(file));
      this.#rewrite();
    } catch (error) {
      throw error instanceof BookLogError ? error : this.#failure('cannot be opened', error);
    }
  }

  /** The books that wait, oldest first. */
  get pending(): readonly Book[] {
    return [...this.#pending.values()];
  }

  /** The books done with that are remembered, newest first. */
  get done(): readonly Book[] {
    return [...this.#done.values()].toReversed();
  }

  get refused(): readonly RefusedBook[] {
    return [...this.#refused.values()].toReversed();
  }

  /** All that were ever done, also those no longer remembered. */
  get doneCount(): number {
    return this.#doneCount;
  }

  /**
   * Takes a book in. When this returns `added`, the book is on disk.
   * @throws BookLogError when it cannot be written; the book is then not in
   */
  add(book: Book): 'added' | 'known' | 'full' {
    const { id } = book;
    if (this.#pending.has(id) || this.#done.has(id) || this.#refused.has(id)) return 'known';
    if (this.#pending.size >= this.#limits.pendingMax) return 'full';
    this.#append({ add: book });
    this.#pending.set(id, book);
    this.#wake.resolve();
    return 'added';
  }

  /**
   * The book is done with. Not forced to disk, and kept for later where the disk is full: what is
   * lost of this is only done once more.
   */
  finish(id: string): void {
    const book = this.#take(id);
    if (!book) return;
    this.#remember(book);
    this.#appendSooner({ done: id });
  }

  /** The book can never be done, for this reason. */
  refuse(id: string, reason: string): void {
    const book = this.#take(id);
    if (!book) return;
    this.#reject(book, reason);
    this.#appendSooner({ refused: id, reason });
  }

  /** The book that waits longest, as soon as there is one. */
  async next(signal: AbortSignal): Promise<Book> {
    for (;;) {
      signal.throwIfAborted();
      const [first] = this.#pending.values();
      if (first) return first;
      this.#wake = Promise.withResolvers<void>();
      const stop = (): void => this.#wake.resolve();
      signal.addEventListener('abort', stop, { once: true });
      await this.#wake.promise;
      signal.removeEventListener('abort', stop);
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #take(id: string): Book | undefined {
    const book = this.#pending.get(id);
    this.#pending.delete(id);
    return book;
  }

  #remember(book: Book): void {
    this.#doneCount += 1;
    this.#done.set(book.id, book);
    const [oldest] = this.#done.keys();
    if (this.#done.size > this.#limits.doneMax && oldest !== undefined) this.#done.delete(oldest);
  }

  #reject(book: Book, reason: string): void {
    this.#refused.set(book.id, { book, reason });
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > REFUSED_MAX && oldest !== undefined) this.#refused.delete(oldest);
  }

  /** Writes the line behind all that could not be written before, and forces it to disk. */
  #append(line: unknown): void {
    try {
      this.#write([...this.#unwritten, renderLine(line)]);
      this.#unwritten = [];
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      throw this.#failure('cannot be written', error);
    }
  }

  /** Writes the line, or keeps it for the next time. At most as many are kept as books waited. */
  #appendSooner(line: unknown): void {
    this.#unwritten.push(renderLine(line));
    try {
      this.#write(this.#unwritten);
      this.#unwritten = [];
    } catch {
      // the disk is full; whoever adds a book is told so
    }
  }

  #write(lines: readonly string[]): void {
    const { pendingMax, doneMax } = this.#limits;
    if (this.#lines > 4 * (pendingMax + doneMax)) this.#rewrite();
    try {
      this.#bytes += writeWhole(this.#descriptor, lines.join(''));
      this.#lines += lines.length;
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#bytes); // else the next line is glued to half a one
      throw error;
    }
  }

  /** Writes what is known into a new file and puts that in the old one's place. */
  #rewrite(): void {
    const lines: unknown[] = [{ doneBefore: this.#doneCount - this.#done.size }];
    for (const book of this.#done.values()) lines.push({ add: book }, { done: book.id });
    for (const { book, reason } of this.#refused.values()) {
      lines.push({ add: book }, { refused: book.id, reason });
    }
    for (const book of this.#pending.values()) lines.push({ add: book });
    const next = `${this.#file}.new`;
    const descriptor = openSync(next, 'w', 0o600);
    const bytes = writeWhole(descriptor, lines.map(renderLine).join(''));
    fsyncSync(descriptor);
    renameSync(next, this.#file);
    const folder = openSync(dirname(this.#file), 'r');
    fsyncSync(folder); // else a power cut may bring the old file back
    closeSync(folder);
    this[Symbol.dispose]();
    this.#descriptor = descriptor;
    this.#bytes = bytes;
    this.#lines = lines.length;
  }

  /** The last line may be half written: it was never acknowledged. Any other must be whole. */
  #replay(text: string): void {
    const lines = text.split('\n').slice(0, -1);
    for (const [index, line] of lines.entries()) {
      if (!this.#replayLine(line)) {
        throw new BookLogError(
          `${this.#file} is damaged in line ${index + 1}; move it away to begin with an empty one`,
        );
      }
    }
  }

  #replayLine(line: string): boolean {
    const entry = parseJson(line);
    if (!isRecord(entry)) return false;
    const { add, done, refused, reason, doneBefore } = entry;
    if (typeof doneBefore === 'number') this.#doneCount += doneBefore;
    else if (typeof done === 'string') {
      const book = this.#take(done);
      if (book) this.#remember(book);
    } else if (typeof refused === 'string') {
      const book = this.#take(refused);
      if (book) this.#reject(book, String(reason));
    } else {
      const parsed = parseBook(add, 0);
      if (!parsed.ok) return false;
      this.#pending.set(parsed.book.id, parsed.book);
    }
    return true;
  }

  #failure(what: string, cause: unknown): BookLogError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new BookLogError(`${this.#file} ${what}: ${reason}`, { cause });
  }
}

const renderLine = (line: unknown): string => `${JSON.stringify(line)}\n`;

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

/** One write may take less than all of it. Returns the number of bytes. */
function writeWhole(descriptor: number, text: string): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
  return bytes.length;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
