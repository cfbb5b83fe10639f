// What every parsed object of the mesh's kinds carries besides its spec, and what parsing gives.
import { isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';

export type ParsedMeta = {
  /** Empty for an object of a cluster-wide kind. */
  readonly namespace: string;
  readonly name: string;
  /** 0 when the object does not say. Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** What is wrong with an object, at a field path such as `spec.ports[0].number`. */
export type Violation = { readonly field: string; readonly message: string };

export type ParseResult<T> =
  | { readonly ok: true; readonly value: T }
  /** At least one. */
  | { readonly ok: false; readonly violations: readonly Violation[] };

export const UNKNOWN_FIELD = 'unknown field';

/** As the API server words it: `spec.hosts: Required value`, `unknown field "spec.foo"`. */
export function renderViolation({ field, message }: Violation): string {
  return message === UNKNOWN_FIELD ? `${UNKNOWN_FIELD} "${field}"` : `${field}: ${message}`;
}

/** Metadata as the mesh uses it. The API server has checked it, so anything odd is left out. */
export function parseMeta({ metadata }: KubeObject): ParsedMeta {
  const createdAtMs = Date.parse(metadata.creationTimestamp ?? '');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    createdAtMs: Number.isNaN(createdAtMs) ? 0 : createdAtMs,
    labels: stringsOf(metadata.labels),
    annotations: stringsOf(metadata.annotations),
  };
}

/** The string-valued fields of an object; nothing of anything else. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (field): field is [string, string] => typeof field[1] === 'string',
    ),
  );
}
