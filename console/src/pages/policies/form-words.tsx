// A list of words: each can be taken away, new ones are typed or picked from what there is.
import { useState, type ReactNode } from 'react';
import { Combobox } from '../../components/combobox.tsx';
import type { FieldProps } from './form-props.ts';
import { wordsFrom, type WordsSpec } from './forms.ts';
import { at, isList, isMap, type Json } from './json.ts';

export function WordsField(props: FieldProps<WordsSpec>): ReactNode {
  const { field, base, value, names, onEdit, isDisabled } = props;
  const path = [...base, ...field.key];
  const [typed, setTyped] = useState('');
  const found = at(value, path);
  const words = isList(found) ? found.map(String) : [];
  const offered = field.offer ? names[field.offer].filter((name) => !words.includes(name)) : [];
  const set = (next: readonly string[]): void => onEdit(path, emptied(value, path, next));
  const add = (text: string): void => {
    setTyped('');
    const fresh = wordsFrom(text).filter((word) => !words.includes(word));
    if (fresh.length > 0) set([...words, ...fresh]);
  };
  return (
    <div className="words field">
      <Combobox
        label={field.label}
        value={typed}
        onChange={setTyped}
        onCommit={add}
        options={offered.map((name) => ({ value: name }))}
        placeholder={field.hint ?? 'add'}
        isDisabled={isDisabled}
      />
      {words.length > 0 && (
        <ul aria-label={field.label}>
          {words.map((word) => (
            <li key={word} className="chip">
              <span>{word}</span>
              <button
                type="button"
                className="icon"
                aria-label={`Remove ${word}`}
                onClick={() => set(words.filter((other) => other !== word))}
              >
                ✕
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/**
 * Taking away the last word of the only condition must not widen the rule in silence: the empty
 * list stays, which the validator refuses.
 */
function emptied(
  value: Json,
  path: readonly (string | number)[],
  words: readonly string[],
): Json | undefined {
  if (words.length > 0) return words;
  const parent = at(value, path.slice(0, -1));
  return isMap(parent) && Object.keys(parent).length === 1 ? [] : undefined;
}
