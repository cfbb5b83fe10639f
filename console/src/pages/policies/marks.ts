// Where a text is wrong: what YAML itself says at once, and what the control plane's own validator
// says a moment later.
import type { Diagnostic } from '@codemirror/lint';
import type { PolicyDiagnostic, PolicyImpact } from '../../api/types.ts';
import { readYaml } from './yaml-edit.ts';

export type Mark = Pick<PolicyDiagnostic, 'severity' | 'line' | 'column' | 'message'> & {
  /** Of the field in question; empty: not said. */
  readonly path: string;
};

/** The server's view of a text that is no YAML would be of another text. */
export function marksFor(text: string, impact: PolicyImpact | undefined): readonly Mark[] {
  const { problems } = readYaml(text);
  if (problems.length > 0) {
    return problems.map(({ line, column, text: message }) => ({
      severity: 'error',
      line,
      column,
      message,
      path: '',
    }));
  }
  return impact?.diagnostics ?? [];
}

/** Of CodeMirror's text: lines from 1. */
type Lines = {
  readonly lines: number;
  readonly length: number;
  line(n: number): { readonly from: number; readonly to: number; readonly text: string };
};

/** As the editor draws them: from the place to the end of its word. */
export function marksOf(marks: readonly Mark[], doc: Lines): Diagnostic[] {
  return marks
    .map(({ severity, line, column, message, path }) => {
      const found = doc.line(Math.min(Math.max(line, 1), doc.lines));
      const start = Math.min(found.from + Math.max(column, 1) - 1, found.to);
      const word = /^\S*/.exec(found.text.slice(start - found.from))?.[0].length ?? 0;
      const [from, to] = word > 0 ? [start, start + word] : [found.from, found.to];
      return { from, to, severity, message: path === '' ? message : `${path}: ${message}` };
    })
    .toSorted((a, b) => a.from - b.from);
}

/** `line 11, column 9` */
export function marksIn({ line, column }: Mark): string {
  if (line === 0) return 'in the whole';
  return column > 0 ? `line ${line}, column ${column}` : `line ${line}`;
}
