// Reading the openAPIV3Schema of a CustomResourceDefinition into our own form. It must be
// structural: every value's type is known without looking into allOf, anyOf, oneOf or not.
import { ruleProblem } from '../cel/rules.ts';
import { fieldOf, itemOf, keyOf } from '../field-path.ts';
import type { Json, JsonObject } from '../object.ts';
import { isJsonObject, listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import type { ListOwnership } from '../types/notation.ts';
import type { Violation } from '../violation.ts';
import { forbidden, invalid, notSupported, required } from '../violation.ts';
import { OBJECT_META } from './built-in.ts';
import { compilePattern } from './pattern.ts';
import type { Schema, SchemaType, ValidationRule, ValueChecks } from './schema.ts';

export type CompiledSchema = {
  readonly schema: Schema;
  readonly violations: readonly Violation[];
};

const TYPES: readonly string[] = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** What JSON Schema has and structural schemas must not have. */
const FORBIDDEN = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'];

/**
 * @param raw the schema as the CustomResourceDefinition has it
 * @param path where that is, for violations
 */
export function compileStructural(raw: JsonObject, path: string): CompiledSchema {
  const violations: Violation[] = [];
  const schema = compile(raw, { path, isNested: false, isCorrelated: true, violations });
  if (stringAt(raw, 'type') !== 'object') {
    const at = fieldOf(path, 'type');
    violations.push(
      raw['type'] === undefined
        ? required(at, 'must not be empty at the root')
        : invalid(at, raw['type'], 'must be object at the root'),
    );
  }
  return { schema: withResourceFields(schema), violations };
}

/** What every custom resource has besides what its author declared. */
function withResourceFields(schema: Schema): Schema {
  const fields = new Map<string, Schema>([
    ['apiVersion', { type: 'string' }],
    ['kind', { type: 'string' }],
    ...(schema.fields ?? []),
  ]);
  fields.set('metadata', metadataSchema(schema.fields?.get('metadata')));
  return { ...schema, fields };
}

/** A definition may restrict metadata.name and generateName, and nothing else of metadata. */
function metadataSchema(declared: Schema | undefined): Schema {
  const fields = new Map(OBJECT_META.fields);
  for (const name of ['name', 'generateName']) {
    const restricted = declared?.fields?.get(name);
    if (restricted) fields.set(name, restricted);
  }
  return { ...OBJECT_META, fields };
}

type Context = {
  readonly path: string;
  /** Within allOf, anyOf, oneOf or not: types and structure must not be given there. */
  readonly isNested: boolean;
  /** Is it known, of a value here, which value it was before an update? */
  readonly isCorrelated: boolean;
  readonly violations: Violation[];
};

function compile(raw: JsonObject, context: Context): Schema {
  const { path, isNested, violations } = context;
  for (const name of FORBIDDEN) {
    if (raw[name] !== undefined)
      violations.push(forbidden(fieldOf(path, name), `${name} is not supported`));
  }
  if (raw['uniqueItems'] === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    violations.push(forbidden(fieldOf(path, 'uniqueItems'), why));
  }
  const ownership = ownershipOf(raw, context);
  const rules = rulesOf(raw, context);
  const fallback = raw['default'];
  return {
    type: isNested ? 'any' : typeOf(raw, context),
    ...childrenOf(raw, context),
    ...(stringAt(raw, 'description') !== '' && { description: stringAt(raw, 'description') }),
    ...(raw['nullable'] === true && { isNullable: true }),
    ...(raw['x-kubernetes-preserve-unknown-fields'] === true && { preservesUnknown: true }),
    ...(raw['x-kubernetes-embedded-resource'] === true && { isEmbeddedResource: true }),
    ...(fallback !== undefined && { default: fallback }),
    ...(ownership && { ownership }),
    ...(rules.length > 0 && { rules }),
    ...checksOf(raw, context),
  };
}

function typeOf(raw: JsonObject, { path, violations }: Context): SchemaType {
  if (raw['x-kubernetes-int-or-string'] === true) return 'int-or-string';
  const type = raw['type'];
  switch (type) {
    case 'array':
    case 'boolean':
    case 'integer':
    case 'number':
    case 'object':
    case 'string':
      return type;
    default:
      if (type === undefined && raw['x-kubernetes-preserve-unknown-fields'] === true) return 'any';
      violations.push(
        type === undefined
          ? required(fieldOf(path, 'type'), 'must not be empty for specified object fields')
          : notSupported(fieldOf(path, 'type'), type, TYPES),
      );
      return 'any';
  }
}

type Children = Pick<Schema, 'fields' | 'values' | 'items'>;

function childrenOf(raw: JsonObject, context: Context): Children {
  const { path, isNested, violations } = context;
  const within = (place: string): Context => ({ ...context, path: place });
  const properties = Object.entries(objectAt(raw, 'properties')).flatMap(([name, child]) =>
    isJsonObject(child)
      ? [[name, compile(child, within(keyOf(fieldOf(path, 'properties'), name)))] as const]
      : [],
  );
  const additional = raw['additionalProperties'];
  const isMap = isJsonObject(additional) || additional === true;
  if (properties.length > 0 && additional !== undefined && additional !== false) {
    const why = 'additionalProperties and properties are mutual exclusive';
    violations.push(forbidden(fieldOf(path, 'additionalProperties'), why));
  }
  const items = raw['items'];
  // Items are found again by their keys, and so only in lists that have some.
  const hasKeys = raw['x-kubernetes-list-type'] === 'map';
  const correlation = { isCorrelated: context.isCorrelated && hasKeys };
  if (stringAt(raw, 'type') === 'array' && !isJsonObject(items) && !isNested) {
    violations.push(required(fieldOf(path, 'items'), 'must be specified'));
  }
  return {
    ...(properties.length > 0 && { fields: new Map(properties) }),
    ...(isMap && {
      values: isJsonObject(additional)
        ? compile(additional, within(fieldOf(path, 'additionalProperties')))
        : { type: 'any' },
    }),
    ...(isJsonObject(items) && {
      items: compile(items, { ...within(fieldOf(path, 'items')), ...correlation }),
    }),
  };
}

function ownershipOf(raw: JsonObject, { path, violations }: Context): ListOwnership | undefined {
  const mapType = raw['x-kubernetes-map-type'];
  if (mapType === 'atomic') return { kind: 'atomic' };
  const listType = raw['x-kubernetes-list-type'];
  if (listType === 'set' || listType === 'atomic') return { kind: listType };
  if (listType === undefined) return undefined;
  const at = fieldOf(path, 'x-kubernetes-list-type');
  if (listType !== 'map') {
    violations.push(notSupported(at, listType, ['atomic', 'map', 'set']));
    return undefined;
  }
  const keys = listAt(raw, 'x-kubernetes-list-map-keys').filter((key) => typeof key === 'string');
  if (keys.length === 0) {
    const why = 'must not be empty if x-kubernetes-list-type is map';
    violations.push(required(fieldOf(path, 'x-kubernetes-list-map-keys'), why));
  }
  return { kind: 'map', keys };
}

function rulesOf(raw: JsonObject, { path, isCorrelated, violations }: Context): ValidationRule[] {
  const texts = ['message', 'messageExpression', 'reason', 'fieldPath'] as const;
  return objectsAt(raw, 'x-kubernetes-validations').map((source, index) => {
    const rule: ValidationRule = {
      rule: stringAt(source, 'rule'),
      ...Object.fromEntries(
        texts.flatMap((name) =>
          stringAt(source, name) === '' ? [] : [[name, stringAt(source, name)]],
        ),
      ),
    };
    const problem = ruleProblem(rule, isCorrelated);
    const at = fieldOf(itemOf(fieldOf(path, 'x-kubernetes-validations'), index), 'rule');
    if (problem !== undefined) violations.push(invalid(at, rule.rule, problem));
    return rule;
  });
}

/** Our names for JSON Schema's bounds, which are the same. */
const NUMBERS = [
  'minimum',
  'maximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;

function checksOf(raw: JsonObject, context: Context): { readonly checks?: ValueChecks } {
  const { path } = context;
  const numbers = NUMBERS.flatMap((name) => {
    const value = numberAt(raw, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const nested = (name: string) => {
    const at = fieldOf(path, name);
    return objectsAt(raw, name).map((part, index) =>
      compile(part, { ...context, path: itemOf(at, index), isNested: true }),
    );
  };
  const combinations = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) => {
    const parts = isIntOrStringIdiom(raw, name) ? [] : nested(name);
    return parts.length === 0 ? [] : [[name, parts] as const];
  });
  const not = raw['not'];
  const needed = listAt(raw, 'required').filter((name) => typeof name === 'string');
  const checks: ValueChecks = {
    ...Object.fromEntries(numbers),
    ...Object.fromEntries(combinations),
    ...patternOf(raw, context),
    ...(raw['exclusiveMinimum'] === true && { isMinimumExclusive: true }),
    ...(raw['exclusiveMaximum'] === true && { isMaximumExclusive: true }),
    ...(needed.length > 0 && { required: needed }),
    ...(Array.isArray(raw['enum']) && { enum: listAt(raw, 'enum') }),
    ...(typeof raw['format'] === 'string' && { format: raw['format'] }),
    ...(isJsonObject(not) && {
      not: compile(not, { ...context, path: fieldOf(path, 'not'), isNested: true }),
    }),
  };
  return Object.keys(checks).length === 0 ? {} : { checks };
}

/** `anyOf: [{type: integer}, {type: string}]` beside x-kubernetes-int-or-string says the same. */
function isIntOrStringIdiom(raw: JsonObject, name: string): boolean {
  return name === 'anyOf' && raw['x-kubernetes-int-or-string'] === true;
}

function patternOf(
  raw: JsonObject,
  { path, violations }: Context,
): Pick<ValueChecks, 'pattern' | 'patternText'> {
  const text: Json | undefined = raw['pattern'];
  if (typeof text !== 'string') return {};
  try {
    return { pattern: compilePattern(text), patternText: text };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const at = fieldOf(path, 'pattern');
    violations.push(invalid(at, text, `must be a valid regular expression, but isn't: ${why}`));
    return {};
  }
}
