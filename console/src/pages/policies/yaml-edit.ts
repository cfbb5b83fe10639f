// Changes one part of a YAML text and leaves every other byte as it is: comments, quotes, order and
// blank lines are the author's. The text is the truth; the form only asks for changes of it.
import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, YAMLMap, YAMLSeq } from 'yaml';
import { at, isList, isMap as isJsonMap, isSame, withPart } from './json.ts';
import type { Json, Path } from './json.ts';
import { afterKey, flowText, isBlock, itemText, pairText, scalarText } from './yaml-text.ts';

export type YamlProblem = { readonly line: number; readonly column: number; readonly text: string };

export type YamlRead = {
  readonly value: Json;
  /** Empty: it is YAML, whatever it means. */
  readonly problems: readonly YamlProblem[];
};

const OPTIONS = { prettyErrors: true, uniqueKeys: true, version: '1.2', merge: false } as const;
/** As the server's limit on a body: what is longer would be refused there. */
export const TEXT_LENGTH_MAX = 256 * 1024;

export function readYaml(text: string): YamlRead {
  if (text.length > TEXT_LENGTH_MAX) return problemAt(1, 1, 'longer than 256 KiB');
  const document = parseDocument(text, OPTIONS);
  const [error] = document.errors;
  if (error) {
    const [place] = error.linePos ?? [];
    return problemAt(place?.line ?? 1, place?.col ?? 1, firstLine(error.message));
  }
  try {
    return { value: valueOf(document), problems: [] };
  } catch (error) {
    // Aliases that unfold without end.
    return problemAt(1, 1, firstLine(error instanceof Error ? error.message : String(error)));
  }
}

const problemAt = (line: number, column: number, text: string): YamlRead => ({
  value: null,
  problems: [{ line, column, text }],
});

const firstLine = (message: string): string =>
  (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');

function valueOf(document: Document): Json {
  const value: Json = document.toJS({ maxAliasCount: 100 });
  return value;
}

/**
 * The text with one part set to a value (undefined: taken away). Text that is no YAML is returned
 * as it is.
 */
export function editYaml(text: string, path: Path, value: Json | undefined): string {
  const read = readYaml(text);
  if (read.problems.length > 0) return text;
  if (isSame(at(read.value, path), value)) return text;
  const expected = withPart(read.value, path, value);
  // What an alias repeats cannot be changed in the one place only: the alias gives way.
  const place = upToAlias(parseDocument(text, OPTIONS), path);
  const part = place === path ? value : at(expected, place);
  const spliced = splice(text, place, at(read.value, place), part);
  if (spliced !== undefined && isText(spliced, expected)) return spliced;
  return rewritten(text, place, part);
}

function upToAlias(document: Document, path: Path): Path {
  const depth = path.findIndex((_, index) => isAlias(find(document, path.slice(0, index))?.node));
  return depth === -1 ? path : path.slice(0, depth);
}

const isText = (text: string, expected: Json): boolean => {
  const read = readYaml(text);
  return read.problems.length === 0 && isSame(read.value, expected);
};

/** What no splice covers (anchors, explicit keys): comments survive, the layout may not. */
function rewritten(text: string, path: Path, value: Json | undefined): string {
  const document = parseDocument(text, OPTIONS);
  if (value === undefined) document.deleteIn(path);
  else document.setIn(path, document.createNode(value));
  return document.toString({ lineWidth: 0, indentSeq: false });
}

function splice(
  text: string,
  path: Path,
  old: Json | undefined,
  value: Json | undefined,
): string | undefined {
  if (value === undefined) return without(text, path);
  if (old === undefined) return added(text, path, value);
  const node = find(parseDocument(text, OPTIONS), path)?.node;
  if (isSeq(node) && isList(old) && isList(value) && isBlock(value)) {
    return listEdited(text, path, old, value);
  }
  if (isMap(node) && isJsonMap(old) && isJsonMap(value) && isBlock(value)) {
    return mapEdited(text, path, old, value);
  }
  return replaced(text, path, value);
}

type Items = readonly Json[];
type Fields = Readonly<Record<string, Json>>;

/** Item by item, so that what stays the same is not touched. */
function listEdited(text: string, path: Path, old: Items, value: Items): string {
  let head = 0;
  while (head < old.length && head < value.length && isSame(old[head], value[head])) head += 1;
  let tail = 0;
  const shorter = Math.min(old.length, value.length) - head;
  while (tail < shorter && isSame(old.at(-1 - tail), value.at(-1 - tail))) tail += 1;
  let edited = text;
  const oldEnd = old.length - tail;
  const end = value.length - tail;
  for (let index = head; index < Math.min(oldEnd, end); index += 1) {
    edited = editYaml(edited, [...path, index], value[index]);
  }
  for (let index = oldEnd - 1; index >= end; index -= 1) {
    edited = editYaml(edited, [...path, index], undefined);
  }
  for (let index = oldEnd; index < end; index += 1) {
    edited = insertedItem(edited, path, index, value[index] ?? null) ?? edited;
  }
  return edited;
}

function mapEdited(text: string, path: Path, old: Fields, value: Fields): string {
  let edited = text;
  for (const [key, item] of Object.entries(value)) edited = editYaml(edited, [...path, key], item);
  for (const key of Object.keys(old)) {
    if (!Object.hasOwn(value, key)) edited = editYaml(edited, [...path, key], undefined);
  }
  return edited;
}

// ── Finding ─────────────────────────────────────────────────────────────────────────────────────

type Found = {
  readonly node: Node;
  readonly parent: YAMLMap | YAMLSeq | undefined;
  /** Its place in the parent. */
  readonly index: number;
  readonly isInFlow: boolean;
};

function find(document: Document, path: Path): Found | undefined {
  let found: Found | undefined = isNode(document.contents)
    ? { node: document.contents, parent: undefined, index: 0, isInFlow: false }
    : undefined;
  for (const step of path) {
    const parent: Node | undefined = found?.node;
    if (found === undefined || (!isMap(parent) && !isSeq(parent)) || isAlias(parent)) return;
    const isInFlow: boolean = found.isInFlow || parent.flow === true;
    const index: number = isMap(parent) ? keyIndex(parent, String(step)) : Number(step);
    const item: unknown = parent.items[index];
    const node: unknown = isPair(item) ? item.value : item;
    if (!isNode(node)) return;
    found = { node, parent, index, isInFlow };
  }
  return found;
}

const isNode = (value: unknown): value is Node =>
  isScalar(value) || isCollection(value) || isAlias(value);

const keyIndex = (map: YAMLMap, key: string): number =>
  map.items.findIndex((pair) => isScalar(pair.key) && String(pair.key.value) === key);

const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? -1) : -1);

/** Where what the node says ends, without blanks and comments behind it. */
function endOf(text: string, node: unknown): number {
  if (isPair(node)) return isNode(node.value) ? endOf(text, node.value) : endOf(text, node.key);
  if (isCollection(node) && node.flow !== true && node.items.length > 0) {
    return endOf(text, node.items.at(-1));
  }
  const end = isNode(node) ? (node.range?.[1] ?? -1) : -1;
  return end > 0 && text[end - 1] === '\n' ? end - 1 : end;
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Just behind the line break; the text's end where there is none. */
function lineEnd(text: string, offset: number): number {
  const found = text.indexOf('\n', offset);
  return found === -1 ? text.length : found + 1;
}

const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset);

const cut = (text: string, start: number, end: number, by: string): string | undefined =>
  start < 0 || end < start ? undefined : text.slice(0, start) + by + text.slice(end);

// ── Replacing ───────────────────────────────────────────────────────────────────────────────────

function replaced(text: string, path: Path, value: Json): string | undefined {
  const found = find(parseDocument(text, OPTIONS), path);
  if (!found) return undefined;
  const { node, isInFlow } = found;
  const start = startOf(node);
  const end = endOf(text, node);
  const key = keyOf(found);
  if (isScalar(node) && start === end) return filled(text, found, value);
  const wasBlock = isCollection(node) && node.flow !== true;
  if (isInFlow || (!wasBlock && !isBlock(value))) {
    const style = isScalar(node) ? node.type : undefined;
    return cut(text, start, end, scalarText(value, style, isInFlow));
  }
  if (!isNode(key)) return cut(text, start, end, flowText(value));
  const colon = text.indexOf(':', endOf(text, key));
  // The comment behind the colon stays behind the key.
  const between = text.slice(colon + 1, start).trimEnd();
  const by = afterKey(value, columnOf(text, startOf(key)));
  return cut(text, colon + 1, end, by.startsWith('\n') ? between + by : by + between);
}

/** `key:` with nothing behind it. */
function filled(text: string, found: Found, value: Json): string | undefined {
  const key = keyOf(found);
  if (!isNode(key)) return undefined;
  const colon = text.indexOf(':', endOf(text, key));
  const indent = columnOf(text, startOf(key));
  const by = found.isInFlow ? ` ${flowText(value)}` : afterKey(value, indent);
  if (!by.startsWith('\n')) return cut(text, colon + 1, colon + 1, by);
  const end = lineEnd(text, colon);
  const hasBreak = text[end - 1] === '\n';
  return cut(text, end, end, hasBreak ? `${by.slice(1)}\n` : by);
}

function keyOf({ parent, index }: Found): unknown {
  const pair: unknown = isMap(parent) ? parent.items[index] : undefined;
  return isPair(pair) ? pair.key : undefined;
}

// ── Adding ──────────────────────────────────────────────────────────────────────────────────────

/** Adds what is missing, with the parents that are missing on the way to it. */
function added(text: string, path: Path, value: Json): string | undefined {
  const document = parseDocument(text, OPTIONS);
  let depth = path.length - 1;
  let found = find(document, path.slice(0, depth));
  while (!found && depth > 0) {
    depth -= 1;
    found = find(document, path.slice(0, depth));
  }
  const step = path[depth];
  if (!found || step === undefined) return undefined;
  const inner = path.slice(depth + 1).reduceRight<Json>(wrapped, value);
  const { node } = found;
  if (isMap(node) && typeof step === 'string' && node.items.length > 0) {
    return withPair(text, node, found.isInFlow, step, inner);
  }
  if (isSeq(node) && typeof step === 'number' && node.items.length > 0) {
    return insertedItem(text, path.slice(0, depth), step, inner);
  }
  // Nothing or an empty collection: written anew with its only part.
  return replaced(text, path.slice(0, depth), wrapped(inner, step));
}

const wrapped = (value: Json, step: string | number): Json =>
  typeof step === 'number' ? [value] : { [step]: value };

function withPair(
  text: string,
  map: YAMLMap,
  isInFlow: boolean,
  key: string,
  value: Json,
): string | undefined {
  const last = endOf(text, map.items.at(-1));
  if (isInFlow || map.flow === true) {
    return cut(text, last, last, `, ${flowText(key)}: ${flowText(value)}`);
  }
  const indent = columnOf(text, startOf(map.items[0]?.key));
  return withLine(text, last, indent, pairText(key, value, indent));
}

/** A new line behind the one that ends at `offset`. */
function withLine(text: string, offset: number, indent: number, line: string): string | undefined {
  const end = lineEnd(text, offset);
  const hasBreak = text[end - 1] === '\n';
  const blank = ' '.repeat(indent);
  return cut(text, end, end, hasBreak ? `${blank}${line}\n` : `\n${blank}${line}`);
}

function insertedItem(text: string, path: Path, index: number, value: Json): string | undefined {
  const found = find(parseDocument(text, OPTIONS), path);
  const list = found?.node;
  if (!found || !isSeq(list)) return undefined;
  const before: unknown = list.items[Math.min(index, list.items.length) - 1];
  const next: unknown = list.items[index];
  if (found.isInFlow || list.flow === true) {
    if (isNode(next)) return cut(text, startOf(next), startOf(next), `${flowText(value)}, `);
    return cut(text, endOf(text, before), endOf(text, before), `, ${flowText(value)}`);
  }
  const indent = columnOf(text, startOf(list));
  if (isNode(before)) return withLine(text, endOf(text, before), indent, itemText(value, indent));
  const start = startOf(list);
  return cut(text, start, start, `${itemText(value, indent)}\n${' '.repeat(indent)}`);
}

// ── Taking away ─────────────────────────────────────────────────────────────────────────────────

function without(text: string, path: Path): string | undefined {
  const found = find(parseDocument(text, OPTIONS), path);
  if (!found?.parent) return undefined;
  const { parent, index } = found;
  if (parent.items.length === 1) {
    return replaced(text, path.slice(0, -1), isMap(parent) ? {} : []);
  }
  const item: unknown = parent.items[index];
  const start = itemStart(text, parent, item);
  const next: unknown = parent.items[index + 1];
  if (found.isInFlow) return withoutInFlow(text, parent, index);
  const isFirstOnLine = text.slice(lineStart(text, start), start).trim() === '';
  if (isFirstOnLine) return cut(text, lineStart(text, start), lineEnd(text, endOf(text, item)), '');
  // `- key: …`: the dash is the parent's and goes to the next key.
  return next === undefined ? undefined : cut(text, start, itemStart(text, parent, next), '');
}

function withoutInFlow(text: string, parent: YAMLMap | YAMLSeq, index: number): string | undefined {
  const items: readonly unknown[] = parent.items;
  const next = items[index + 1];
  if (next !== undefined) {
    return cut(
      text,
      itemStart(text, undefined, items[index]),
      itemStart(text, undefined, next),
      '',
    );
  }
  return cut(text, endOf(text, items[index - 1]), endOf(text, items[index]), '');
}

/** A block list's item begins at its dash. */
function itemStart(text: string, parent: YAMLMap | YAMLSeq | undefined, item: unknown): number {
  const start = isPair(item) ? startOf(item.key) : startOf(item);
  return isSeq(parent) && parent.flow !== true ? text.lastIndexOf('-', start - 1) : start;
}
