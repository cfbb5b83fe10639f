// Facts, checks, neighbours and what happened last.
import type { ReactNode } from 'react';
import type { Instance, MeshNode, WorkloadOverview } from '../../../api/types.ts';
import { Badge, type Tone } from '../../../components/badge.tsx';
import { formatAgo, formatDuration } from '../../../components/format.ts';
import { Loading, Problem } from '../../../components/states.tsx';
import { Table, type Column } from '../../../components/table.tsx';
import { TimeText } from '../../../components/text.tsx';
import { useNowMs } from '../../../store/hooks.ts';
import { Neighbours } from './neighbours.tsx';
import type { LoadedOverview } from './page.tsx';

type Props = { readonly node: MeshNode; readonly overview: LoadedOverview };

export function OverviewTab({ node, overview }: Props): ReactNode {
  const { value, problem, reload } = overview;
  return (
    <div className="overview">
      <section className="panel" aria-label="Neighbours">
        <h2>Neighbours</h2>
        <Neighbours node={node} />
      </section>
      <section className="panel" aria-label="Instances">
        <h2>Instances</h2>
        <Table
          label="Instances"
          columns={INSTANCE_COLUMNS}
          rows={node.instances}
          rowKey={({ key }) => key}
          empty={<p className="quiet">No instance runs.</p>}
        />
      </section>
      {problem && !value && <Problem problem={problem} onRetry={reload} />}
      {!value && !problem && <Loading what="facts" onRetry={reload} />}
      {value && <Facts node={node} overview={value} />}
    </div>
  );
}

type FactsProps = { readonly node: MeshNode; readonly overview: WorkloadOverview };

function Facts({ node, overview }: FactsProps): ReactNode {
  const { facts, labels, health, events, atMs, leftAtMs } = overview;
  const isPast = atMs !== undefined || leftAtMs !== undefined;
  return (
    <>
      <section className="panel" aria-label="Facts">
        <h2>Facts</h2>
        <dl className="facts">
          <Fact name="Addresses" values={node.addresses} />
          <Fact name="Services" values={node.services} />
          <Fact
            name="Ports"
            values={node.ports.map(({ port, name, protocol }) => `${port} ${name} (${protocol})`)}
          />
          {facts.filter(isNews).map(({ name, value }) => (
            <Fact key={name} name={capitalised(name)} values={value === '' ? [] : [value]} />
          ))}
          {!isPast && (
            <Fact
              name="Labels"
              values={Object.entries(labels).map(([name, value]) => `${name}=${value}`)}
            />
          )}
        </dl>
      </section>
      <section className="panel" aria-label="Health checks">
        <h2>Health checks</h2>
        {health.length === 0 && (
          <p className="quiet">
            {isPast ? 'Checks of then are not kept.' : 'Nothing checks its health.'}
          </p>
        )}
        <dl className="facts">
          {health.map(({ check, state }) => (
            <div key={check} className="fact">
              <dt>{check}</dt>
              <dd>
                <Badge tone={toneOfCheck(state)}>{state}</Badge>
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section className="panel" aria-label="Recent events">
        <h2>Recent events</h2>
        {events.length === 0 && (
          <p className="quiet">Nothing in the {isPast ? 'day before' : 'last hour'}.</p>
        )}
        <ol className="events">
          {events.map(({ atMs, text }) => (
            <li key={`${atMs} ${text}`}>
              <TimeText atMs={atMs} /> <span>{text}</span>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

/** Said above, of the node itself. */
const isNews = ({ name }: { readonly name: string }): boolean =>
  !['addresses', 'identity'].includes(name.toLowerCase());

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function toneOfCheck(state: string): Tone {
  if (/^(ok|healthy|passed|passing|verified|running|ready)\b/i.test(state)) return 'good';
  if (/^(unknown|waiting|starting|off)\b/i.test(state)) return 'unknown';
  return 'bad';
}

type FactProps = { readonly name: string; readonly values: readonly string[] };

function Fact({ name, values }: FactProps): ReactNode {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>
        {values.length === 0 && <span className="unknown">none known</span>}
        {values.map((value) => (
          <div key={value}>{value}</div>
        ))}
      </dd>
    </div>
  );
}

const INSTANCE_COLUMNS: readonly Column<Instance>[] = [
  {
    key: 'key',
    title: 'Instance',
    render: ({ key }) => <code>{key.split('/').at(-1)}</code>,
  },
  { key: 'address', title: 'Address', render: ({ address }) => address },
  { key: 'agent', title: 'Agent', render: ({ agent }) => <AgentState agent={agent} /> },
  {
    key: 'version',
    title: 'Version',
    render: ({ agent }) => agent?.version ?? <span className="unknown">unknown</span>,
  },
  {
    key: 'sync',
    title: 'Configuration',
    render: ({ agent }) =>
      agent === null ? (
        <span className="unknown">unknown</span>
      ) : (
        <>
          {agent.acknowledged}/{agent.subscribed}
          {agent.rejection !== '' && (
            <span className="bad" title={agent.rejection}>
              {' '}
              rejected: {agent.rejection}
            </span>
          )}
        </>
      ),
  },
  { key: 'skew', title: 'Clock', render: ({ agent }) => <Skew agent={agent} /> },
];

function AgentState({ agent }: Pick<Instance, 'agent'>): ReactNode {
  const nowMs = useNowMs();
  if (agent === null) return <Badge tone="unknown">has never called</Badge>;
  if (agent.isConnected) return <Badge tone="good">connected</Badge>;
  return <Badge tone="warn">last seen {formatAgo(agent.lastSeenMs, nowMs)}</Badge>;
}

/** A clock that is off fakes the end of certificates. */
const SKEW_MS_MAX = 5_000;

function Skew({ agent }: Pick<Instance, 'agent'>): ReactNode {
  if (agent === null) return <span className="unknown">unknown</span>;
  const offMs = agent.clockSkewMs;
  if (Math.abs(offMs) <= SKEW_MS_MAX) return 'right';
  const way = offMs > 0 ? 'ahead' : 'behind';
  return (
    <Badge tone="warn">
      {formatDuration(Math.abs(offMs))} {way}
    </Badge>
  );
}
