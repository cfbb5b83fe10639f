// A list of parts with fields of their own: rules, sources, operations, subsets.
import type { ComponentType, ReactNode } from 'react';
import { isSet, type FieldProps } from './form-props.ts';
import type { ListSpec } from './forms.ts';
import { at, isList } from './json.ts';

/** How a field is shown that stands in a list: given, since fields hold lists and lists fields. */
type ListProps = FieldProps<ListSpec> & { readonly view: ComponentType<FieldProps> };

export function ListField(props: ListProps): ReactNode {
  const { field, base, value, onEdit } = props;
  const path = [...base, ...field.key];
  const found = at(value, path);
  const items = isList(found) ? found : [];
  const titles = items.map((_, index) => `${field.item} ${index + 1}`);
  return (
    <fieldset className="list">
      <legend>{field.label}</legend>
      {items.length === 0 && <p className="quiet">{field.empty}</p>}
      {titles.map((title, index) => (
        <Item
          key={title}
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

type ItemProps = ListProps & { readonly index: number; readonly onRemove: () => void };

function Item({
  field,
  base,
  value,
  names,
  onEdit,
  isDisabled,
  view: View,
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
    <View
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
