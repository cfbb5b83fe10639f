// Holds transactions open, and proves on demand that they still are: a statement in each of them.
//
// usage: sessions.ts HOST PORT COUNT
// standard input, a line each: `probe STEP` runs a statement in every transaction, `commit` ends
// them; every answer is one line of JSON (SessionsReport).
import { createInterface } from 'node:readline';
import type { Client } from 'pg';
import { createClient } from './database.ts';
import { describeDatabaseFailure } from './database-failure.ts';

/** The answer to each command, and the first line, once all transactions are open. */
export type SessionsReport = {
  /** Sessions that did as asked. */
  readonly alive: number;
  /** Why the others did not, a sentence each. */
  readonly problems: readonly string[];
  /** Process numbers of the database backends: other ones would be other sessions. */
  readonly backends: readonly number[];
};

const ANSWER_LIMIT_MS = 10_000;

const [host = '', port = '', count = ''] = process.argv.slice(2);
const target = `${host}:${port}`;

type Session = { readonly number: number; readonly client: Client };

async function open(number: number): Promise<Session> {
  const client = createClient({ host, port: Number(port), limitMs: ANSWER_LIMIT_MS });
  await client.connect();
  await client.query('BEGIN');
  return { number, client };
}

/** Runs the same in every session, side by side, and tells how it went. */
async function inAll(
  sessions: readonly Session[],
  statement: (session: Session) => Promise<unknown>,
): Promise<SessionsReport> {
  const problems: string[] = [];
  const backends: number[] = [];
  await Promise.all(
    sessions.map(async (session) => {
      try {
        backends.push(await backendOf(session));
        await statement(session);
      } catch (error) {
        problems.push(`session ${session.number}: ${describeDatabaseFailure(error, target)}`);
      }
    }),
  );
  const alive = sessions.length - problems.length;
  return { alive, problems, backends: backends.toSorted((a, b) => a - b) };
}

async function backendOf({ client }: Session): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

const answer = (report: SessionsReport): void => {
  process.stdout.write(`${JSON.stringify(report)}\n`);
};

async function serve(sessions: readonly Session[]): Promise<void> {
  answer(await inAll(sessions, () => Promise.resolve()));
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, step = ''] = line.split(' ');
    if (command === 'probe') {
      const insert = 'INSERT INTO held (session, step) VALUES ($1, $2)';
      answer(await inAll(sessions, ({ number, client }) => client.query(insert, [number, step])));
    } else if (command === 'commit') {
      answer(await inAll(sessions, ({ client }) => client.query('COMMIT')));
    }
  }
}

try {
  await serve(await Promise.all(Array.from({ length: Number(count) }, (_, n) => open(n))));
} catch (error) {
  process.stderr.write(`❌ ${describeDatabaseFailure(error, target)}\n`);
  process.exit(1);
}
