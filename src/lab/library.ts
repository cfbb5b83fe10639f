// The library's side of the story: its tables in PostgreSQL, and the client that enters books.
import { fileURLToPath } from 'node:url';
import type { Host } from './host.ts';
import type { Postgres } from './postgres.ts';
import type { LabProcess } from './process.ts';
import type { SessionsReport } from './programs/sessions.ts';

const WRITER = fileURLToPath(new URL('programs/writer.ts', import.meta.url));
const SESSIONS = fileURLToPath(new URL('programs/sessions.ts', import.meta.url));
const INSERTED = '✅ inserted ';
/** Longer than the programs themselves wait for an answer: theirs is the better sentence. */
const ANSWER_LIMIT_MS = 15_000;

export type Target = { readonly host: string; readonly port: number };

/** `books` is what the writer fills, `held` what the held transactions write into. */
export async function createTables(postgres: Postgres): Promise<void> {
  await postgres.query(
    `CREATE TABLE books (id int PRIMARY KEY, title text NOT NULL, note text NOT NULL,
       entered_at timestamptz NOT NULL DEFAULT now());
     CREATE TABLE held (session int NOT NULL, step text NOT NULL);
     ALTER TABLE books OWNER TO library;
     ALTER TABLE held OWNER TO library;`,
  );
}

/** Titles of the committed books in the order of their ids: what the far side really has. */
export async function committedTitles(postgres: Postgres): Promise<string[]> {
  return await postgres.query('SELECT title FROM books ORDER BY id');
}

/** The program that enters a book every half second. */
export class Writer {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /**
   * @param options.note is stored with every book: a marker to look for on the wire
   * @param options.firstId of the books; default 1
   */
  static start(
    machine: Host,
    options: Target & {
      readonly note: string;
      readonly firstId?: number;
      readonly onLine?: (line: string) => void;
    },
  ): Writer {
    const { host, port, note, firstId = 1, onLine } = options;
    const command = [process.execPath, WRITER, host, String(port), note, String(firstId)];
    return new Writer(machine.start(`writer-${firstId}`, command, onLine ? { onLine } : {}));
  }

  /** Titles that it said were committed, in that order. */
  get inserted(): string[] {
    return this.#process.lines
      .filter((line) => line.startsWith(INSERTED))
      .map((line) => line.slice(INSERTED.length));
  }

  get failures(): string[] {
    return this.#process.lines.filter((line) => line.startsWith('❌'));
  }

  /**
   * Waits until this many more books than now are in.
   *
   * @throws OperatorError LAB_FAILED with what the writer last said
   */
  async waitForMore(count: number, limitMs: number): Promise<void> {
    const from = this.#process.lines.length;
    let seen = 0;
    const isLast = (line: string): boolean => {
      if (line.startsWith(INSERTED)) seen += 1;
      return seen >= count;
    };
    await this.#process.waitForLine(isLast, { what: `${count} books`, limitMs, from });
  }

  async waitForFailure(limitMs: number): Promise<string> {
    const from = this.#process.lines.length;
    return await this.#process.waitForLine(/^❌/, { what: 'a failure', limitMs, from });
  }

  /** Lets it finish the book at hand. @returns whether it did */
  async finish(): Promise<boolean> {
    this.#process.signal('SIGTERM');
    const { status } = await this.#process.exited;
    return status === 0;
  }
}

/** Transactions that are held open, and asked from time to time whether they still are. */
export class HeldSessions implements AsyncDisposable {
  readonly #process: LabProcess;
  readonly opened: SessionsReport;

  private constructor(process: LabProcess, opened: SessionsReport) {
    this.#process = process;
    this.opened = opened;
  }

  /** @throws OperatorError LAB_FAILED when not all could be opened */
  static async open(
    machine: Host,
    options: Target & { readonly name: string; readonly count: number },
  ): Promise<HeldSessions> {
    const { host, port, name, count } = options;
    const command = [process.execPath, SESSIONS, host, String(port), String(count)];
    const program = machine.start(name, command);
    const limits = { what: `open ${count} transactions`, limitMs: ANSWER_LIMIT_MS };
    return new HeldSessions(program, parseReport(await program.waitForLine(/^\{/, limits)));
  }

  /** Runs a statement in every one of the transactions. */
  async probe(step: string): Promise<SessionsReport> {
    return await this.#ask(`probe ${step}`);
  }

  async commit(): Promise<SessionsReport> {
    return await this.#ask('commit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }

  async #ask(command: string): Promise<SessionsReport> {
    const from = this.#process.lines.length;
    this.#process.writeLine(command);
    const limits = { what: command, limitMs: ANSWER_LIMIT_MS, from };
    return parseReport(await this.#process.waitForLine(/^\{/, limits));
  }
}

function parseReport(line: string): SessionsReport {
  const value: unknown = JSON.parse(line);
  if (!isReport(value)) throw new Error(`not a report of held sessions: ${line}`);
  return value;
}

function isReport(value: unknown): value is SessionsReport {
  return (
    typeof value === 'object' &&
    value !== null &&
    'alive' in value &&
    typeof value.alive === 'number' &&
    'problems' in value &&
    Array.isArray(value.problems) &&
    'backends' in value &&
    Array.isArray(value.backends)
  );
}
