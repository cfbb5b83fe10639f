// Objects with known fields.
import { UNKNOWN_FIELD } from '../object.ts';
import { INVALID } from './reading.ts';
import type { Rule } from './reading.ts';
import { celOf, dropUndefined } from './schema.ts';
import type { OpenApiSchema, Schema, Static } from './schema.ts';

type Properties = Readonly<Record<string, Schema<unknown>>>;

/** The fields of `required` are there, the others may be. */
type ObjectOf<P extends Properties, R extends keyof P> = {
  readonly [K in R]: Static<P[K]>;
} & { readonly [K in Exclude<keyof P, R>]?: Static<P[K]> };

/**
 * An object with these fields and no other.
 *
 * @param options.oneOf fields that exclude one another (protobuf's `oneof`)
 * @param options.oneOfs the same, where an object has several such groups
 */
export function object<P extends Properties, const R extends keyof P & string = never>(
  properties: P,
  options: {
    readonly required?: readonly R[];
    readonly oneOf?: readonly (keyof P & string)[];
    readonly oneOfs?: readonly (readonly (keyof P & string)[])[];
    readonly rules?: readonly Rule<NoInfer<ObjectOf<P, R>>>[];
  } = {},
): Schema<ObjectOf<P, R>> {
  const { required = [], oneOf = [], oneOfs = [], rules } = options;
  const openapi = {
    type: 'object',
    properties: Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, v.openapi])),
    required: required.length > 0 ? required : undefined,
    oneOf: oneOf.length > 0 ? atMostOne(oneOf) : undefined,
    allOf: oneOfs.length > 0 ? oneOfs.map((names) => ({ oneOf: atMostOne(names) })) : undefined,
    ...celOf(rules),
  };
  return {
    openapi: dropUndefined(openapi),
    read(value, at) {
      const fields = at.fieldsOf(value);
      if (fields === INVALID) return INVALID;
      const result: Record<string, unknown> = {};
      let isValid = true;
      for (const [name, field] of fields) {
        const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
        const place = at.property(name);
        const read = schema ? schema.read(field, place) : place.refuse(UNKNOWN_FIELD);
        if (read === INVALID) isValid = false;
        else result[name] = read;
      }
      const present = new Set(fields.map(([name]) => name));
      const missing = required.filter((name) => !present.has(name));
      for (const name of missing) at.property(name).missing();
      isValid &&= missing.length === 0;
      for (const names of [oneOf, ...oneOfs]) {
        const together = names.filter((name) => present.has(name));
        if (together.length < 2) continue;
        at.refuse(`Invalid value: only one of ${together.join(', ')}`);
        isValid = false;
      }
      return isValid && isComplete(result) ? at.obey(rules, result) : INVALID;
    },
  };

  function isComplete(result: Record<string, unknown>): result is ObjectOf<P, R> {
    return required.every((name) => Object.hasOwn(result, name));
  }
}

/** Any fields, of which these are known: for what others may extend, such as a status. */
export function openObject(properties: Properties): OpenApiSchema {
  const { openapi } = object(properties);
  return { ...openapi, 'x-kubernetes-preserve-unknown-fields': true };
}

/** Structural schemas cannot say "at most one of" more shortly. */
function atMostOne(names: readonly string[]): readonly OpenApiSchema[] {
  const alone = names.map((name) => ({ required: [name] }));
  return [{ not: { anyOf: alone } }, ...alone];
}
