// A list of parts with fields of their own: rules, sources, operations, subsets.
import type { ReactNode } from 'react';
import { FieldView, isSet, type FieldProps } from './form-fields.tsx';
import type { ListSpec } from './forms.ts';
import { at, isList } from './json.ts';

export function ListField(props: FieldProps<ListSpec>): ReactNode {
  const { field, base, value, onEdit } = props;
  const path = [...base, ...field.key];
  const found = at(value, path);
  const items = isList(found) ? found : [];
  return (
    <fieldset className="list">
      <legend>{field.label}</legend>
      {items.length === 0 && <p className="quiet">{field.empty}</p>}
      {items.map((_, index) => (
        <Item
          key={index}
          {...props}
          index={index}
          onRemove={() => onEdit(items.length === 1 ? path : [...path, index], undefined)}
        />
      ))}
      <button type="button" onClick={() => onEdit([...path, items.length], field.fresh)}>
        Add {article(field.item)} {field.item.toLowerCase()}
      </button>
    </fieldset>
  );
}

const article = (noun: string): string => (/^[AEIOU]/.test(noun) ? 'an' : 'a');

type ItemProps = FieldProps<ListSpec> & { readonly index: number; readonly onRemove: () => void };

function Item({
  field,
  base,
  value,
  names,
  onEdit,
  isDisabled,
  index,
  onRemove,
}: ItemProps): ReactNode {
  const path = [...base, ...field.key, index];
  const title = `${field.item} ${index + 1}`;
  const inner = field.fields.map((one) => ({
    one,
    isShown: !('isRare' in one) || isSet(value, [...path, ...one.key]),
  }));
  const hidden = inner.filter(({ isShown }) => !isShown);
  const view = ({ one }: (typeof inner)[number]): ReactNode => (
    <FieldView
      key={one.label}
      field={one}
      base={path}
      value={value}
      names={names}
      onEdit={onEdit}
      isDisabled={isDisabled}
    />
  );
  return (
    <fieldset className="item">
      <legend>{title}</legend>
      <button
        type="button"
        className="icon remove"
        aria-label={`Remove ${title}`}
        onClick={onRemove}
      >
        ✕
      </button>
      {inner.filter(({ isShown }) => isShown).map(view)}
      {hidden.length > 0 && (
        <details className="more">
          <summary>More: {hidden.map(({ one }) => one.label.toLowerCase()).join(', ')}</summary>
          {hidden.map(view)}
        </details>
      )}
    </fieldset>
  );
}
