// Short hand for the tables of built-in kinds.
import { builtInKindSchema } from '../schema/built-in.ts';
import { COMMON_FIELDS } from '../selectors/field-selector.ts';
import type { SelectableFields } from '../selectors/field-selector.ts';
import type { NameRule } from '../metadata-validation.ts';
import type { Behaviour, Kind, ScalePaths, ServedKind } from './kind.ts';

export type BuiltInKind = {
  /** Group and version, `apps/v1` or `v1`. */
  readonly api: string;
  readonly kind: string;
  readonly plural: string;
  /** Name in the field tables, `core.Pod`. */
  readonly type: string;
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly hasStatus?: boolean;
  readonly hasGeneration?: boolean;
  readonly scale?: ScalePaths;
  readonly nameRule?: NameRule;
  readonly fields?: SelectableFields;
  readonly behaviour?: Behaviour;
};

export function defineKind(built: BuiltInKind): Kind {
  const [group, version] = built.api.includes('/') ? built.api.split('/') : ['', built.api];
  return {
    group: group ?? '',
    plural: built.plural,
    singular: built.kind.toLowerCase(),
    kind: built.kind,
    listKind: `${built.kind}List`,
    shortNames: built.short ?? [],
    categories: built.categories ?? [],
    isNamespaced: built.scope !== 'Cluster',
    isCustom: false,
    versions: [
      {
        name: version ?? '',
        schema: builtInKindSchema(built.type),
        hasStatus: built.hasStatus ?? false,
        scale: built.scale,
        columns: [],
        warning: undefined,
      },
    ],
    storageVersion: version ?? '',
    hasGeneration: built.hasGeneration ?? false,
    nameRule: built.nameRule ?? 'subdomain',
    selectableFields: new Map([...COMMON_FIELDS, ...(built.fields ?? [])]),
    behaviour: built.behaviour ?? {},
  };
}

/** A kind that is never stored: a question, or the body of a subresource. */
export function defineTransient(
  built: Pick<BuiltInKind, 'api' | 'kind' | 'type' | 'scope'> & { readonly plural?: string },
): ServedKind {
  const kind = defineKind({ plural: '', ...built, nameRule: 'path-segment' });
  const [version] = kind.versions;
  if (!version) throw new Error(`${built.kind} has no version`);
  return { kind, version };
}
