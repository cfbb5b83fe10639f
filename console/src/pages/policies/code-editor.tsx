// The YAML editor. A chunk of its own: nobody who does not edit loads it.
import {
  autocompletion,
  closeBrackets,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { useEffect, useRef, type ReactNode } from 'react';
import { cspNonce, editorTheme, highlighting } from './code-look.ts';
import { marksOf, type Mark } from './marks.ts';
import { completionAt, type LiveNames } from './names.ts';

type Props = {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly marks: readonly Mark[];
  readonly names: LiveNames;
  /** Empty: it can be edited. */
  readonly readOnlyReason: string;
  /** Where the cursor is to go, each time that it becomes another object. */
  readonly goTo: { readonly line: number; readonly column: number } | undefined;
};

/** The present props, for extensions that are made once. */
type Live = { current: Props };

export default function CodeEditor(props: Props): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const live = useRef(props);
  live.current = props;
  const { text, marks, goTo, readOnlyReason, label } = props;
  useEffect(() => {
    if (!frame.current) return undefined;
    const state = EditorState.create({ doc: live.current.text, extensions: extensions(live) });
    const made = new EditorView({ state, parent: frame.current });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, []);
  useEffect(() => view.current?.dispatch(replaceBy(view.current.state, text)), [text]);
  useEffect(() => {
    const { current } = view;
    if (current) current.dispatch(setDiagnostics(current.state, marksOf(marks, current.state.doc)));
  }, [marks, text]);
  useEffect(() => {
    view.current?.dispatch({ effects: access.reconfigure(accessOf(label, readOnlyReason)) });
  }, [label, readOnlyReason]);
  useEffect(() => {
    if (goTo && view.current) go(view.current, goTo);
  }, [goTo]);
  return <div className="code" ref={frame} />;
}

const access = new Compartment();

const accessOf = (label: string, readOnlyReason: string): Extension => [
  EditorState.readOnly.of(readOnlyReason !== ''),
  EditorView.contentAttributes.of({
    'aria-label': label,
    ...(readOnlyReason !== '' && { 'aria-readonly': 'true' }),
  }),
];

function extensions(live: Live): Extension {
  const nonce = cspNonce();
  return [
    nonce === '' ? [] : EditorView.cspNonce.of(nonce),
    lineNumbers(),
    lintGutter(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    bracketMatching(),
    closeBrackets(),
    indentUnit.of('  '),
    EditorView.lineWrapping,
    yaml(),
    syntaxHighlighting(highlighting),
    autocompletion({ override: [(context) => completions(context, live.current.names)] }),
    // Tab is left to the browser, so that a keyboard gets out again; Ctrl-] and Ctrl-[ set in.
    keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
    editorTheme,
    access.of(accessOf(live.current.label, live.current.readOnlyReason)),
    EditorView.updateListener.of(({ docChanged, state }) => {
      const text = state.doc.toString();
      if (docChanged && text !== live.current.text) live.current.onChange(text);
    }),
  ];
}

function completions(context: CompletionContext, names: LiveNames): CompletionResult | null {
  const found = completionAt(context.state.doc.toString(), context.pos, names);
  if (!found || (found.from === context.pos && !context.explicit)) return null;
  const options = found.options.map((label) => ({ label, type: 'constant' }));
  return { from: found.from, options, validFor: /^[^\s"'[\]{},]*$/ };
}

/** The smallest replacement, so that cursor, folds and undo history stay what they were. */
function replaceBy(state: EditorState, text: string): Parameters<EditorView['dispatch']>[0] {
  const old = state.doc.toString();
  if (old === text) return {};
  let from = 0;
  while (from < old.length && old[from] === text[from]) from += 1;
  let tail = 0;
  const shorter = Math.min(old.length, text.length) - from;
  while (tail < shorter && old.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
  const insert = text.slice(from, text.length - tail);
  return { changes: { from, to: old.length - tail, insert } };
}

function go(view: EditorView, { line, column }: { line: number; column: number }): void {
  const { doc } = view.state;
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const anchor = Math.min(found.from + Math.max(column, 1) - 1, found.to);
  view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor) });
  view.focus();
}
