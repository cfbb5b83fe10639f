// The fields of the form, each of which reads one part of the text and asks for a change of it.
import { useEffect, useId, useState, type ReactNode } from 'react';
import { Combobox } from '../../components/combobox.tsx';
import {
  labelsFrom,
  labelsText,
  type ChoiceSpec,
  type ChoicesSpec,
  type LabelsSpec,
  type TextSpec,
} from './forms.ts';
import { ListField } from './form-list.tsx';
import { textOf, type FieldProps } from './form-props.ts';
import { at, isMap, type Json } from './json.ts';
import { WordsField } from './form-words.tsx';

export function FieldView(props: FieldProps): ReactNode {
  const { field } = props;
  switch (field.type) {
    case 'choice':
      return <ChoiceField {...props} field={field} />;
    case 'words':
      return <WordsField {...props} field={field} />;
    case 'labels':
      return <LabelsField {...props} field={field} />;
    case 'list':
      return <ListField {...props} field={field} view={FieldView} />;
    case 'choices':
      return <ChoicesField {...props} field={field} />;
    case 'text':
      return <TextField {...props} field={field} />;
    default:
      return null;
  }
}

const partOf = ({ field, base, value }: FieldProps): Json | undefined =>
  at(value, [...base, ...field.key]);

function ChoiceField(props: FieldProps<ChoiceSpec>): ReactNode {
  const { field, base, onEdit } = props;
  const chosen = textOf(partOf(props));
  return (
    <label className="field">
      {field.label}
      <Choices
        chosen={chosen}
        options={field.options}
        unset={`not set: ${field.unset}`}
        onChoose={(next) => onEdit([...base, ...field.key], next === '' ? undefined : next)}
      />
    </label>
  );
}

type ChoicesProps = {
  readonly chosen: string;
  readonly options: readonly string[];
  readonly unset?: string;
  readonly label?: string;
  readonly onChoose: (value: string) => void;
};

function Choices({ chosen, options, unset, label, onChoose }: ChoicesProps): ReactNode {
  // What the text says stays choosable, even if nobody knows it here.
  const all = chosen === '' || options.includes(chosen) ? options : [...options, chosen];
  return (
    <select value={chosen} aria-label={label} onChange={(event) => onChoose(event.target.value)}>
      {(unset !== undefined || chosen === '') && <option value="">{unset ?? 'choose'}</option>}
      {all.map((option) => (
        <option key={option}>{option}</option>
      ))}
    </select>
  );
}

function TextField(props: FieldProps<TextSpec>): ReactNode {
  const { field, base, names, onEdit, isDisabled } = props;
  const path = [...base, ...field.key];
  const text = textOf(partOf(props));
  const set = (next: string): void => onEdit(path, next === '' ? undefined : next);
  if (field.offer) {
    return (
      <Combobox
        label={field.label}
        value={text}
        onChange={set}
        options={names[field.offer].map((value) => ({ value }))}
        isDisabled={isDisabled}
      />
    );
  }
  return (
    <label className="field">
      {field.label}
      <input
        value={text}
        placeholder={field.hint}
        spellCheck={false}
        onChange={(event) => set(event.target.value)}
      />
    </label>
  );
}

/** Written when it is left: half a label is none yet. */
function LabelsField(props: FieldProps<LabelsSpec>): ReactNode {
  const { field, base, onEdit } = props;
  const id = useId();
  const written = labelsText(partOf(props));
  const [draft, setDraft] = useState(written);
  useEffect(() => setDraft(written), [written]);
  const path = [...base, ...field.key];
  const commit = (): void => {
    if (draft !== written) onEdit(path, labelsFrom(draft));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{field.label}</label>
      <input
        id={id}
        value={draft}
        placeholder="app=web, version=v1"
        spellCheck={false}
        aria-describedby={field.hint ? `${id}-hint` : undefined}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
      {field.hint && (
        <span className="quiet" id={`${id}-hint`}>
          {field.hint}
        </span>
      )}
    </div>
  );
}

function ChoicesField(props: FieldProps<ChoicesSpec>): ReactNode {
  const { field, base, names, onEdit, isDisabled } = props;
  const path = [...base, ...field.key];
  const found = partOf(props);
  const entries = isMap(found) ? Object.entries(found) : [];
  const [fresh, setFresh] = useState('');
  const add = (name: string): void => {
    setFresh('');
    const [first = ''] = field.options;
    const isUsed = entries.some(([key]) => key === name);
    if (name.trim() !== '' && !isUsed) onEdit([...path, name.trim(), ...field.inner], first);
  };
  return (
    <fieldset className="list">
      <legend>{field.label}</legend>
      {entries.map(([name, inner]) => (
        <div className="row" key={name}>
          <span>
            {field.item} {name}
          </span>
          <Choices
            chosen={textOf(at(inner, field.inner))}
            options={field.options}
            label={`${field.item} ${name}`}
            onChoose={(next) => onEdit([...path, name, ...field.inner], next)}
          />
          <button
            type="button"
            className="icon"
            aria-label={`Remove ${field.item.toLowerCase()} ${name}`}
            onClick={() => onEdit(entries.length === 1 ? path : [...path, name], undefined)}
          >
            ✕
          </button>
        </div>
      ))}
      <Combobox
        label={`Add a ${field.item.toLowerCase()}`}
        value={fresh}
        onChange={setFresh}
        onCommit={add}
        options={names.ports.map((value) => ({ value }))}
        isDisabled={isDisabled}
      />
    </fieldset>
  );
}
