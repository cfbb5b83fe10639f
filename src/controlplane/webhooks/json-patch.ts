// The difference between two values as a JSON Patch: what a mutating webhook answers.
// RFC 6902; paths by RFC 6901.
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '#kube/objects.ts';

export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * Operations that make `after` of `before`. Lists are compared item by item while they are alike,
 * so that a container at the end is one small operation.
 */
export function diffJson(before: unknown, after: unknown, path = ''): readonly PatchOperation[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isRecord(before) && isRecord(after)) return diffObjects(before, after, path);
  if (Array.isArray(before) && Array.isArray(after) && after.length >= before.length) {
    return diffLists(before, after, path);
  }
  return [{ op: 'replace', path, value: after }];
}

function diffObjects(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  path: string,
): readonly PatchOperation[] {
  const removed = Object.keys(before).filter((name) => after[name] === undefined);
  return [
    ...removed.map((name) => ({ op: 'remove', path: `${path}/${escapeToken(name)}` }) as const),
    ...Object.entries(after).flatMap(([name, value]): readonly PatchOperation[] => {
      if (value === undefined) return [];
      const at = `${path}/${escapeToken(name)}`;
      if (!Object.hasOwn(before, name)) return [{ op: 'add', path: at, value }];
      return diffJson(before[name], value, at);
    }),
  ];
}

function diffLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): readonly PatchOperation[] {
  return after.flatMap((value, index): readonly PatchOperation[] => {
    const isNew = index >= before.length;
    if (isNew) return [{ op: 'add', path: `${path}/-`, value }];
    return diffJson(before[index], value, `${path}/${index}`);
  });
}

const escapeToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
