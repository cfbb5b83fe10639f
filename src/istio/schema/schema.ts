// A small language for Kubernetes structural schemas. One value says it all for a field: the
// OpenAPI that stands in the CustomResourceDefinition, the TypeScript type, and how a value from
// the wire is read, with violations in the API server's words.
//
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
import { INVALID } from './reading.ts';
import type { Reading, Rule } from './reading.ts';

/** A schema as it stands in a CustomResourceDefinition: plain data in OpenAPI v3's terms. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

export type Schema<T> = {
  readonly openapi: OpenApiSchema;
  /** A fresh value of the type, or INVALID after noting at least one violation. */
  read(value: unknown, at: Reading): T | typeof INVALID;
};

/** The type of what a schema reads. */
export type Static<S> = S extends Schema<infer T> ? T : never;

type Rules<T> = { readonly rules?: readonly Rule<T>[] };

export function string(
  limits: {
    readonly lengthMin?: number;
    /** In Unicode code points, as OpenAPI counts. */
    readonly lengthMax?: number;
    readonly pattern?: RegExp;
    /** Said, not checked. */
    readonly format?: 'date-time' | 'byte';
  } & Rules<string> = {},
): Schema<string> {
  const { lengthMin, lengthMax, pattern, format, rules } = limits;
  const openapi = {
    type: 'string',
    minLength: lengthMin,
    maxLength: lengthMax,
    pattern: pattern?.source,
    format,
    ...celOf(rules),
  };
  return {
    openapi: dropUndefined(openapi),
    read(value, at) {
      if (typeof value !== 'string') return at.wrongType('string', value);
      const length = Array.from(value).length;
      if (lengthMax !== undefined && length > lengthMax) {
        return at.refuse(`Too long: may not be more than ${lengthMax} bytes`);
      }
      if (lengthMin !== undefined && length < lengthMin) {
        return at.outside(value, `should be at least ${lengthMin} chars long`);
      }
      if (pattern && !pattern.test(value)) {
        return at.outside(value, `should match '${pattern.source}'`);
      }
      return at.obey(rules, value);
    },
  };
}

/** One of some words. */
export function word<const W extends string>(words: readonly W[]): Schema<W> {
  const known = new Map<string, W>(words.map((word) => [word, word]));
  return {
    openapi: { type: 'string', enum: words },
    read(value, at) {
      if (typeof value !== 'string') return at.wrongType('string', value);
      const supported = words.map((word) => `"${word}"`).join(', ');
      return (
        known.get(value) ??
        at.refuse(`Unsupported value: ${at.quote(value)}: supported values: ${supported}`)
      );
    },
  };
}

export function boolean(): Schema<boolean> {
  return {
    openapi: { type: 'boolean' },
    read: (value, at) => (typeof value === 'boolean' ? value : at.wrongType('boolean', value)),
  };
}

type NumberLimits = { readonly min?: number; readonly max?: number };

export function integer(limits: NumberLimits & Rules<number> = {}): Schema<number> {
  const { min, max, rules } = limits;
  return {
    openapi: dropUndefined({ type: 'integer', minimum: min, maximum: max, ...celOf(rules) }),
    read(value, at) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
        return at.wrongType('integer', value);
      }
      return isWithin(value, limits, at) ? at.obey(rules, value) : INVALID;
    },
  };
}

/** A signed integer of 32 bits, protobuf's int32. */
export function int32(limits: { readonly min?: number } = {}): Schema<number> {
  const range = integer({ min: limits.min ?? -(2 ** 31), max: 2 ** 31 - 1 });
  return {
    openapi: dropUndefined({ type: 'integer', format: 'int32', minimum: limits.min }),
    read: (value, at) => range.read(value, at),
  };
}

/** Whatever its user puts into it (protobuf's Struct). */
export function anything(): Schema<Readonly<Record<string, unknown>>> {
  return {
    openapi: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    read: (value, at) => {
      const fields = at.fieldsOf(value);
      return fields === INVALID ? INVALID : Object.fromEntries(fields);
    },
  };
}

/** Protobuf's double. */
export function double(limits: NumberLimits = {}): Schema<number> {
  const { min: minimum, max: maximum } = limits;
  return {
    openapi: dropUndefined({ type: 'number', format: 'double', minimum, maximum }),
    read(value, at) {
      if (typeof value !== 'number') return at.wrongType('number', value);
      return isWithin(value, limits, at) ? value : INVALID;
    },
  };
}

function isWithin(value: number, { min, max }: NumberLimits, at: Reading): boolean {
  if (min !== undefined && value < min) {
    at.outside(value, `should be greater than or equal to ${min}`);
    return false;
  }
  if (max !== undefined && value > max) {
    at.outside(value, `should be less than or equal to ${max}`);
    return false;
  }
  return true;
}

/** May also be null, which an object's reader takes for absent, as it does for every field. */
export function nullable<T>(schema: Schema<T>): Schema<T> {
  return {
    openapi: { ...schema.openapi, nullable: true },
    read: (value, at) => schema.read(value, at),
  };
}

export function list<T>(
  items: Schema<T>,
  limits: {
    readonly itemsMin?: number;
    readonly itemsMax?: number;
    /** The list is a map by this field of its items, which must then differ. */
    readonly keyField?: string;
  } & Rules<readonly T[]> = {},
): Schema<readonly T[]> {
  const { itemsMin, itemsMax, keyField, rules } = limits;
  const openapi = {
    type: 'array',
    items: items.openapi,
    minItems: itemsMin,
    maxItems: itemsMax,
    ...(keyField !== undefined && {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': [keyField],
    }),
    ...celOf(rules),
  };
  return {
    openapi: dropUndefined(openapi),
    read(value, at) {
      if (!Array.isArray(value)) return at.wrongType('array', value);
      if (itemsMax !== undefined && value.length > itemsMax) {
        return at.refuse(`Too many: ${value.length}: must have at most ${itemsMax} items`);
      }
      if (itemsMin !== undefined && value.length < itemsMin) {
        return at.outside(value.length, `should have at least ${itemsMin} items`);
      }
      const elements: readonly unknown[] = value;
      const read = elements.map((element, index) => items.read(element, at.item(index)));
      const valid = read.flatMap((item) => (item === INVALID ? [] : [item]));
      if (valid.length < read.length) return INVALID;
      if (keyField !== undefined && !at.hasDistinctKeys(elements, keyField)) return INVALID;
      return at.obey(rules, valid);
    },
  };
}

/** Keys that the user chooses, all values alike. */
export function map<T>(
  values: Schema<T>,
  limits: { readonly keysMin?: number; readonly keysMax?: number } & Rules<
    Readonly<Record<string, T>>
  > = {},
): Schema<Readonly<Record<string, T>>> {
  const { keysMin, keysMax, rules } = limits;
  const openapi = {
    type: 'object',
    additionalProperties: values.openapi,
    minProperties: keysMin,
    maxProperties: keysMax,
    ...celOf(rules),
  };
  return {
    openapi: dropUndefined(openapi),
    read(value, at) {
      const fields = at.fieldsOf(value);
      if (fields === INVALID) return INVALID;
      if (keysMax !== undefined && fields.length > keysMax) {
        return at.refuse(`Too many: ${fields.length}: must have at most ${keysMax} items`);
      }
      if (keysMin !== undefined && fields.length < keysMin) {
        return at.outside(fields.length, `should have at least ${keysMin} properties`);
      }
      const read = fields.map(([key, field]) => [key, values.read(field, at.key(key))] as const);
      const valid = read.flatMap(([key, field]) =>
        field === INVALID ? [] : [[key, field] as const],
      );
      return valid.length < read.length ? INVALID : at.obey(rules, Object.fromEntries(valid));
    },
  };
}

/** `x-kubernetes-validations`, or nothing. */
export function celOf<T>(rules: readonly Rule<T>[] | undefined): OpenApiSchema {
  if (rules === undefined || rules.length === 0) return {};
  return {
    'x-kubernetes-validations': rules.map(({ cel, message }) => ({ rule: cel, message })),
  };
}

export function dropUndefined(fields: Readonly<Record<string, unknown>>): OpenApiSchema {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
