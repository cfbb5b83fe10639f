// A text field that offers what there is, by the ARIA combobox pattern: anything may be typed, the
// list helps. Arrows move in it, Enter takes, Escape closes it.
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react';
import './combobox.css';

export type Option = {
  readonly value: string;
  /** What it is, in a word: `VM`, `service`; empty: nothing is said. */
  readonly detail?: string;
};

type Props = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly Option[];
  /** Enter in the field, or an option taken. */
  readonly onCommit?: (value: string) => void;
  readonly placeholder?: string;
  readonly isLabelHidden?: boolean;
  readonly isDisabled?: boolean;
  readonly className?: string;
};

/** More are found by typing. */
const SHOWN_MAX = 40;

export function matching(options: readonly Option[], typed: string): readonly Option[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const isMatch = ({ value, detail = '' }: Option): boolean =>
    words.every((word) => `${value} ${detail}`.toLowerCase().includes(word));
  return options.filter(isMatch).slice(0, SHOWN_MAX);
}

export function Combobox(props: Props): ReactNode {
  const { label, value, onChange, onCommit, options, isLabelHidden } = props;
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const [isTyped, setTyped] = useState(false);
  // What was chosen before is no filter: opening the list shows all that could be chosen instead.
  const shown = matching(options, isTyped ? value : '');
  const isShown = isOpen && shown.length > 0;
  const close = (): void => {
    setOpen(false);
    setActive(-1);
  };
  const take = (taken: string): void => {
    onChange(taken);
    setTyped(false);
    close();
    onCommit?.(taken);
  };
  const open = (index: number): void => {
    setOpen(true);
    setActive(index);
  };
  const onKeyDown = (event: KeyboardEvent): void =>
    comboKey(event, { isShown, active, shown, open, close, take, value, onCommit });
  return (
    <div className={`combobox ${props.className ?? ''}`}>
      <label htmlFor={id} className={isLabelHidden ? 'hidden' : undefined}>
        {label}
      </label>
      <input
        id={id}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={isShown}
        aria-controls={`${id}-list`}
        aria-activedescendant={isShown && active >= 0 ? `${id}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={props.placeholder}
        disabled={props.isDisabled}
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
          setTyped(true);
          open(-1);
        }}
        onClick={() => open(-1)}
        onBlur={() => {
          close();
          setTyped(false);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={label} hidden={!isShown}>
        {isShown &&
          shown.map((option, index) => (
            <Choice
              key={option.value}
              id={`${id}-${index}`}
              option={option}
              isActive={index === active}
              onTake={take}
            />
          ))}
      </ul>
    </div>
  );
}

type ChoiceProps = {
  readonly id: string;
  readonly option: Option;
  readonly isActive: boolean;
  readonly onTake: (value: string) => void;
};

function Choice({ id, option, isActive, onTake }: ChoiceProps): ReactNode {
  return (
    <li
      id={id}
      role="option"
      aria-selected={isActive}
      // Before the field loses focus, which would close the list.
      onPointerDown={(event) => event.preventDefault()}
      onClick={() => onTake(option.value)}
    >
      <span>{option.value}</span>
      {option.detail && <span className="quiet">{option.detail}</span>}
    </li>
  );
}

type Keyed = {
  readonly isShown: boolean;
  readonly active: number;
  readonly shown: readonly Option[];
  readonly open: (index: number) => void;
  readonly close: () => void;
  readonly take: (value: string) => void;
  readonly value: string;
  readonly onCommit: ((value: string) => void) | undefined;
};

function comboKey(event: KeyboardEvent, list: Keyed): void {
  const { isShown, active, shown } = list;
  const option = shown[active];
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    const from = isShown ? active : step > 0 ? -1 : shown.length;
    list.open(Math.min(Math.max(from + step, 0), shown.length - 1));
  } else if (event.key === 'Escape' && isShown) {
    event.stopPropagation();
    list.close();
  } else if (event.key === 'Enter' && isShown && option) {
    event.preventDefault();
    list.take(option.value);
  } else if (event.key === 'Enter') {
    list.close();
    list.onCommit?.(list.value);
  }
}
