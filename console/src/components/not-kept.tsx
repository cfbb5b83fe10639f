// What stands where a page has nothing of a moment gone by.
import type { ReactNode } from 'react';
import { changeView } from '../url/use-view.ts';
import { Empty } from './states.tsx';

/** @param props.what `Single connections`: begins the sentence */
export function NotKept({ what }: { readonly what: string }): ReactNode {
  return (
    <Empty title={`${what} of then are not kept`}>
      <p>Rates, identities and encryption of then are: see Metrics and the map.</p>
      <button type="button" onClick={() => changeView({ at: null })}>
        Back to live
      </button>
    </Empty>
  );
}
