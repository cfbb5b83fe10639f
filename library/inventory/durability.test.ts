// No book lost, none doubled: the real program against a real PostgreSQL, through kill -9 and an
// outage of the database.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bookNumber, temporaryFolder } from '../shared/books.fixture.ts';
import { systemClock } from '../shared/clock.ts';
import { call } from '../shared/http.ts';
import { PostgresFixture } from './postgres.fixture.ts';

/** Without it, a book that never arrives would be waited for without end. */
const LIMIT = { timeout: 60_000 };
const PROGRAM = fileURLToPath(new URL('main.ts', import.meta.url));

let postgres: PostgresFixture;
before(async () => {
  postgres = await PostgresFixture.start();
});
after(() => postgres[Symbol.asyncDispose]());

/** The inventory as a process of its own; all that its incarnations print ends up in `lines`. */
class Program {
  readonly lines: string[] = [];
  readonly #queueFile: string;
  #process: ChildProcess | undefined;
  #url = '';

  constructor(queueFile: string) {
    this.#queueFile = queueFile;
  }

  get url(): string {
    return this.#url;
  }

  async start(): Promise<void> {
    const { host, port, user, password, name } = postgres.database;
    const child = spawn(process.execPath, [PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PORT: '0',
        QUEUE_FILE: this.#queueFile,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
        PGDATABASE: name,
      },
    });
    const ready = Promise.withResolvers<string>();
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [, url] = /ready on (\S+)$/.exec(line) ?? [];
        if (url) ready.resolve(url);
        else this.lines.push(line);
      }
    });
    this.#process = child;
    this.#url = await ready.promise;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    assert(child);
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  /** Adds books; true when all were acknowledged. */
  async add(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) {
      const result = await call(`${this.#url}/books`, { method: 'POST', body: bookNumber(n) });
      assert(result.ok && result.status === 202, `book ${n}: ${JSON.stringify(result)}`);
    }
  }

  async untilInserted(count: number): Promise<void> {
    while (new Set(this.inserted).size < count) await systemClock.sleep(10);
  }

  get inserted(): string[] {
    return this.lines.filter((line) => line.startsWith('✅ inserted '));
  }
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
const titles = async (): Promise<unknown[]> =>
  postgres.values('SELECT title AS value FROM books ORDER BY id');

test('kill -9 at any moment loses no acknowledged book and doubles none', LIMIT, async () => {
  using folder = temporaryFolder();
  const program = new Program(folder.path('queue'));
  await program.start();
  for (let round = 0; round < 6; round += 1) {
    await program.add(range(round * 10 + 1, round * 10 + 10));
    await program.untilInserted(round * 10 + round); // somewhere in the midst of the work
    await program.end('SIGKILL');
    await program.start();
  }
  await program.untilInserted(60);
  await program.end('SIGTERM');
  assert.deepEqual(
    await titles(),
    range(1, 60).map((n) => `Book ${n}`),
  );
  // between the line and its note on disk a kill repeats a line: at most one for each kill
  assert(program.inserted.length - 60 <= 6, `${program.inserted.length} lines for 60 rows`);
});

test('an outage of the database costs time and nothing else', LIMIT, async () => {
  using folder = temporaryFolder();
  const program = new Program(folder.path('queue'));
  await program.start();
  await program.add(range(101, 105));
  await program.untilInserted(5);
  await postgres.stop();
  await program.add(range(106, 115));
  while (!program.lines.some((line) => line.startsWith('❌ Book 106: '))) {
    await systemClock.sleep(10);
  }
  await program.end('SIGTERM');
  await program.start();
  await postgres.start();
  await program.untilInserted(15);
  await program.end('SIGTERM');
  const found = await titles();
  assert.deepEqual(
    found.slice(-15),
    range(101, 115).map((n) => `Book ${n}`),
  );
  assert.deepEqual(
    program.inserted,
    range(101, 115).map((n) => `✅ inserted Book ${n}`),
  );
});
