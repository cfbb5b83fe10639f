// Somebody else changed it meanwhile: what it was, what they made of it and what is typed here,
// part by part. Nothing is overwritten: what comes out is a text in the editor.
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react';
import type { PolicyDocument } from '../../api/types.ts';
import { Dialog } from '../../components/dialog.tsx';
import { TimeText } from '../../components/text.tsx';
import { count } from './impact.ts';
import { differences, mergedText, mergeParts, type Choice, type MergePart } from './merge.ts';

const MergeResult = lazy(() => import('./merge-result.tsx'));

type Props = {
  readonly base: string;
  readonly theirs: PolicyDocument;
  readonly mine: string;
  readonly onResolve: (text: string) => void;
  readonly onClose: () => void;
};

export function ConflictDialog({ base, theirs, mine, onResolve, onClose }: Props): ReactNode {
  const parts = useMemo(() => mergeParts(base, theirs.yaml, mine), [base, theirs.yaml, mine]);
  const conflicts = parts.filter(({ kind }) => kind === 'conflict');
  const [choices, setChoices] = useState<readonly (Choice | undefined)[]>([]);
  const merged = mergedText(parts, choices);
  const open = conflicts.filter((_, index) => choices[index] === undefined).length;
  const choose = (index: number, choice: Choice): void =>
    setChoices(conflicts.map((_, other) => (other === index ? choice : choices[other])));
  return (
    <Dialog
      isWide
      title="Changed by somebody else meanwhile"
      onClose={onClose}
      actions={
        <>
          <button type="button" onClick={onClose}>
            Back to my text
          </button>
          <button type="button" onClick={() => onResolve(theirs.yaml)}>
            Take theirs
          </button>
          <button
            type="button"
            className="primary"
            disabled={merged === undefined}
            onClick={() => merged !== undefined && onResolve(merged)}
          >
            Edit on with the result
          </button>
        </>
      }
    >
      <p>
        {theirs.changedBy || 'Somebody'} changed {theirs.namespace}/{theirs.name}{' '}
        <TimeText atMs={theirs.changedAtMs} />. Nothing was overwritten.{' '}
        {conflicts.length === 0
          ? 'Both changes fit together.'
          : `${count(conflicts.length, 'part')} changed on both sides: choose.`}
      </p>
      <ThreeWay parts={parts} choices={choices} onChoose={choose} />
      <h3>Result, beside theirs</h3>
      {merged === undefined ? (
        <p className="quiet">{count(open, 'part')} to be chosen yet.</p>
      ) : (
        <Suspense fallback={<pre className="code waiting">{merged}</pre>}>
          <MergeResult theirs={theirs.yaml} result={merged} />
        </Suspense>
      )}
    </Dialog>
  );
}

type ThreeWayProps = {
  readonly parts: readonly MergePart[];
  readonly choices: readonly (Choice | undefined)[];
  readonly onChoose: (conflict: number, choice: Choice) => void;
};

/** Only what differs; what is the same on all sides would hide it. */
function ThreeWay({ parts, choices, onChoose }: ThreeWayProps): ReactNode {
  return (
    <div className="table-frame">
      <table className="three-way" aria-label="Three-way differences">
        <thead>
          <tr>
            <th scope="col">Before</th>
            <th scope="col">Theirs</th>
            <th scope="col">Yours</th>
            <th scope="col">Taken</th>
          </tr>
        </thead>
        <tbody>
          {differences(parts).map(({ key, part, conflict }) => (
            <tr key={key} className={part.kind}>
              <Lines lines={part.base} />
              <Lines lines={part.theirs} />
              <Lines lines={part.mine} />
              <td>
                {part.kind === 'conflict' ? (
                  <Chooser
                    number={conflict}
                    choice={choices[conflict]}
                    onChoose={(choice) => onChoose(conflict, choice)}
                  />
                ) : (
                  <>{part.kind === 'mine' ? 'yours' : 'theirs'}</>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Lines = ({ lines }: { readonly lines: readonly string[] }): ReactNode => (
  <td>
    {lines.length === 0 ? <span className="quiet">nothing</span> : <pre>{lines.join('\n')}</pre>}
  </td>
);

type ChooserProps = {
  readonly number: number;
  readonly choice: Choice | undefined;
  readonly onChoose: (choice: Choice) => void;
};

function Chooser({ number, choice, onChoose }: ChooserProps): ReactNode {
  return (
    <fieldset className="chooser">
      <legend className="hidden">Difference {number + 1}</legend>
      {(['theirs', 'mine'] as const).map((one) => (
        <label key={one} className="check">
          <input
            type="radio"
            name={`conflict-${number}`}
            checked={choice === one}
            onChange={() => onChoose(one)}
          />{' '}
          {one === 'mine' ? 'yours' : 'theirs'}
        </label>
      ))}
    </fieldset>
  );
}
