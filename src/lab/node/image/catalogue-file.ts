// The catalogue of images that the user added: one JSON file in the lab's state folder, written by
// `isthmus lab image add` and read by the node whenever it looks for an image.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import { type Catalogue, type Image, parseCatalogue, renderCatalogue } from './catalogue.ts';

/** The lab's folder of this user, XDG's place for state; ISTHMUS_LAB_DIR names another. */
export function labStateDir(env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local', 'state');
  return env['ISTHMUS_LAB_DIR'] || join(state, 'isthmus', 'lab');
}

export const catalogueFile = (stateDir: string): string => join(stateDir, 'images.json');

/**
 * What the file holds now; a file that is not there holds nothing.
 *
 * @throws OperatorError CONFIG_INVALID or FILE_UNREADABLE
 */
export function readCatalogue(path: string): Catalogue {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw unreadable(path, error);
  }
  return parsed(path, text);
}

/**
 * Adds an image, or replaces the one of this name. Written beside and renamed: a reader sees the
 * old file or the new one.
 *
 * @returns whether there was one of this name
 */
export async function addImage(path: string, name: string, image: Image): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  });
  const before = text === undefined ? new Map<string, Image>() : parsed(path, text);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(draft, renderCatalogue(new Map([...before, [name, image]])));
  await rename(draft, path);
  return before.has(name);
}

/** Changes when the file does: for those who wait for an image. */
export async function catalogueVersion(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}/${size}/${ino}`;
  } catch {
    return ''; // not there (yet), which is a version, too
  }
}

function parsed(path: string, text: string): Catalogue {
  const result = parseCatalogue(text);
  if (result.ok) return result.catalogue;
  throw new OperatorError('CONFIG_INVALID', `image catalogue ${path}: ${result.problem}`, {
    remedy: 'mend the file, or remove it and add the images again with: isthmus lab image add',
  });
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

function unreadable(path: string, cause: unknown): OperatorError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new OperatorError('FILE_UNREADABLE', `${path} cannot be read: ${problem}`, {
    remedy: 'check that the file may be read by this user',
    cause,
  });
}
