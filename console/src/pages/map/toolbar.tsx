import type { ReactNode } from 'react';
import { CopyButton } from '../../components/command.tsx';
import { changeView } from '../../url/use-view.ts';
import { GROUPS, LABELS, type ViewState } from '../../url/view-state.ts';
import { FindBox } from './find-box.tsx';
import type { Found } from './use-found.ts';

type Props = {
  readonly view: ViewState;
  readonly found: Found;
  readonly hasFind: boolean;
  readonly isNarrow: boolean;
};

const LABEL_WORDS: Readonly<Record<ViewState['label'], string>> = {
  rate: 'rate',
  conn: 'connections',
  latency: 'latency',
  identity: 'identity',
  none: 'none',
};

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

export function Toolbar({ view, found, hasFind, isNarrow }: Props): ReactNode {
  return (
    <div className="toolbar" role="toolbar" aria-label="What the map shows">
      <FindBox label="Find" value={view.q} placeholder="kind=vm or port=5432" parameter="q" />
      <output className="found" aria-label="Found">
        {hasFind ? `${plural(found.nodes, 'workload')} · ${plural(found.edges, 'edge')}` : ''}
      </output>
      <FindBox label="Hide" value={view.hide} placeholder="idle > 10m" parameter="hide" />
      <span className="space" />
      <Choice
        label="Label"
        value={view.label}
        options={LABELS}
        words={LABEL_WORDS}
        onChoose={(label) => changeView({ label }, 'replace')}
      />
      <Choice
        label="Group"
        value={view.group}
        options={GROUPS}
        words={{ network: 'network', namespace: 'namespace', none: 'none' }}
        onChoose={(group) => changeView({ group }, 'replace')}
      />
      {!isNarrow && <ViewSwitch view={view.view} />}
      <CopyButton
        className="quiet-button"
        label="Show as command"
        text={graphCommand(view)}
        title={graphCommand(view)}
      />
    </div>
  );
}

/** The command takes one namespace; of several it draws all. */
const graphCommand = ({ ns }: ViewState): string =>
  `isthmus graph -o mermaid${ns.length === 1 ? ` --namespace ${ns[0]}` : ''}`;

type ChoiceProps<T extends string> = {
  readonly label: string;
  readonly value: T;
  readonly options: readonly T[];
  readonly words: Readonly<Record<T, string>>;
  readonly onChoose: (value: T) => void;
};

function Choice<T extends string>(props: ChoiceProps<T>): ReactNode {
  const { label, value, options, words, onChoose } = props;
  return (
    <label className="choice">
      {label}
      <select
        value={value}
        onChange={({ target }) => {
          const chosen = options.find((option) => option === target.value);
          if (chosen) onChoose(chosen);
        }}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {words[option]}
          </option>
        ))}
      </select>
    </label>
  );
}

function ViewSwitch({ view }: { readonly view: ViewState['view'] }): ReactNode {
  return (
    <div className="switch" role="group" aria-label="View">
      {(['graph', 'table'] as const).map((one) => (
        <button
          type="button"
          key={one}
          aria-pressed={view === one}
          title={`${one === 'graph' ? 'Graph' : 'Table'} (t)`}
          onClick={() => changeView({ view: one })}
        >
          {one === 'graph' ? 'Graph' : 'Table'}
        </button>
      ))}
    </div>
  );
}
