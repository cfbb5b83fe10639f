// From the words that a user types to an image of the catalogue: which program, and what of this
// machine it must see. Pure: the file system comes in through a view.
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Image } from './catalogue.ts';

export type FileView = {
  kindOf(path: string): 'folder' | 'file' | undefined;
  /** A path with every link in it followed. */
  realPath(path: string): string;
};

export type EntryWords = {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Path in the container → path here, besides what follows from the command. */
  readonly files: Readonly<Record<string, string>>;
  /** Undefined: where the command's files are relative to, if any are; else `/`. */
  readonly workingDir: string | undefined;
};

/** Every container sees these of the lab's host anyway. */
const SYSTEM = /^\/(?:bin|lib|lib32|lib64|libx32|nix|opt|sbin|usr)(?:\/|$)/;

export type PlannedEntry =
  | { readonly ok: true; readonly image: Image }
  /** There is no such program here. */
  | { readonly ok: false; readonly problem: string };

/**
 * @param here.cwd where the words were typed
 * @param here.path the user's PATH, by which the program is found
 */
export function planEntry(
  words: EntryWords,
  here: { readonly cwd: string; readonly path: string; readonly view: FileView },
): PlannedEntry {
  const { cwd, path, view } = here;
  const [program = '', ...args] = words.command;
  const isPath = program.includes('/');
  const file = isPath ? resolve(cwd, program) : onPath(program, path, view);
  if (file === undefined || view.kindOf(file) !== 'file') {
    const where = isPath ? '' : ' on the PATH';
    return { ok: false, problem: `${program} was not found${where}` };
  }
  const relative = args.filter((word) => isRelativeFile(word, cwd, view));
  const workingDir = words.workingDir ?? (relative.length > 0 ? cwd : undefined);
  const absolute = args.filter((word) => isAbsolute(word) && view.kindOf(word) !== undefined);
  const seen = [view.realPath(file), ...absolute, ...(workingDir ? [workingDir] : [])];
  const shown = seen.flatMap((one) => shownFor(one, view));
  const image: Image = {
    // By its bare name where every container has it, so that the list reads as it was typed.
    command: [!isPath && SYSTEM.test(file) ? program : view.realPath(file), ...args],
    args: [],
    env: words.env,
    workingDir: workingDir ?? '',
    files: { ...Object.fromEntries(shown.map((one) => [one, one])), ...words.files },
  };
  return { ok: true, image };
}

function onPath(program: string, path: string, view: FileView): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((candidate) => view.kindOf(candidate) === 'file');
}

function isRelativeFile(word: string, cwd: string, view: FileView): boolean {
  return word !== '' && !isAbsolute(word) && view.kindOf(join(cwd, word)) !== undefined;
}

/** A program comes with its neighbours; but never is one of the root's own folders shown whole. */
function shownFor(path: string, view: FileView): string[] {
  if (SYSTEM.test(path)) return [];
  const folder = view.kindOf(path) === 'folder' ? path : dirname(path);
  const isTopLevel = folder.split('/').filter(Boolean).length < 2;
  if (!isTopLevel) return [folder];
  return view.kindOf(path) === 'file' ? [path] : [];
}
