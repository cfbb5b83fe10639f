import type { ReactNode } from 'react';
import { useCell } from '../store/hooks.ts';
import { Dialog } from './dialog.tsx';
import { KEY_HELP, keysAreOn, switchKeys } from './keys.ts';

export function Help({ onClose }: { readonly onClose: () => void }): ReactNode {
  const isOn = useCell(keysAreOn);
  return (
    <Dialog label="Keys" onClose={onClose} className="help">
      <h2>Keys</h2>
      <dl className="keys">
        {KEY_HELP.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ target }) => switchKeys(target.checked)}
        />
        Keys of one letter
      </label>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </Dialog>
  );
}
