// The end of a log file, and what is written to it from then on, however it is rotated.
import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Clock } from '#base/clock.ts';
import { printable } from '#base/printable.ts';
import { isMissing } from '../files.ts';

export type TailedLine = { readonly atMs: number | null; readonly text: string };

export const LINES_MAX = 1_000;
export const LINE_LENGTH_MAX = 8 << 10;
/** How far back the last lines are looked for. */
const TAIL_BYTES = 512 << 10;
/** Read in one go while following; what a writer adds faster than this is skipped, and said. */
const STEP_BYTES = 256 << 10;
const POLL_MS = 250;

type TailOptions = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of open(2); default O_RDONLY. */
  readonly flags?: number;
};

/**
 * The last lines, then, with `follow`, new ones until aborted. A file that is not there yet is an
 * empty one.
 */
export async function* tailFile(
  path: string,
  wanted: { readonly lines: number; readonly follow: boolean },
  options: TailOptions,
): AsyncGenerator<readonly TailedLine[], void, undefined> {
  const { flags = constants.O_RDONLY } = options;
  const end = await readEnd({ path, flags }, Math.min(wanted.lines, LINES_MAX));
  yield end.lines;
  if (!wanted.follow) return;
  let { place } = end;
  let rest = end.rest;
  for (;;) {
    await options.clock.sleep(POLL_MS, options.signal);
    const step = await readOn({ path, flags }, place);
    place = step.place;
    if (step.skipped > 0) {
      rest = '';
      yield [
        { atMs: null, text: `(${step.skipped} bytes were written faster than they are read)` },
      ];
    }
    const lines = `${rest}${step.text}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX);
    if (lines.length > 0) yield lines.map(readLine);
  }
}

/** Where reading goes on: in which file (a rotated one is another), behind which byte. */
type Place = { readonly inode: number; readonly offset: number };

const NOWHERE: Place = { inode: 0, offset: 0 };

/** A file, and how it is opened. */
type Source = { readonly path: string; readonly flags: number };

async function readEnd(source: Source, count: number) {
  const file = await openIfPresent(source);
  if (!file) return { lines: [], rest: '', place: NOWHERE };
  try {
    const { size, ino } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const text = await readText(file, start, size - start);
    const lines = text.split('\n');
    const rest = lines.pop() ?? ''; // not finished yet
    if (start > 0) lines.shift(); // begins in the middle
    const last = count === 0 ? [] : lines.slice(-count);
    return { lines: last.map(readLine), rest, place: { inode: ino, offset: size } };
  } finally {
    await file.close();
  }
}

async function readOn(
  source: Source,
  place: Place,
): Promise<{ readonly text: string; readonly place: Place; readonly skipped: number }> {
  const nothing = { text: '', place, skipped: 0 };
  const now = await stat(source.path).catch(() => undefined);
  if (!now || (now.ino === place.inode && now.size === place.offset)) return nothing;
  const file = await openIfPresent(source);
  if (!file) return nothing;
  try {
    const { size, ino } = await file.stat();
    const isSame = ino === place.inode && size >= place.offset;
    const from = isSame ? place.offset : 0;
    const skipped = Math.max(0, size - from - STEP_BYTES);
    const text = await readText(file, from + skipped, size - from - skipped);
    return { text, place: { inode: ino, offset: size }, skipped };
  } finally {
    await file.close();
  }
}

async function openIfPresent({ path, flags }: Source): Promise<FileHandle | undefined> {
  const file = await open(path, flags).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!file || (await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is no file`);
}

async function readText(file: FileHandle, position: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.toString('utf8', 0, bytesRead);
}

export const readLine = (text: string): TailedLine => ({
  atMs: timeOf(text),
  text: printable(text, LINE_LENGTH_MAX),
});

/** Ours and the access log's (UTC, with a Z), Envoy's own (the machine's time). */
const TIME = /^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z?)/;

function timeOf(text: string): number | null {
  const [, day, time, zone = ''] = TIME.exec(text) ?? [];
  const atMs = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(atMs) ? null : atMs;
}
