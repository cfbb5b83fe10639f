// What the list is narrowed down to.
import { useMemo, type ReactNode } from 'react';
import { store, useNetworks } from '../../../store/hooks.ts';
import type { ListQuery } from './query.ts';
import type { WorkloadRow } from './rows.ts';

type Props = {
  readonly query: ListQuery;
  readonly onChange: (query: ListQuery) => void;
  readonly all: readonly WorkloadRow[];
  readonly shown: number;
};

const KINDS = [
  ['', 'all kinds'],
  ['vm', 'VMs'],
  ['pod', 'pods'],
  ['gateway', 'gateways'],
  ['external', 'external'],
  ['unknown', 'unknown'],
] as const;

const ALL_NETWORKS = '*';

export function Toolbar({ query, onChange, all, shown }: Props): ReactNode {
  const networks = useNetworkNames(all);
  return (
    <search className="toolbar">
      <label>
        <span>Find</span>
        <input
          type="search"
          value={query.find}
          placeholder="words, or kind=vm and !mtls"
          onChange={(event) => onChange({ ...query, find: event.target.value })}
        />
      </label>
      <label>
        <span>Kind</span>
        <select
          value={query.kind}
          onChange={(event) => onChange({ ...query, kind: event.target.value })}
        >
          {KINDS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Network</span>
        <select
          value={query.network ?? ALL_NETWORKS}
          onChange={({ target }) =>
            onChange({ ...query, network: target.value === ALL_NETWORKS ? null : target.value })
          }
        >
          <option value={ALL_NETWORKS}>all networks</option>
          {networks.map((network) => (
            <option key={network} value={network}>
              {network === '' ? 'mesh' : network}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        aria-pressed={query.isProblemsOnly}
        onClick={() => onChange({ ...query, isProblemsOnly: !query.isProblemsOnly })}
      >
        Only problems
      </button>
      <span role="status" className="quiet">
        {store.isLoaded ? `${shown} of ${all.length}` : '–'}
      </span>
      <button
        type="button"
        className="density"
        aria-pressed={query.isDense}
        onClick={() => onChange({ ...query, isDense: !query.isDense })}
      >
        Dense
      </button>
    </search>
  );
}

function useNetworkNames(all: readonly WorkloadRow[]): readonly string[] {
  const networks = useNetworks();
  return useMemo(() => {
    const names = [...networks.map(({ id }) => id), ...all.map(({ node }) => node.network)];
    return [...new Set(names)].toSorted();
  }, [networks, all]);
}
