// All rules in one table: what each is about, what it decided, and who keeps it.
import { useEffect, type ReactNode } from 'react';
import type { PolicySummary } from '../../api/types.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyButton } from '../../components/command.tsx';
import { formatAgo, formatCount } from '../../components/format.ts';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { useLoaded, type Loaded } from '../../components/use-loaded.ts';
import { Link } from '../../router/link.tsx';
import { navigate } from '../../router/location.ts';
import { useAllowed } from '../../store/abilities.ts';
import { serverNowMs, useNews } from '../../store/hooks.ts';
import { changeView, linkTo, useParam, useView } from '../../url/use-view.ts';
import { listPolicies } from './api.ts';
import { policyPath } from './paths.ts';
import { effectTone, kindsOf, policyKey, shown } from './list.ts';

export function PolicyList(): ReactNode {
  const news = useNews().find(({ kind }) => kind === 'policy');
  const revision = news?.kind === 'policy' ? `${policyKey(news.policy)} ${news.policy.atMs}` : '';
  const { value, problem, reload } = useRefreshed(revision);
  return (
    <div className="page policies">
      <header className="page-head">
        <h1>Policies</h1>
        <div className="actions">
          <CopyButton label="Show as command" text={LIST} title={LIST} />
          <NewLink />
        </div>
      </header>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {value ? (
        <Listed policies={value} />
      ) : (
        !problem && <Loading what="the policies" rows={8} onRetry={reload} />
      )}
    </div>
  );
}

const LIST = 'isthmus policy list';

/** Loads again when the feed tells of a change, and keeps what is in sight meanwhile. */
function useRefreshed(revision: string): Loaded<readonly PolicySummary[]> {
  const loaded = useLoaded('policies', listPolicies);
  const { reload } = loaded;
  useEffect(() => {
    if (revision !== '') reload();
  }, [revision, reload]);
  return loaded;
}

function NewLink(): ReactNode {
  const reason = useAllowed('').reasonAgainst('policies');
  if (reason === '') {
    return (
      <Link to="/policies/new" className="button">
        New policy
      </Link>
    );
  }
  return (
    <span className="actions">
      <span className="quiet" id="new-reason">
        {reason}
      </span>
      <button type="button" disabled aria-describedby="new-reason">
        New policy
      </button>
    </span>
  );
}

type ListedProps = { readonly policies: readonly PolicySummary[] };

function Listed({ policies }: ListedProps): ReactNode {
  const { q, ns } = useView();
  const [kind, setKind] = useParam('kind');
  const [only, setOnly] = useParam('only');
  const [sort, setSort] = useParam('sort');
  const rows = shown(policies, { text: q, namespaces: ns, kind, isProblemsOnly: only !== '' });
  if (policies.length === 0) return <NoPolicies />;
  return (
    <>
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Kind{' '}
          <select value={kind} onChange={(event) => setKind(event.target.value)}>
            <option value="">all</option>
            {kindsOf(policies).map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Find{' '}
          <input
            type="search"
            value={q}
            placeholder="name, target, effect"
            onChange={(event) => changeView({ q: event.target.value }, 'replace')}
          />
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={only !== ''}
            onChange={(event) => setOnly(event.target.checked ? 'problems' : '')}
          />{' '}
          only with conflicts or refusals
        </label>
        <span className="quiet" role="status">
          {rows.length} of {policies.length}
        </span>
      </form>
      <Table
        label="Policies"
        columns={COLUMNS}
        rows={rows}
        rowKey={policyKey}
        sort={sort}
        onSort={setSort}
        onOpen={(policy) => navigate(linkTo(policyPath(policy)))}
        empty={<Empty title="No policy is like that." />}
      />
    </>
  );
}

const COLUMNS: readonly Column<PolicySummary>[] = [
  {
    key: 'name',
    title: 'Name',
    sortBy: ({ namespace, name }) => `${namespace}/${name}`,
    render: (policy) => (
      <>
        {policy.namespace !== '' && <span className="quiet">{policy.namespace}/</span>}
        <Link to={policyPath(policy)}>{policy.name}</Link>
      </>
    ),
  },
  { key: 'kind', title: 'Kind', sortBy: ({ kind }) => kind, render: ({ kind }) => kind },
  {
    key: 'scope',
    title: 'Scope',
    sortBy: ({ scope }) => scope,
    render: ({ scope }) => <span className="cut">{scope}</span>,
  },
  {
    key: 'targets',
    title: 'Targets',
    sortBy: ({ targets }) => targets.length,
    render: ({ targets }) => <Targets targets={targets} />,
  },
  {
    key: 'effect',
    title: 'Effect',
    sortBy: ({ effect }) => effect,
    render: ({ effect }) => <Badge tone={effectTone(effect)}>{effect}</Badge>,
  },
  {
    key: 'hits',
    title: 'Allowed / denied, 24 h',
    isNumeric: true,
    sortBy: ({ allowed, denied }) => -(denied ?? -1) * 1e9 - (allowed ?? 0),
    render: ({ allowed, denied }) => (
      <>
        {formatCount(allowed)} / <span className={denied ? 'bad' : ''}>{formatCount(denied)}</span>
      </>
    ),
  },
  {
    key: 'conflicts',
    title: 'Conflicts',
    sortBy: ({ conflicts }) => -conflicts.length,
    render: ({ conflicts }) =>
      conflicts.length === 0 ? (
        <span className="quiet">none</span>
      ) : (
        <Badge tone="warn" title={conflicts.join('\n')}>
          ⚠ {conflicts.length}
        </Badge>
      ),
  },
  {
    key: 'changed',
    title: 'Last change',
    sortBy: ({ changedAtMs }) => -changedAtMs,
    render: ({ changedAtMs, changedBy }) => (
      <>
        <Age atMs={changedAtMs} /> {changedBy !== '' && `by ${changedBy}`}
      </>
    ),
  },
  {
    key: 'managed',
    title: 'Managed by',
    sortBy: ({ managedBy }) => managedBy,
    render: ({ managedBy }) =>
      managedBy === '' ? (
        <span className="quiet">nobody</span>
      ) : (
        <Badge title={`${managedBy} would undo what is changed here`}>{managedBy}, read-only</Badge>
      ),
  },
];

/** Short: the moment itself is in its title and on the policy's page. */
function Age({ atMs }: { readonly atMs: number }): ReactNode {
  if (atMs <= 0) return <span className="unknown">unknown</span>;
  const moment = new Date(atMs).toISOString();
  return (
    <time dateTime={moment} title={moment}>
      {formatAgo(atMs, serverNowMs())}
    </time>
  );
}

function Targets({ targets }: { readonly targets: readonly string[] }): ReactNode {
  const [first] = targets;
  if (first === undefined) {
    return <span className="warn">nobody</span>;
  }
  const rest = targets.length - 1;
  return (
    <span title={targets.join('\n')}>
      <span className="cut">{first}</span>
      {rest > 0 && <span className="quiet"> and {rest} more</span>}
    </span>
  );
}

function NoPolicies(): ReactNode {
  return (
    <Empty title="There are no policies yet.">
      <p className="measure">
        No AuthorizationPolicy limits who may connect, no PeerAuthentication demands encryption, no
        RequestAuthentication asks for tokens; no DestinationRule, VirtualService or Sidecar says
        where connections lead. Kinds that you may not list are not shown.
      </p>
      <NewLink />
    </Empty>
  );
}
