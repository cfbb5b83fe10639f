// The lab's registry of images, as data: under each name, which program of this machine to run.
// Pure. A name without a tag stands for all tags of its image.
import { isRecord } from '#kube/objects.ts';
import { type ImageName, parseImageName } from './name.ts';

export type Image = {
  /** The image's entry point; a container's `command` replaces it and the arguments. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Empty: `/`. */
  readonly workingDir: string;
  /**
   * What the container sees of this machine besides its system folders: path in the container →
   * file or folder here. Read-only.
   */
  readonly files: Readonly<Record<string, string>>;
};

/** By the name under which it was added. */
export type Catalogue = ReadonlyMap<string, Image>;

export const EMPTY_IMAGE: Image = { command: [], args: [], env: {}, workingDir: '', files: {} };

/** Undefined: there is no such image. Catalogues are asked in order; a tag goes before none. */
export function findImage(wanted: string, catalogues: readonly Catalogue[]): Image | undefined {
  const name = parseImageName(wanted);
  for (const catalogue of catalogues) {
    const exact = catalogue.get(wanted);
    if (exact) return exact;
    const entries = [...catalogue].flatMap(([text, image]) => {
      const entry = parseImageName(text);
      return entry && name && isMatch(entry, name) ? [{ tag: entry.tag, image }] : [];
    });
    const found = entries.find(({ tag }) => tag !== undefined) ?? entries[0];
    if (found) return found.image;
  }
  return undefined;
}

/** No tag asked for is `latest`, as everywhere; no tag in the catalogue is any. */
function isMatch(entry: ImageName, wanted: ImageName): boolean {
  if (entry.repository !== wanted.repository) return false;
  return entry.tag === undefined || entry.tag === (wanted.tag ?? 'latest');
}

export type ParsedCatalogue =
  | { readonly ok: true; readonly catalogue: Catalogue }
  /** Which entry and which field of it. */
  | { readonly ok: false; readonly problem: string };

/** `{"images": {"example.com/app:1": {"command": ["/opt/app/run"]}}}` */
export function parseCatalogue(text: string): ParsedCatalogue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
  const images = isRecord(value) ? value['images'] : undefined;
  if (!isRecord(images)) return { ok: false, problem: 'it has no object "images"' };
  const catalogue = new Map<string, Image>();
  for (const [name, entry] of Object.entries(images)) {
    const image = parseImage(entry);
    if (typeof image === 'string') return { ok: false, problem: `images["${name}"]${image}` };
    catalogue.set(name, image);
  }
  return { ok: true, catalogue };
}

/** @returns a problem as text, beginning with the field */
function parseImage(entry: unknown): Image | string {
  if (!isRecord(entry)) return ' is not an object';
  const { command = [], args = [], env = {}, workingDir = '', files = {} } = entry;
  if (!isTexts(command)) return '.command is not a list of strings';
  if (!isTexts(args)) return '.args is not a list of strings';
  if (!isTextMap(env)) return '.env is not an object of strings';
  if (!isTextMap(files)) return '.files is not an object of strings';
  if (typeof workingDir !== 'string') return '.workingDir is not a string';
  const relative = Object.entries(files)
    .flat()
    .find((path) => !path.startsWith('/'));
  if (relative !== undefined) return `.files: ${relative} is not an absolute path`;
  return { command, args, env, workingDir, files };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const isTextMap = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((item) => typeof item === 'string');

/** Sorted, so that equal catalogues are equal files. */
export function renderCatalogue(catalogue: Catalogue): string {
  const entries = [...catalogue].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const images = Object.fromEntries(entries.map(([name, image]) => [name, withoutEmpty(image)]));
  return `${JSON.stringify({ images }, undefined, 2)}\n`;
}

function withoutEmpty(image: Image): Partial<Image> {
  return Object.fromEntries(
    Object.entries(image).filter(([, value]) => Object.keys(value).length > 0),
  );
}
