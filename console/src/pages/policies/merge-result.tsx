// Two texts side by side with their differences marked, by CodeMirror.
import { yaml } from '@codemirror/lang-yaml';
import { syntaxHighlighting } from '@codemirror/language';
import { MergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { useEffect, useRef, type ReactNode } from 'react';
import { cspNonce, editorTheme, highlighting } from './code-look.ts';

type Props = { readonly theirs: string; readonly result: string };

const look = (label: string): Extension => {
  const nonce = cspNonce();
  return [
    nonce === '' ? [] : EditorView.cspNonce.of(nonce),
    EditorState.readOnly.of(true),
    EditorView.contentAttributes.of({ 'aria-label': label, 'aria-readonly': 'true' }),
    EditorView.lineWrapping,
    lineNumbers(),
    yaml(),
    syntaxHighlighting(highlighting),
    editorTheme,
  ];
};

export default function MergeResult({ theirs, result }: Props): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!frame.current) return undefined;
    const view = new MergeView({
      parent: frame.current,
      a: { doc: theirs, extensions: look('Theirs') },
      b: { doc: result, extensions: look('Result') },
      collapseUnchanged: { margin: 2, minSize: 6 },
    });
    return () => view.destroy();
  }, [theirs, result]);
  return <div className="code merge" ref={frame} />;
}
