// A small file that is replaced as a whole and survives a power cut.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const FILE_MODE = 0o600;
const DIR_MODE = 0o700;

/**
 * A reader, or the next start, sees the old content or the new one. Mode 0600; its folder is made.
 *
 * @throws Node's own error (full disk, missing permission); the old content is then intact
 */
export async function replaceFile(path: string, content: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: DIR_MODE });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true }); // left by a crash, perhaps with other permissions
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(folder);
  try {
    await directory.sync(); // makes the rename itself durable
  } finally {
    await directory.close();
  }
}
