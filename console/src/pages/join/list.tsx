// All joins that are remembered, those that go on first.
import type { ReactNode } from 'react';
import type { Join } from '../../api/types.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { TimeText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { navigate } from '../../router/location.ts';
import { useNowMs } from '../../store/hooks.ts';
import { linkTo } from '../../url/use-view.ts';
import { currentStep, isStuck, progressText, STEP_WORDS } from './view.ts';

const pathOf = ({ id }: Join): string => `/join/${encodeURIComponent(id)}`;

export function JoinList({ joins }: { readonly joins: readonly Join[] }): ReactNode {
  return (
    <Table
      label="Joins"
      columns={COLUMNS}
      rows={joins}
      rowKey={({ id }) => id}
      onOpen={(join) => navigate(linkTo(pathOf(join)))}
    />
  );
}

const COLUMNS: readonly Column<Join>[] = [
  { key: 'name', title: 'Machine', render: (join) => <Link to={pathOf(join)}>{join.name}</Link> },
  { key: 'namespace', title: 'Namespace', render: ({ namespace }) => namespace },
  { key: 'state', title: 'State', render: (join) => <Progress join={join} /> },
  { key: 'step', title: 'Waits for', render: (join) => waitsFor(join) },
  { key: 'started', title: 'Started', render: (join) => <TimeText atMs={join.startedAtMs} /> },
  { key: 'by', title: 'By', render: ({ by }) => by },
];

const TONES: Readonly<Record<Join['state'], Tone>> = {
  running: 'neutral',
  stuck: 'warn',
  done: 'good',
  failed: 'bad',
  cancelled: 'unknown',
};

export function Progress({ join }: { readonly join: Join }): ReactNode {
  const nowMs = useNowMs();
  const state = join.state === 'running' && isStuck(join, nowMs) ? 'stuck' : join.state;
  return <Badge tone={TONES[state] ?? 'neutral'}>{progressText({ ...join, state })}</Badge>;
}

function waitsFor(join: Join): string {
  const step = currentStep(join);
  return step && join.state !== 'failed' ? STEP_WORDS[step.name].waitsFor : '–';
}
