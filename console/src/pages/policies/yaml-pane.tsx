// The text, the editor around it once that is loaded, and what is wrong with it in words.
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { marksIn, type Mark } from './marks.ts';
import type { LiveNames } from './names.ts';

const CodeEditor = lazy(() => import('./code-editor.tsx'));

type Props = {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly marks: readonly Mark[];
  readonly names: LiveNames;
  readonly readOnlyReason: string;
};

type Place = { readonly line: number; readonly column: number };

export function YamlPane(props: Props): ReactNode {
  const [goTo, setGoTo] = useState<Place>();
  return (
    <>
      <Suspense fallback={<pre className="code waiting">{props.text}</pre>}>
        <CodeEditor {...props} goTo={goTo} />
      </Suspense>
      <Marks marks={props.marks} onGo={({ line, column }) => setGoTo({ line, column })} />
      <p className="quiet hint">
        Ctrl-Space completes with names of the mesh. Tab leaves the editor; Ctrl-] and Ctrl-[ set
        lines in and out.
      </p>
    </>
  );
}

type MarksProps = {
  readonly marks: readonly Mark[];
  /** Absent: there is no place to go to. */
  readonly onGo?: (mark: Mark) => void;
};

const WORDS = { error: 'Error', warning: 'Warning', info: 'Note' } as const;

export function Marks({ marks, onGo }: MarksProps): ReactNode {
  return (
    <div role="status" aria-label="Problems" className="marks">
      {marks.length > 0 && (
        <ul>
          {marks.map((mark) => (
            <li key={JSON.stringify(mark)} className={mark.severity}>
              <strong>{WORDS[mark.severity]}</strong>{' '}
              {mark.line > 0 && onGo ? (
                <button type="button" className="link" onClick={() => onGo(mark)}>
                  {marksIn(mark)}
                </button>
              ) : (
                marksIn(mark)
              )}
              : {mark.path !== '' && <code>{mark.path}</code>} {mark.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
