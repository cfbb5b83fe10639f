// From a CustomResourceDefinition to the kind it defines.
import { fieldOf, itemOf } from '../field-path.ts';
import { readPath } from '../json-path.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { isJsonObject, listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { compileStructural } from '../schema/structural.ts';
import { COMMON_FIELDS } from '../selectors/field-selector.ts';
import type { Violation } from '../violation.ts';
import { required } from '../violation.ts';
import { byVersionPriority } from './kind-registry.ts';
import type { Kind, KindVersion, PrinterColumn, ScalePaths } from './kind.ts';

export type CompiledDefinition = {
  readonly kind: Kind;
  readonly violations: readonly Violation[];
};

/** What a custom resource's table shows when its definition does not say. */
const AGE_COLUMN: PrinterColumn = {
  name: 'Age',
  type: 'date',
  format: '',
  description: '',
  priority: 0,
  jsonPath: '.metadata.creationTimestamp',
};

export function compileDefinition(definition: KubeObject): CompiledDefinition {
  const spec = objectAt(definition, 'spec');
  const names = objectAt(spec, 'names');
  const kindName = stringAt(names, 'kind');
  const compiled = objectsAt(spec, 'versions').map((raw, index) =>
    compileVersion(raw, itemOf('spec.versions', index)),
  );
  const served = compiled.filter(({ raw }) => raw['served'] === true);
  const storage = objectsAt(spec, 'versions').find((raw) => raw['storage'] === true);
  const text = (field: string) => listAt(names, field).filter((one) => typeof one === 'string');
  const kind: Kind = {
    group: stringAt(spec, 'group'),
    plural: stringAt(names, 'plural'),
    singular: stringAt(names, 'singular') || kindName.toLowerCase(),
    kind: kindName,
    listKind: stringAt(names, 'listKind') || `${kindName}List`,
    shortNames: text('shortNames'),
    categories: text('categories'),
    isNamespaced: stringAt(spec, 'scope') === 'Namespaced',
    isCustom: true,
    versions: served
      .map(({ version }) => version)
      .toSorted((a, b) => byVersionPriority(a.name, b.name)),
    storageVersion: stringAt(storage, 'name'),
    hasGeneration: true,
    nameRule: 'subdomain',
    selectableFields: new Map([
      ...COMMON_FIELDS,
      ...served.flatMap(({ raw }) => selectableFieldsOf(raw)),
    ]),
    behaviour: {},
  };
  return { kind, violations: compiled.flatMap(({ violations }) => violations) };
}

function compileVersion(raw: JsonObject, path: string) {
  const at = fieldOf(path, 'schema.openAPIV3Schema');
  const source = objectAt(raw, 'schema')['openAPIV3Schema'];
  const compiled = isJsonObject(source)
    ? compileStructural(source, at)
    : { schema: { type: 'object' } as const, violations: [required(at, 'schemas are required')] };
  const subresources = objectAt(raw, 'subresources');
  const columns = objectsAt(raw, 'additionalPrinterColumns').map((column) => columnOf(column));
  const version: KindVersion = {
    name: stringAt(raw, 'name'),
    schema: compiled.schema,
    hasStatus: subresources['status'] !== undefined,
    scale: scaleOf(subresources['scale']),
    columns: columns.length > 0 ? columns : [AGE_COLUMN],
    warning: warningOf(raw),
  };
  return { raw, version, violations: compiled.violations };
}

function columnOf(column: JsonObject): PrinterColumn {
  return {
    name: stringAt(column, 'name'),
    type: stringAt(column, 'type'),
    format: stringAt(column, 'format'),
    description: stringAt(column, 'description'),
    priority: numberAt(column, 'priority') ?? 0,
    jsonPath: stringAt(column, 'jsonPath'),
  };
}

function scaleOf(scale: JsonObject[string]): ScalePaths | undefined {
  if (!isJsonObject(scale)) return undefined;
  const path = (field: string) => stringAt(scale, field).replace(/^\./, '');
  return {
    specReplicas: path('specReplicasPath'),
    statusReplicas: path('statusReplicasPath'),
    labelSelector: path('labelSelectorPath') || undefined,
  };
}

function warningOf(raw: JsonObject): string | undefined {
  if (raw['deprecated'] !== true) return undefined;
  return stringAt(raw, 'deprecationWarning') || `version ${stringAt(raw, 'name')} is deprecated`;
}

function selectableFieldsOf(raw: JsonObject) {
  return objectsAt(raw, 'selectableFields').map((field) => {
    const path = stringAt(field, 'jsonPath');
    const read = (object: KubeObject) => {
      const [value] = readPath(object, path);
      return value === undefined || value === null || typeof value === 'object'
        ? ''
        : String(value);
    };
    return [path.replace(/^\./, ''), read] as const;
  });
}
