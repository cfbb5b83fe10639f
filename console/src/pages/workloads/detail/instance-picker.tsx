// Which of several instances is looked at.
import type { ReactNode } from 'react';
import type { MeshNode } from '../../../api/types.ts';
import { useParam } from '../../../url/use-view.ts';

export type ChosenInstance = { readonly key: string; readonly picker: ReactNode };

/** The chosen instance's key; empty: it has none. The picker is there when there is a choice. */
export function useInstance({ instances }: MeshNode): ChosenInstance {
  const [wanted, choose] = useParam('instance');
  const chosen = instances.find(({ key }) => key === wanted) ?? instances[0];
  const picker = instances.length > 1 && (
    <label>
      <span>Instance</span>
      <select value={chosen?.key} onChange={(event) => choose(event.target.value)}>
        {instances.map(({ key }) => (
          <option key={key} value={key}>
            {key.split('/').at(-1)}
          </option>
        ))}
      </select>
    </label>
  );
  return { key: chosen?.key ?? '', picker };
}
