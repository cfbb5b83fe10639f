// CustomResourceDefinitions as objects: defaults, rules and conditions.
import { fieldOf, itemOf } from '../field-path.ts';
import { nameProblem } from '../metadata-validation.ts';
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import { listAt, objectAt, objectsAt, stringAt, withFallbacks } from '../object.ts';
import { validateValue } from '../schema/validate.ts';
import type { Schema } from '../schema/schema.ts';
import type { Violation } from '../violation.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../violation.ts';
import { compileDefinition } from './custom.ts';
import type { Behaviour } from './kind.ts';

const SCOPES = ['Cluster', 'Namespaced'];
/** Holds a deleted definition until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export type DefinitionRules = {
  /** Groups that the server itself has; no definition may add to them. */
  readonly ownGroups: ReadonlySet<string>;
  readonly now: () => string;
};

export function definitionBehaviour(rules: DefinitionRules): Behaviour {
  return {
    defaults(draft) {
      draft['spec'] = specWithDefaults(objectAt(draft, 'spec'));
    },
    prepareCreate(draft) {
      draft.metadata.finalizers = [
        ...new Set([...(draft.metadata.finalizers ?? []), CLEANUP_FINALIZER]),
      ];
      draft['status'] = statusOf(draft, [], rules.now());
    },
    prepareUpdate(draft, previous) {
      const before = objectAt(previous, 'status');
      const stored = listAt(before, 'storedVersions').filter((one) => typeof one === 'string');
      const conditions = before['conditions'];
      const fresh = statusOf(draft, stored, rules.now());
      draft['status'] = { ...fresh, ...(conditions !== undefined && { conditions }) };
    },
    validate: (object) => validate(object, rules.ownGroups),
    validateUpdate,
  };
}

function specWithDefaults(spec: JsonObject): JsonObject {
  const names = objectAt(spec, 'names');
  const kind = stringAt(names, 'kind');
  return {
    ...spec,
    names: withFallbacks(names, { singular: kind.toLowerCase(), listKind: `${kind}List` }),
    conversion: withFallbacks(objectAt(spec, 'conversion'), { strategy: 'None' }),
  };
}

/** Served as soon as it is stored, so it is established from the first moment. */
function statusOf(draft: Draft, stored: readonly string[], now: string): JsonObject {
  const spec = objectAt(draft, 'spec');
  const storage = objectsAt(spec, 'versions').find((version) => version['storage'] === true);
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    reason,
    message,
  });
  return {
    acceptedNames: spec['names'],
    storedVersions: [...new Set([...stored, stringAt(storage, 'name')])],
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
  };
}

function validate(definition: KubeObject, ownGroups: ReadonlySet<string>): Violation[] {
  const spec = objectAt(definition, 'spec');
  const group = stringAt(spec, 'group');
  const scope = stringAt(spec, 'scope');
  const plural = stringAt(objectAt(spec, 'names'), 'plural');
  const { name } = definition.metadata;
  return [
    ...(name === `${plural}.${group}`
      ? []
      : [invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...(group === '' ? [required('spec.group')] : []),
    ...(ownGroups.has(group) ? [forbidden('spec.group', 'is a group of the server itself')] : []),
    ...(SCOPES.includes(scope) ? [] : [notSupported('spec.scope', scope, SCOPES)]),
    ...validateNames(objectAt(spec, 'names')),
    ...validateVersions(objectsAt(spec, 'versions')),
    ...validateConversion(objectAt(spec, 'conversion')),
    ...validateSchemas(definition),
  ];
}

function validateNames(names: JsonObject): Violation[] {
  const labels = [
    ['plural', stringAt(names, 'plural')],
    ['singular', stringAt(names, 'singular')],
    ...listAt(names, 'shortNames').map((one, index) => [
      itemOf('shortNames', index),
      typeof one === 'string' ? one : '',
    ]),
    ['kind', stringAt(names, 'kind').toLowerCase()],
    ['listKind', stringAt(names, 'listKind').toLowerCase()],
  ];
  return labels.flatMap(([field = '', name = '']) => {
    const at = fieldOf('spec.names', field);
    if (name === '') return [required(at)];
    const problem = nameProblem('service-label', name);
    return problem === undefined ? [] : [invalid(at, name, problem)];
  });
}

function validateVersions(versions: readonly JsonObject[]): Violation[] {
  const path = 'spec.versions';
  if (versions.length === 0) return [required(path, 'must have at least one version')];
  const names = new Set<string>();
  const found = versions.flatMap((version, index) => {
    const at = fieldOf(itemOf(path, index), 'name');
    const name = stringAt(version, 'name');
    const problem = nameProblem('service-label', name);
    const isTwice = names.has(name);
    names.add(name);
    return [
      ...(problem === undefined ? [] : [invalid(at, name, problem)]),
      ...(isTwice ? [duplicate(at, name)] : []),
    ];
  });
  const storages = versions.filter((version) => version['storage'] === true).length;
  if (storages === 1) return found;
  const why = 'must have exactly one version marked as storage version';
  return [...found, invalid(path, [], why)];
}

function validateConversion(conversion: JsonObject): Violation[] {
  const strategy = stringAt(conversion, 'strategy');
  if (strategy === 'None') return [];
  if (strategy !== 'Webhook') {
    return [notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
  }
  const why = 'conversion by webhook is not supported by this API server: use None';
  return [forbidden('spec.conversion.strategy', why)];
}

/** Every version's schema must be structural, and its defaults must pass it. */
function validateSchemas(definition: KubeObject): readonly Violation[] {
  const { kind, violations } = compileDefinition(definition);
  return [...violations, ...kind.versions.flatMap(({ schema }) => validateDefaults(schema, ''))];
}

function validateDefaults(schema: Schema, path: string): Violation[] {
  const children: (readonly [string, Schema])[] = [
    ...[...(schema.fields ?? [])].filter(([name]) => path !== '' || name !== 'metadata'),
    ...(schema.values ? [['*', schema.values] as const] : []),
    ...(schema.items ? [['[]', schema.items] as const] : []),
  ];
  const own =
    schema.default === undefined ? [] : validateValue(schema, schema.default, `${path}.default`);
  return [
    ...own,
    ...children.flatMap(([name, child]) => validateDefaults(child, `${path}.${name}`)),
  ];
}

function validateUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  const [spec, before] = [objectAt(next, 'spec'), objectAt(previous, 'spec')];
  const fixed = (['group', 'scope'] as const).filter((field) => spec[field] !== before[field]);
  const kind = stringAt(objectAt(spec, 'names'), 'kind');
  const names = new Set(objectsAt(spec, 'versions').map((version) => stringAt(version, 'name')));
  const stored = listAt(objectAt(previous, 'status'), 'storedVersions');
  const missing = stored.filter((one) => typeof one === 'string' && !names.has(one));
  return [
    ...fixed.map((field) => invalid(fieldOf('spec', field), spec[field], 'field is immutable')),
    ...(kind === stringAt(objectAt(before, 'names'), 'kind')
      ? []
      : [invalid('spec.names.kind', kind, 'field is immutable')]),
    ...missing.map((version) =>
      invalid('status.storedVersions', version, 'must appear in spec.versions'),
    ),
  ];
}
