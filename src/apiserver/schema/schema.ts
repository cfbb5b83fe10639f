// One form for the shape of every kind, whether it comes from the field tables of built-in types or
// from the OpenAPI schema of a CustomResourceDefinition.
import type { Json } from '../object.ts';
import type { ListOwnership } from '../types/notation.ts';

export type SchemaType =
  | 'object'
  | 'array'
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'int-or-string'
  | 'any';

/** Restrictions on a value beyond its type; the parts of allOf, anyOf, oneOf and not, too. */
export type ValueChecks = {
  readonly required?: readonly string[];
  readonly enum?: readonly Json[];
  readonly pattern?: RegExp;
  /** The pattern as its author wrote it, for messages. */
  readonly patternText?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly isMinimumExclusive?: boolean;
  readonly maximum?: number;
  readonly isMaximumExclusive?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
};

/** One rule of x-kubernetes-validations, as written. */
export type ValidationRule = {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
};

/**
 * The shape of a value. Schemas form a graph: types that contain themselves point back at
 * themselves, so a walk follows the value and never the schema alone.
 */
export type Schema = {
  readonly type: SchemaType;
  /** Built-in types: the name that decoding errors use, `ServicePort`. */
  readonly typeName?: string;
  /** Built-in types: the name that OpenAPI documents use, `io.k8s.api.core.v1.ServicePort`. */
  readonly publicName?: string;
  /** Of the field that has this value; of a type that has no name, the type's own. */
  readonly description?: string;
  /** Built-in types: what the type is, wherever it is used. */
  readonly typeDescription?: string;
  /** The known fields of an object. */
  readonly fields?: ReadonlyMap<string, Schema>;
  /** The values of all other fields of an object: a map. */
  readonly values?: Schema;
  readonly items?: Schema;
  readonly isNullable?: boolean;
  readonly preservesUnknown?: boolean;
  /** An object with apiVersion, kind and metadata of its own. */
  readonly isEmbeddedResource?: boolean;
  readonly default?: Json;
  readonly checks?: ValueChecks;
  readonly rules?: readonly ValidationRule[];
  /** How server-side apply owns a list, or, when atomic, an object or map. */
  readonly ownership?: ListOwnership;
  /** How strategic merge joins a list's items; the empty string means by value. */
  readonly mergeKey?: string;
  readonly retainsKeys?: boolean;
};

/** Any value: what a schema says nothing about. */
export const ANYTHING: Schema = { type: 'any' };
