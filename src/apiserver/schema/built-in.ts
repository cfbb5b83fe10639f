// Schemas of the built-in types, made from the field tables.
import { assertNever } from '#base/assert-never.ts';
import { DESCRIPTIONS } from '../types/descriptions/tables.ts';
import { TYPES } from '../types/tables.ts';
import type { Field, FieldType } from '../types/notation.ts';
import { ANYTHING } from './schema.ts';
import type { Schema } from './schema.ts';

const STRING: Schema = { type: 'string' };
const META = 'io.k8s.apimachinery.pkg';

/** Kubernetes' own scalar types as JSON carries them. */
const SCALARS: Readonly<Record<string, Schema>> = {
  string: STRING,
  bool: { type: 'boolean' },
  int32: { type: 'integer', checks: { format: 'int32' } },
  int64: { type: 'integer', checks: { format: 'int64' } },
  float64: { type: 'number' },
  bytes: { type: 'string', checks: { format: 'byte' } },
  Time: {
    type: 'string',
    checks: { format: 'date-time' },
    publicName: `${META}.apis.meta.v1.Time`,
  },
  MicroTime: {
    type: 'string',
    checks: { format: 'date-time' },
    publicName: `${META}.apis.meta.v1.MicroTime`,
  },
  Duration: STRING,
  Quantity: {
    type: 'int-or-string',
    checks: { format: 'quantity' },
    publicName: `${META}.api.resource.Quantity`,
  },
  IntOrString: { type: 'int-or-string', publicName: `${META}.util.intstr.IntOrString` },
};

/** The packages of the field tables by the names that OpenAPI documents give them. */
const PACKAGES: Readonly<Record<string, string>> = {
  core: 'io.k8s.api.core.v1',
  apps: 'io.k8s.api.apps.v1',
  batch: 'io.k8s.api.batch.v1',
  discovery: 'io.k8s.api.discovery.v1',
  coordination: 'io.k8s.api.coordination.v1',
  events: 'io.k8s.api.events.v1',
  policy: 'io.k8s.api.policy.v1',
  autoscaling: 'io.k8s.api.autoscaling.v1',
  rbac: 'io.k8s.api.rbac.v1',
  authn: 'io.k8s.api.authentication.v1',
  authz: 'io.k8s.api.authorization.v1',
  admission: 'io.k8s.api.admissionregistration.v1',
  crd: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  meta: 'io.k8s.apimachinery.pkg.apis.meta.v1',
};

/** Fields that mean the same in every type. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ['metadata', 'Name, labels, and what the server keeps of the object.'],
  ['spec', 'What is wanted.'],
  ['status', 'What was seen.'],
]);

const known = new Map<string, Schema>();

/** @param name qualified as in the tables, `core.Service` */
export function builtInSchema(name: string): Schema {
  const schema = known.get(name);
  if (schema) return schema;
  const table = TYPES.get(name);
  if (!table) throw new Error(`no field table for ${name}`);
  // The fields are filled in afterwards, so that a type may contain itself.
  const fields = new Map<string, Schema>();
  const [home = '', typeName = ''] = name.split('.');
  const publicName = `${PACKAGES[home]}.${typeName}`;
  const described = DESCRIPTIONS.get(name);
  const fresh: Schema = {
    type: 'object',
    typeName,
    publicName,
    fields,
    ...(described && { typeDescription: described.text }),
  };
  known.set(name, fresh);
  for (const field of table) {
    if (field.isEmbedded) {
      for (const [inner, schema] of embeddedFields(field)) fields.set(inner, schema);
    } else {
      const description = described?.fields.get(field.name) ?? COMMON.get(field.name);
      fields.set(field.name, fieldSchema(field, description));
    }
  }
  return fresh;
}

function embeddedFields(field: Field): Iterable<[string, Schema]> {
  if (field.type.kind !== 'message') throw new Error(`only messages can be embedded`);
  return builtInSchema(field.type.name).fields ?? [];
}

function fieldSchema(field: Field, description: string | undefined): Schema {
  const { type, ownership, mergeKey, retainsKeys } = field;
  return {
    ...typeSchema(type),
    ...(description !== undefined && { description }),
    ...(ownership && { ownership }),
    ...(mergeKey !== undefined && { mergeKey }),
    ...(retainsKeys && { retainsKeys }),
  };
}

function typeSchema(type: FieldType): Schema {
  switch (type.kind) {
    case 'list':
      return { type: 'array', items: typeSchema(type.of) };
    case 'map':
      return { type: 'object', values: typeSchema(type.of) };
    case 'message':
      return builtInSchema(type.name);
    case 'scalar':
      return SCALARS[type.name] ?? ANYTHING;
    default:
      return assertNever(type);
  }
}

const API_VERSION: Schema = {
  ...STRING,
  description: 'Group and version of the API that the object is written in.',
};
const KIND: Schema = { ...STRING, description: 'What kind of object it is.' };

export const OBJECT_META: Schema = builtInSchema('meta.ObjectMeta');

/** A whole object of a built-in kind: its type's fields with apiVersion and kind. */
export function builtInKindSchema(name: string): Schema {
  const schema = builtInSchema(name);
  return {
    ...schema,
    fields: new Map([['apiVersion', API_VERSION], ['kind', KIND], ...(schema.fields ?? [])]),
  };
}
