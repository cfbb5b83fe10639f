// The machine's files in their places, each in one step and never readable by more people than it
// ends up to be.
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import type { VmFile } from '#registry/vm/files.ts';

/**
 * @param root before every place; empty: this machine's own
 * @throws OperatorError FILE_UNREADABLE
 */
export async function placeFiles(files: readonly VmFile[], root: string): Promise<void> {
  for (const file of files) {
    const place = `${root}${file.place}`;
    try {
      await mkdir(dirname(place), { recursive: true });
      if (file.isAppended) await addLines(place, file.content);
      else await replaceFile(place, file);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new OperatorError('FILE_UNREADABLE', `cannot write ${place}: ${reason}`, {
        remedy: 'run it as root: sudo isthmus vm join …',
        cause,
      });
    }
  }
}

async function replaceFile(place: string, { content, mode }: VmFile): Promise<void> {
  const temporary = `${place}.new`;
  await writeFile(temporary, content, { mode: 0o600 });
  await chmod(temporary, mode);
  await rename(temporary, place);
}

/** Only those that are not there yet: a machine may join again. */
async function addLines(place: string, content: string): Promise<void> {
  const before = await readFile(place, 'utf8').catch(() => '');
  const known = new Set(before.split('\n').map((line) => line.trim()));
  const missing = content
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#') && !known.has(line.trim()));
  if (missing.length === 0) return;
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  await writeFile(place, `${before}${gap}${missing.join('\n')}\n`);
}
