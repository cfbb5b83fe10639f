// Where the find language is typed: what is wrong is underlined where it is wrong, and field names
// complete themselves.
import {
  useEffect,
  useId,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { browserClock } from '../../base/clock.ts';
import { FIELDS, fieldsBeginning } from '../../find/fields.ts';
import { parseFind, type FindError } from '../../find/parse.ts';
import { changeView } from '../../url/use-view.ts';

type Props = {
  readonly label: 'Find' | 'Hide';
  readonly value: string;
  readonly placeholder: string;
  readonly parameter: 'q' | 'hide';
};

const TYPING_MS = 150;
const SHOWN_MAX = 8;

/** The word that the caret is at the end of. */
const wordAt = (text: string, caret: number): string =>
  /[A-Za-z]+$/.exec(text.slice(0, caret))?.[0] ?? '';

type Field = {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly text: string;
  readonly offers: readonly string[];
  readonly chosen: number;
  readonly onType: (target: HTMLInputElement) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onLeave: () => void;
  readonly complete: (name: string) => void;
};

/** The text as it is typed; the address bar follows when the typing rests. */
function useField({ value, parameter }: Pick<Props, 'value' | 'parameter'>): Field {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [offers, setOffers] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState(-1);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    return browserClock.after(TYPING_MS, () => changeView({ [parameter]: text }, 'replace'));
  }, [text, value, parameter]);
  const onType = (target: HTMLInputElement): void => {
    setText(target.value);
    const word = wordAt(target.value, target.selectionStart ?? target.value.length);
    const fields = word.length > 0 ? fieldsBeginning(word).filter((name) => name !== word) : [];
    setOffers(fields.slice(0, SHOWN_MAX));
    setChosen(-1);
  };
  const complete = (name: string): void => {
    const caret = input.current?.selectionStart ?? text.length;
    const word = wordAt(text, caret);
    setText(text.slice(0, caret - word.length) + name + text.slice(caret));
    setOffers([]);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && offers.length > 0) {
      event.preventDefault();
      setChosen((chosen + step + offers.length) % offers.length);
    }
    const offered = offers[Math.max(chosen, 0)];
    const takes = event.key === 'Tab' || (event.key === 'Enter' && chosen >= 0);
    if (takes && offered !== undefined && !event.shiftKey) {
      event.preventDefault();
      complete(offered);
    } else if (event.key === 'Escape') setOffers([]);
  };
  return { input, text, offers, chosen, onType, onKeyDown, onLeave: () => setOffers([]), complete };
}

export function FindBox({ label, value, placeholder, parameter }: Props): ReactNode {
  const id = useId();
  const field = useField({ value, parameter });
  const { input, text, offers, chosen, complete } = field;
  const parsed = parseFind(text);
  const error = parsed.isValid ? undefined : parsed.error;
  return (
    <div className="find">
      <label htmlFor={id}>{label}</label>
      <div className="find-field">
        <Underline text={text} error={error} />
        <input
          ref={input}
          id={id}
          type="text"
          value={text}
          placeholder={placeholder}
          spellCheck={false}
          autoComplete="off"
          role="combobox"
          aria-expanded={offers.length > 0}
          aria-controls={`${id}-offers`}
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-invalid={error !== undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          onChange={({ target }) => field.onType(target)}
          onKeyDown={field.onKeyDown}
          onBlur={field.onLeave}
        />
        <Offers id={id} offers={offers} chosen={chosen} onTake={complete} />
        {error && offers.length === 0 && (
          <p id={`${id}-error`} className="find-error" role="status">
            {error.message}
          </p>
        )}
      </div>
    </div>
  );
}

/** The same text under the field, with a wavy line where it is wrong. */
function Underline({ text, error }: { text: string; error: FindError | undefined }): ReactNode {
  if (!error) return null;
  return (
    <div className="find-underline" aria-hidden="true">
      {text.slice(0, error.start)}
      <mark>{text.slice(error.start, error.end) || ' '}</mark>
    </div>
  );
}

type OffersProps = {
  readonly id: string;
  readonly offers: readonly string[];
  readonly chosen: number;
  readonly onTake: (name: string) => void;
};

function Offers({ id, offers, chosen, onTake }: OffersProps): ReactNode {
  return (
    <ul id={`${id}-offers`} role="listbox" aria-label="Fields" hidden={offers.length === 0}>
      {offers.map((name, index) => (
        <li
          key={name}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          // Before the field loses its focus.
          onPointerDown={(event) => {
            event.preventDefault();
            onTake(name);
          }}
        >
          <code>{name}</code>
          <span className="quiet">{FIELDS[name as keyof typeof FIELDS].about}</span>
        </li>
      ))}
    </ul>
  );
}
