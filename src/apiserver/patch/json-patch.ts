// JSON Patch, RFC 6902, over JSON Pointers, RFC 6901.
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject, isSameJson, stringAt, without } from '../object.ts';

export type Patched =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly problem: string };

/** As in Kubernetes. */
const OPERATIONS_MAX = 10_000;
/** `copy` can double a document with each operation. */
const RESULT_NODES_MAX = 1_000_000;

class PatchFailure extends Error {}

/** All operations apply, or none. */
export function applyJsonPatch(document: Json, operations: readonly Json[]): Patched {
  if (operations.length > OPERATIONS_MAX) {
    return { ok: false, problem: `more than ${OPERATIONS_MAX} operations` };
  }
  try {
    let nodes = 0;
    let value = document;
    for (const operation of operations) {
      if (!isJsonObject(operation)) throw new PatchFailure('an operation is not an object');
      if (operation['op'] === 'copy') nodes += countNodes(value);
      if (nodes > RESULT_NODES_MAX) throw new PatchFailure('the copies grow too large');
      value = applyOperation(value, operation);
    }
    return { ok: true, value };
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error;
    return { ok: false, problem: error.message };
  }
}

function applyOperation(document: Json, operation: JsonObject): Json {
  const path = parsePointer(stringAt(operation, 'path'));
  const value = () => {
    const given = operation['value'];
    if (given === undefined) throw new PatchFailure('an operation lacks its value');
    return given;
  };
  const from = () => parsePointer(stringAt(operation, 'from'));
  switch (operation['op']) {
    case 'add':
      return add(document, path, value());
    case 'remove':
      return remove(document, path);
    case 'replace':
      read(document, path);
      return path.length === 0 ? value() : put(document, path, value());
    case 'move':
      return add(remove(document, from()), path, read(document, from()));
    case 'copy':
      return add(document, path, read(document, from()));
    case 'test':
      if (isSameJson(read(document, path), value())) return document;
      throw new PatchFailure(`testing path ${stringAt(operation, 'path')} failed`);
    default:
      throw new PatchFailure(`unexpected kind of operation: ${JSON.stringify(operation['op'])}`);
  }
}

function parsePointer(text: string): readonly string[] {
  if (text === '') return [];
  if (!text.startsWith('/'))
    throw new PatchFailure(`${JSON.stringify(text)} is not a JSON pointer`);
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: Json, path: readonly string[]): Json {
  let value: Json | undefined = document;
  for (const part of path) {
    if (isJsonList(value)) value = value[indexOf(value, part)];
    else value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
    if (value === undefined) throw missing(path);
  }
  return value;
}

/** The document with the parent of `path` changed by `change`. */
function atParent(
  document: Json,
  path: readonly string[],
  change: (parent: Json, last: string) => Json,
): Json {
  const [first, ...rest] = path;
  if (first === undefined) throw missing(path);
  if (rest.length === 0) return change(document, first);
  if (isJsonList(document)) {
    const index = indexOf(document, first);
    return document.with(index, atParent(read(document, [first]), rest, change));
  }
  if (!isJsonObject(document)) throw missing(path);
  return { ...document, [first]: atParent(read(document, [first]), rest, change) };
}

function add(document: Json, path: readonly string[], value: Json): Json {
  if (path.length === 0) return value;
  return atParent(document, path, (parent, last) => {
    if (!isJsonList(parent)) return setField(parent, last, value, path);
    const index = last === '-' ? parent.length : indexOf(parent, last, parent.length);
    return parent.toSpliced(index, 0, value);
  });
}

function put(document: Json, path: readonly string[], value: Json): Json {
  return atParent(document, path, (parent, last) =>
    isJsonList(parent)
      ? parent.with(indexOf(parent, last), value)
      : setField(parent, last, value, path),
  );
}

function remove(document: Json, path: readonly string[]): Json {
  read(document, path);
  return atParent(document, path, (parent, last) => {
    if (isJsonList(parent)) return parent.toSpliced(indexOf(parent, last), 1);
    return isJsonObject(parent) ? without(parent, last) : parent;
  });
}

function setField(parent: Json, name: string, value: Json, path: readonly string[]): Json {
  if (!isJsonObject(parent)) throw missing(path);
  return { ...parent, [name]: value };
}

function indexOf(list: readonly Json[], part: string, last = list.length - 1): number {
  const index = Number(part);
  if (!/^(?:0|[1-9]\d*)$/.test(part) || index > last) {
    throw new PatchFailure(`there is no index ${JSON.stringify(part)} in a list of ${list.length}`);
  }
  return index;
}

function missing(path: readonly string[]): PatchFailure {
  return new PatchFailure(`there is no value at /${path.join('/')}`);
}

function countNodes(value: Json): number {
  if (isJsonList(value)) return value.reduce<number>((sum, item) => sum + countNodes(item), 1);
  if (!isJsonObject(value)) return 1;
  return Object.values(value).reduce<number>(
    (sum, item) => sum + (item === undefined ? 0 : countNodes(item)),
    1,
  );
}
