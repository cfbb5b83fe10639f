// What the server must know of a kind to serve it: names as data, and hooks where one differs.
import type { NameRule } from '../metadata-validation.ts';
import type { Draft, KubeObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import type { SelectableFields } from '../selectors/field-selector.ts';
import type { Violation } from '../violation.ts';

/** Where a kind keeps what the `scale` subresource shows. JSON paths without the leading dot. */
export type ScalePaths = {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** A string-form selector in the status, or for built-in kinds the spec's selector object. */
  readonly labelSelector: string | undefined;
};

/** One column of a custom resource's table. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  readonly jsonPath: string;
};

export type KindVersion = {
  readonly name: string;
  readonly schema: Schema;
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | undefined;
  /** Custom resources only: built-in kinds have their own code for tables. */
  readonly columns: readonly PrinterColumn[];
  /** Sent with every answer of this version. */
  readonly warning: string | undefined;
};

/**
 * Where a kind differs from all others. The hooks run in this order on the request's own draft:
 * defaults, (admission), prepare, validate, (admission), allocate, and then the write.
 */
export type Behaviour = {
  /** Fills in what the user left out; for new and for changed objects alike. */
  readonly defaults?: (draft: Draft) => void;
  /** Sets what the server owns in a new object. */
  readonly prepareCreate?: (draft: Draft) => void;
  /** Carries over what an update must not touch. */
  readonly prepareUpdate?: (draft: Draft, previous: KubeObject) => void;
  readonly validate?: (object: KubeObject) => readonly Violation[];
  readonly validateUpdate?: (next: KubeObject, previous: KubeObject) => readonly Violation[];
  /** Takes unique things. Nothing else runs between this and the write. */
  readonly allocate?: (draft: Draft, previous: KubeObject | undefined) => readonly Violation[];
  /** DELETE answers with the object instead of a Status. */
  readonly returnsDeleted?: boolean;
  /** Seconds an object lives on after DELETE when the request does not say; undefined: none. */
  readonly gracePeriodSeconds?: (object: KubeObject) => number | undefined;
  /** Changes an object that was deleted but is still held. */
  readonly markDeleted?: (draft: Draft) => void;
  /** Does something beside `metadata.finalizers` hold a deleted object? */
  readonly isHeld?: (object: KubeObject) => boolean;
};

export type Kind = {
  readonly group: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  /** Defined by a CustomResourceDefinition. */
  readonly isCustom: boolean;
  /** Served versions, the preferred one first. */
  readonly versions: readonly KindVersion[];
  /** The version that objects are stored in. It need not be served. */
  readonly storageVersion: string;
  readonly hasGeneration: boolean;
  readonly nameRule: NameRule;
  readonly selectableFields: SelectableFields;
  readonly behaviour: Behaviour;
};

/** A kind in one of its versions: what a request addresses. */
export type ServedKind = { readonly kind: Kind; readonly version: KindVersion };

/** The store's name for a kind: `deployments.apps`, `pods`. */
export function resourceOf({ group, plural }: Pick<Kind, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}
