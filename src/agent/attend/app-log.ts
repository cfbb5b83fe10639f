// The application's own log, where the machine's owner has said which it is: a systemd unit's
// journal, or one file. Nothing else can be asked for from afar.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import type { Clock } from '#base/clock.ts';
import { printable } from '#base/printable.ts';
import type { AppLog } from '../app-log-setting.ts';
import { LINE_LENGTH_MAX, LINES_MAX, tailFile, type TailedLine } from './log-tail.ts';

type Tail = { readonly lines: number; readonly follow: boolean; readonly signal: AbortSignal };
type Lines = AsyncGenerator<readonly TailedLine[], void, undefined>;

/** @throws Error, in one sentence, when it cannot be read */
export const tailAppLog = (log: AppLog, tail: Tail, clock: Clock): Lines =>
  log.kind === 'unit' ? tailJournal(log.unit, tail) : tailOwnFile(log.path, tail, clock);

/**
 * The application may write there, and this agent may read more than it may: a link to something
 * else in the file's place is not followed, and a pipe is not waited for.
 */
async function* tailOwnFile(path: string, tail: Tail, clock: Clock): Lines {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const options = { clock, signal: tail.signal, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK };
  try {
    yield* tailFile(path, tail, options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = REASONS[code];
    if (reason === undefined) throw error;
    throw new Error(`${path} ${reason}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read by the agent',
  EPERM: 'may not be read by the agent',
  ELOOP: 'is a symbolic link: name the file itself',
};

const PROBLEM_LENGTH_MAX = 300;
/** Beyond 4 KiB `journalctl` leaves a message out of its JSON; this is far above such a line. */
const JOURNAL_LINE_MAX = 64 << 10;

/** @param command another one in tests */
export async function* tailJournal(
  unit: string,
  { lines, follow, signal }: Tail,
  command = 'journalctl',
): Lines {
  const count = ['--lines', String(Math.min(lines, LINES_MAX))];
  const form = ['--output', 'json', '--output-fields', 'MESSAGE', '--no-pager', '--quiet'];
  const args = ['--unit', unit, ...count, ...form, ...(follow ? ['--follow'] : [])];
  signal.throwIfAborted();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < PROBLEM_LENGTH_MAX) said += text;
  });
  const ended = once(child, 'close');
  ended.catch(() => undefined); // told below, once all that it said is read
  try {
    yield* entriesOf(child.stdout.setEncoding('utf8'));
    const [status]: unknown[] = await ended;
    signal.throwIfAborted();
    if (status === 0) return;
    const reason = printable(said.trim().split('\n')[0] ?? '', PROBLEM_LENGTH_MAX);
    throw new Error(
      `the journal cannot be read: ${reason || `journalctl ended with ${String(status)}`}`,
    );
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) throw error;
    throw new Error('there is no journalctl on this machine', { cause: error });
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

async function* entriesOf(output: AsyncIterable<string>): Lines {
  let rest = '';
  for await (const text of output) {
    const lines = `${rest}${text}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, JOURNAL_LINE_MAX);
    const entries = lines.flatMap(readEntry);
    if (entries.length > 0) yield entries;
  }
}

/** A message that is no text is a list of bytes; one that is too long is null. */
function readEntry(line: string): readonly TailedLine[] {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return []; // a line that was cut
  }
  if (typeof entry !== 'object' || entry === null || !('MESSAGE' in entry)) return [];
  const { MESSAGE: message } = entry;
  const text = Array.isArray(message)
    ? Buffer.from(message.filter((byte) => typeof byte === 'number')).toString('utf8')
    : typeof message === 'string'
      ? message
      : '(a message too long to be shown)';
  const atUs = '__REALTIME_TIMESTAMP' in entry ? Number(entry.__REALTIME_TIMESTAMP) : Number.NaN;
  const atMs = Number.isFinite(atUs) ? Math.floor(atUs / 1000) : null;
  return text.split('\n').map((one) => ({ atMs, text: printable(one, LINE_LENGTH_MAX) }));
}
