// A command to copy: what the console shows can be had in a shell as well.
import { useState, type ReactNode } from 'react';
import { browserClock } from '../base/clock.ts';

type Props = {
  readonly text: string;
  readonly label?: string;
  /** Of the button. */
  readonly copyLabel?: string;
  readonly className?: string;
  readonly title?: string;
};

const SAID_FOR_MS = 2_000;

export function CopyButton({ text, label = 'Copy', className, title }: Props): ReactNode {
  const [outcome, setOutcome] = useState('');
  const say = (words: string): void => {
    setOutcome(words);
    browserClock.after(SAID_FOR_MS, () => setOutcome(''));
  };
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say('Copied'),
      () => say('Cannot copy: select the text instead'),
    );
  };
  return (
    <button type="button" className={className} title={title} onClick={copy}>
      {outcome || label}
    </button>
  );
}

export function CommandBlock({ text, label, copyLabel }: Props): ReactNode {
  return (
    <div className="command" role="region" aria-label={label ?? 'Command'}>
      <pre>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} {...(copyLabel !== undefined && { label: copyLabel })} />
    </div>
  );
}
