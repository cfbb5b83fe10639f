// `isthmus lab image`: which programs of this machine the lab's node runs for which image names.
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import {
  addImage,
  catalogueFile,
  labStateDir,
  readCatalogue,
} from '#lab/node/image/catalogue-file.ts';
import type { Image } from '#lab/node/image/catalogue.ts';
import { type FileView, planEntry } from '#lab/node/image/entry.ts';
import { parseImageName } from '#lab/node/image/name.ts';
import type { Surroundings } from '../command.ts';

type LabImageFlags = { readonly 'lab-dir': string | undefined };

type AddCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: LabImageFlags & {
    readonly env: readonly string[];
    readonly file: readonly string[];
    readonly workdir: string | undefined;
  };
};

const USAGE = 'isthmus lab image add NAME -- COMMAND [ARGUMENT…]';

/** @throws OperatorError USAGE, CONFIG_INVALID or FILE_UNREADABLE */
export async function runLabImageAdd({ operands, flags, env, print }: AddCall): Promise<number> {
  const [name = '', ...command] = operands;
  if (!parseImageName(name)) throw usageError(`${name} is not the name of an image`, USAGE);
  const files = pairsOf('--file', flags.file);
  const words = {
    command,
    env: pairsOf('--env', flags.env),
    files: Object.fromEntries(Object.entries(files).map(([at, from]) => [at, resolve(from)])),
    workingDir: flags.workdir && resolve(flags.workdir),
  };
  const here = { cwd: process.cwd(), path: env['PATH'] ?? '', view: fileView };
  const planned = planEntry(words, here);
  if (!planned.ok) throw notThere(planned.problem);
  const { image } = planned;
  assertThere(image);
  const wasThere = await addImage(fileOf(flags, env), name, image);
  print(`image ${name} ${wasThere ? 'replaced' : 'added'}: ${image.command.join(' ')}`);
  for (const [at, from] of Object.entries(image.files)) {
    print(`  its containers see ${from}${at === from ? '' : ` as ${at}`}, read-only`);
  }
  print('a Pod that waits for it starts within a second; running ones keep what they have');
  return 0;
}

type ListCall = Surroundings & { readonly flags: LabImageFlags };

/** @throws OperatorError CONFIG_INVALID or FILE_UNREADABLE */
export function runLabImageList({ flags, env, print }: ListCall): Promise<number> {
  const catalogue = readCatalogue(fileOf(flags, env));
  for (const [name, { command, args }] of catalogue)
    print(`${name}  ${[...command, ...args].join(' ')}`);
  if (catalogue.size === 0) print(`no images have been added; add one with: ${USAGE}`);
  return Promise.resolve(0);
}

const fileOf = (flags: LabImageFlags, env: NodeJS.ProcessEnv): string =>
  catalogueFile(flags['lab-dir'] ?? labStateDir(env));

function pairsOf(flag: string, words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw usageError(`${flag} ${word} is not NAME=VALUE`, USAGE);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** Said here and not by the first Pod. */
function assertThere({ files }: Image): void {
  for (const [at, from] of Object.entries(files)) {
    if (!at.startsWith('/')) throw usageError(`--file ${at} is not an absolute path`, USAGE);
    if (fileView.kindOf(from)) continue;
    throw notThere(`${from} is not there`);
  }
}

const notThere = (problem: string): OperatorError =>
  new OperatorError('FILE_UNREADABLE', problem, {
    remedy: 'name programs, files and folders of this machine; Pods see what is there then',
  });

const fileView: FileView = {
  kindOf(path) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return undefined;
    return stats.isDirectory() ? 'folder' : 'file';
  },
  realPath: (path) => realpathSync(path),
};
