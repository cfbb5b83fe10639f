// Each type of configuration: in force, on its way, or refused, and then what differs.
import type { ReactNode } from 'react';
import type { ProxySync } from '../../../api/types.ts';
import { Badge, type Tone } from '../../../components/badge.tsx';
import { TimeText } from '../../../components/text.tsx';
import { diffLines, hunksOf } from './proxy-view.ts';

const WORDS: Readonly<Record<ProxySync['state'], readonly [text: string, tone: Tone]>> = {
  'in-sync': ['in force', 'good'],
  sent: ['on its way', 'neutral'],
  rejected: ['rejected', 'bad'],
  'never-asked': ['never asked for', 'unknown'],
};

export function SyncTable({ sync }: { readonly sync: readonly ProxySync[] }): ReactNode {
  return (
    <section className="panel" aria-label="Intended and acknowledged">
      <h2>Intended and acknowledged</h2>
      <ul className="sync">
        {sync.map((one) => (
          <SyncItem key={one.type} sync={one} />
        ))}
      </ul>
    </section>
  );
}

function SyncItem({ sync }: { readonly sync: ProxySync }): ReactNode {
  const { type, state, message, atMs, differences } = sync;
  const [text, tone] = WORDS[state] ?? [state, 'unknown'];
  return (
    <li>
      <p className="sync-head">
        <strong>{shortType(type)}</strong> <Badge tone={tone}>{text}</Badge>
        {atMs > 0 && state !== 'never-asked' && (
          <span className="quiet">
            <TimeText atMs={atMs} />
          </span>
        )}
      </p>
      {message !== '' && (
        <blockquote className="step-problem" aria-label={`Why ${shortType(type)} was rejected`}>
          {message}
        </blockquote>
      )}
      {differences.map((difference) => (
        <Difference key={difference.name} difference={difference} />
      ))}
    </li>
  );
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  Listener: 'Listeners',
  Cluster: 'Clusters',
  ClusterLoadAssignment: 'Endpoints',
  RouteConfiguration: 'Routes',
  VirtualHost: 'Virtual hosts',
  Secret: 'Secrets',
  TypedExtensionConfig: 'Extensions',
};

/** `type.googleapis.com/envoy.config.listener.v3.Listener` are listeners to everybody. */
function shortType(type: string): string {
  const name = type.split(/[./]/).at(-1) ?? type;
  return TYPE_WORDS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

type DifferenceProps = { readonly difference: ProxySync['differences'][number] };

function Difference({ difference: { name, intended, acknowledged } }: DifferenceProps): ReactNode {
  const hunks = hunksOf(diffLines(intended, acknowledged));
  return (
    <details className="difference" open>
      <summary>
        <code>{name}</code> {summaryOf(intended, acknowledged)}
      </summary>
      <pre className="diff" role="group" aria-label={`Intended and acknowledged ${name}`}>
        {hunks.map((line, index) => (
          // Lines have no name of their own, and their order is what they are.
          // oxlint-disable-next-line react/no-array-index-key
          <DiffRow key={index} line={line} />
        ))}
      </pre>
    </details>
  );
}

function summaryOf(intended: string, acknowledged: string): string {
  if (acknowledged === '') return 'is not in force';
  if (intended === '') return 'is in force and should not be';
  return 'differs';
}

const SIGNS = { both: ' ', intended: '+', acknowledged: '−' } as const;
const MEANINGS = { both: '', intended: 'intended: ', acknowledged: 'in force: ' } as const;

function DiffRow({ line }: { readonly line: ReturnType<typeof hunksOf>[number] }): ReactNode {
  if (line === null) return <span className="diff-gap">…{'\n'}</span>;
  return (
    <span className={`diff-${line.side}`}>
      <span className="hidden">{MEANINGS[line.side]}</span>
      {`${SIGNS[line.side]} ${line.text}\n`}
    </span>
  );
}
