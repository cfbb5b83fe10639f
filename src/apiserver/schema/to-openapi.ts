// Our schemas as OpenAPI v3 schemas: what `kubectl explain` and strategic merge read.
import type { Json, JsonObject } from '../object.ts';
import type { Schema, ValueChecks } from './schema.ts';

/** Collects the types that are referred to by name. */
export type Components = Map<string, JsonObject>;

/**
 * @param components receives every named type that the schema refers to
 * @returns a reference when the schema has a name of its own, else the schema in place
 */
export function toOpenApi(schema: Schema, components: Components): JsonObject {
  const { publicName } = schema;
  if (publicName === undefined) return inPlace(schema, components);
  if (!components.has(publicName)) {
    components.set(publicName, {}); // found again while it is being made: a type within itself
    components.set(publicName, inPlace(typeOnly(schema), components));
  }
  const reference = { $ref: `#/components/schemas/${publicName}` };
  const { description } = schema;
  const extra = { ...(description !== undefined && { description }), ...extensionsOf(schema) };
  return Object.keys(extra).length === 0 ? reference : { allOf: [reference], ...extra };
}

/** What is said of a type, without what is said of the field that is of it. */
function typeOnly(schema: Schema): Schema {
  const {
    description: _said,
    ownership: _owned,
    mergeKey: _key,
    retainsKeys: _kept,
    ...type
  } = schema;
  return type;
}

/** The schema itself, even when it has a name. */
export function inPlace(schema: Schema, components: Components): JsonObject {
  const { fields, values, items, isNullable, checks, typeDescription } = schema;
  const { description = typeDescription } = schema;
  const properties = [...(fields ?? [])].map(([name, child]) => [
    name,
    toOpenApi(child, components),
  ]);
  return {
    ...typeOf(schema),
    ...(description !== undefined && { description }),
    ...(fields && { properties: Object.fromEntries(properties) }),
    ...(values && { additionalProperties: toOpenApi(values, components) }),
    ...(items && { items: toOpenApi(items, components) }),
    ...(isNullable && { nullable: true }),
    ...(schema.default !== undefined && { default: schema.default }),
    ...(checks && checksOf(checks, components)),
    ...extensionsOf(schema),
  };
}

function typeOf({ type, checks, preservesUnknown }: Schema): JsonObject {
  if (type === 'int-or-string') {
    if (checks?.format === 'quantity') return { type: 'string' };
    return { type: 'string', format: 'int-or-string' };
  }
  // kubectl explain --recursive stumbles over a schema that says nothing at all.
  if (type === 'any') return preservesUnknown ? { type: 'object' } : { description: 'Any value.' };
  return { type };
}

/** Parts that OpenAPI and ourselves name alike. */
const PLAIN = [
  'enum',
  'minimum',
  'maximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
] as const;

function checksOf(checks: ValueChecks, components: Components): JsonObject {
  const plain = PLAIN.flatMap((name): [string, Json][] => {
    const value: Json | undefined = checks[name];
    return value === undefined ? [] : [[name, value]];
  });
  const format = checks.format === 'quantity' ? undefined : checks.format;
  const parts = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((name): [string, Json][] => {
    const schemas = checks[name];
    return schemas ? [[name, schemas.map((one) => toOpenApi(one, components))]] : [];
  });
  return {
    ...Object.fromEntries([...plain, ...parts]),
    ...(format !== undefined && { format }),
    ...(checks.patternText !== undefined && { pattern: checks.patternText }),
    ...(checks.isMinimumExclusive && { exclusiveMinimum: true }),
    ...(checks.isMaximumExclusive && { exclusiveMaximum: true }),
    ...(checks.not && { not: toOpenApi(checks.not, components) }),
  };
}

function extensionsOf({ ownership, mergeKey, retainsKeys, ...schema }: Schema): JsonObject {
  const strategies = [
    ...(retainsKeys ? ['retainKeys'] : []),
    ...(mergeKey === undefined ? [] : ['merge']),
  ];
  const isList = schema.type === 'array';
  return {
    ...(schema.preservesUnknown && { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(schema.isEmbeddedResource && { 'x-kubernetes-embedded-resource': true }),
    ...(ownership && isList && { 'x-kubernetes-list-type': ownership.kind }),
    ...(ownership && !isList && { 'x-kubernetes-map-type': ownership.kind }),
    ...(ownership?.kind === 'map' && { 'x-kubernetes-list-map-keys': ownership.keys }),
    ...(strategies.length > 0 && { 'x-kubernetes-patch-strategy': strategies.join(',') }),
    ...(mergeKey !== undefined && mergeKey !== '' && { 'x-kubernetes-patch-merge-key': mergeKey }),
  };
}
