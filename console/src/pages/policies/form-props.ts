// What every field of the form is given.
import type { Field } from './forms.ts';
import { at, isList, type Json, type Path } from './json.ts';
import type { LiveNames } from './names.ts';

/** @param part undefined: it is taken away */
export type Edit = (path: Path, part: Json | undefined) => void;

export type FieldProps<Spec extends Field = Field> = {
  readonly field: Spec;
  /** Where the field's own key begins. */
  readonly base: Path;
  /** The whole document. */
  readonly value: Json;
  readonly names: LiveNames;
  readonly onEdit: Edit;
  readonly isDisabled: boolean;
};

export const textOf = (value: Json | undefined): string =>
  value === undefined || value === null || typeof value === 'object' ? '' : String(value);

/** Has the field anything to show? */
export function isSet(value: Json, path: Path): boolean {
  const found = at(value, path);
  if (isList(found)) return found.length > 0;
  return found !== undefined && found !== null;
}
