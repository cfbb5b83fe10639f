// A word in a box. Its tone is never the only sign: the word says the same.
import type { ReactNode } from 'react';

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'unknown';

type Props = { readonly tone?: Tone; readonly title?: string; readonly children: ReactNode };

export function Badge({ tone = 'neutral', title, children }: Props): ReactNode {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}
