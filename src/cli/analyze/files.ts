// The manifests that `isthmus analyze` is given: files, folders with all below them, and `-`.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { OperatorError } from '#base/operator-error.ts';
import { readManifests } from '#analyze/documents.ts';
import type { Resource } from '#analyze/resource.ts';

const EXTENSIONS = new Set(['.json', '.yaml', '.yml']);
/** Below a folder; a repository with more manifests is analyzed in parts. */
const FILES_MAX = 20_000;

export type Manifests = {
  readonly files: readonly string[];
  readonly resources: readonly Resource[];
  /** Files below folders and named ones that are neither YAML nor JSON. */
  readonly skippedCount: number;
  /** `a.yaml:12: not an object with apiVersion, kind, name`. */
  readonly problems: readonly string[];
};

/** @throws OperatorError FILE_UNREADABLE */
export async function gatherManifests(
  names: readonly string[],
  namespace: string,
  stdin: NodeJS.ReadableStream,
): Promise<Manifests> {
  const found = names.flatMap((name) => (name === '-' ? ['-'] : filesBelow(name)));
  const files = found.filter((name) => name === '-' || EXTENSIONS.has(extname(name)));
  const skippedCount = found.length - files.length;
  const resources: Resource[] = [];
  const problems: string[] = [];
  for (const file of files) {
    const content = file === '-' ? await text(stdin) : readFile(file);
    const read = readManifests(content, file, namespace);
    resources.push(...read.resources);
    problems.push(...read.problems.map(({ line, problem }) => `${file}:${line}: ${problem}`));
  }
  return { files, resources, skippedCount, problems };
}

function filesBelow(name: string): readonly string[] {
  const names = attempt(name, () => {
    if (!statSync(name).isDirectory()) return [name];
    const entries = readdirSync(name, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  });
  if (names.length <= FILES_MAX) return names;
  throw new OperatorError('FILE_UNREADABLE', `there are ${names.length} files below ${name}`, {
    remedy: `name folders with at most ${FILES_MAX} files`,
  });
}

/** @throws OperatorError FILE_UNREADABLE */
export const readFile = (name: string): string => attempt(name, () => readFileSync(name, 'utf8'));

function attempt<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `${name} cannot be read: ${reason}`, {
      remedy: 'name files and folders that are there',
      cause,
    });
  }
}
