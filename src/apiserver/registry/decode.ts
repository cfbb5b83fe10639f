// From JSON that a client sent to an object of a kind: names checked, unknown fields handled as the
// request wants it, wrong types refused in Kubernetes' words.
import type { ServedKind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { Draft, Json, JsonObject } from '../object.ts';
import { isJsonObject, objectAt, stringAt } from '../object.ts';
import { OBJECT_META } from '../schema/built-in.ts';
import { withDefaults } from '../schema/defaults.ts';
import { findDecodeProblem } from '../schema/decode-check.ts';
import { pruneUnknown } from '../schema/prune.ts';
import { badRequest } from '../status.ts';
import type { FieldValidation } from './scope.ts';

export type DecodeOptions = {
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
  /** What a server-side apply wants: only what is said in it, so without defaults. */
  readonly isConfiguration?: boolean;
  /** Makes the refusal of a problem: a body's is 400, a patch's 422. */
  readonly refuse?: (problem: string) => Error;
};

/** @throws StatusError when the value is no object of that kind */
export function decodeObject(served: ServedKind, value: Json, options: DecodeOptions): Draft {
  const { kind, version } = served;
  const apiVersion = apiVersionOf(kind.group, version.name);
  const refuse =
    options.refuse ??
    ((problem: string) =>
      badRequest(
        `${kind.kind} in version ${JSON.stringify(version.name)} cannot be handled as a ${kind.kind}: ${problem}`,
      ));
  if (!isJsonObject(value)) throw refuse('json: the value is not an object');
  requireTypeMeta(served, value);
  const { value: pruned, unknown } = pruneUnknown(version.schema, {
    ...value,
    apiVersion,
    kind: kind.kind,
  });
  handleUnknown(unknown, options, refuse);
  const metadata = objectAt(pruned, 'metadata');
  const problem = kind.isCustom
    ? metadataProblem(pruned['metadata'])
    : findDecodeProblem(version.schema, pruned);
  if (problem !== undefined) throw refuse(problem);
  const isWhole = kind.isCustom && !options.isConfiguration;
  const object = isWhole ? withDefaults(version.schema, pruned) : pruned;
  return {
    ...object,
    apiVersion,
    kind: kind.kind,
    metadata: { ...metadata, name: stringAt(metadata, 'name') },
  };
}

/** The metadata of custom resources is a built-in type, and decoded as one. */
function metadataProblem(metadata: Json | undefined): string | undefined {
  const root = { type: 'object', fields: new Map([['metadata', OBJECT_META]]) } as const;
  return metadata === undefined ? undefined : findDecodeProblem(root, { metadata });
}

/** Built-in kinds may leave their type out; what is said must be right. */
function requireTypeMeta({ kind, version }: ServedKind, value: JsonObject): void {
  const apiVersion = apiVersionOf(kind.group, version.name);
  const said = { apiVersion: stringAt(value, 'apiVersion'), kind: stringAt(value, 'kind') };
  const isSaid = said.apiVersion !== '' || said.kind !== '';
  if (!isSaid && !kind.isCustom) return;
  if (said.kind === '') throw badRequest("Object 'Kind' is missing in the body");
  if (said.apiVersion === apiVersion && said.kind === kind.kind) return;
  const group = JSON.stringify(kind.group);
  const wanted = `group=${group} version=${JSON.stringify(version.name)} kind=${JSON.stringify(kind.kind)}`;
  throw badRequest(
    `the API version in the data (${said.apiVersion}, kind ${said.kind}) does not match the expected API version (${apiVersion}, ${wanted})`,
  );
}

function handleUnknown(
  unknown: readonly string[],
  { fieldValidation, warn }: DecodeOptions,
  refuse: (problem: string) => Error,
): void {
  if (unknown.length === 0 || fieldValidation === 'Ignore') return;
  const problems = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (fieldValidation === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
  for (const problem of problems) warn(problem);
}
