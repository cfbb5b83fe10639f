// One row for each workload, whatever it is: a VM has every column that a pod has. A cell without a
// value says why.
import type { MeshEdge, MeshNode, NodeKind } from '../../../api/types.ts';
import type { EdgeNumbers } from '../../../store/samples.ts';
import type { Tone } from '../../../components/badge.tsx';
import { formatBytes, formatPercent } from '../../../components/format.ts';

/** `order` sorts; null is not known and comes last, whichever way round. */
export type Cell = {
  readonly text: string;
  readonly order: number | string | null;
  readonly tone: Tone;
  /** More than there is room for, or why there is no value. */
  readonly title: string;
};

export type WorkloadRow = {
  readonly id: string;
  readonly kind: NodeKind;
  /** Of the address of its page; empty: it has no page of its own. */
  readonly path: string;
  readonly isProblem: boolean;
  readonly node: MeshNode;
  readonly cells: Readonly<Record<Exclude<ColumnName, LiveColumn>, Cell>>;
};

export const COLUMNS = [
  'status',
  'name',
  'kind',
  'namespace',
  'network',
  'address',
  'version',
  'identity',
  'encrypted',
  'rate',
  'connections',
  'certificate',
  'sync',
  'changed',
] as const;

export type ColumnName = (typeof COLUMNS)[number];
/** What changes each second; computed apart, so that a row is made anew only when its node is. */
export type LiveColumn = 'rate' | 'connections' | 'certificate' | 'changed';

const KIND_WORDS: Readonly<Record<NodeKind, string>> = {
  vm: 'VM',
  pod: 'pod',
  gateway: 'gateway',
  external: 'external',
  unknown: 'unknown',
};

/** `VM`, `pod ×3`: what it is, and how many run of it. */
export function kindText({ kind, instances }: MeshNode): string {
  const isCounted = kind === 'pod' || kind === 'gateway' || instances.length > 1;
  return isCounted ? `${KIND_WORDS[kind]} ×${instances.length}` : KIND_WORDS[kind];
}

/** @param inbound edges that end at the node */
export function workloadRow(node: MeshNode, inbound: readonly MeshEdge[]): WorkloadRow {
  const cells = {
    status: statusCell(node),
    name: value(node.name),
    kind: value(kindText(node)),
    namespace: node.namespace === '' ? none('in no namespace') : value(node.namespace),
    network: node.network === '' ? value('mesh', 'the mesh’s own network') : value(node.network),
    address: addressCell(node),
    version: node.version === '' ? none('no version label') : value(node.version),
    identity: identityCell(node),
    encrypted: encryptedCell(inbound),
    sync: syncCell(node),
  };
  const isProblem = Object.values(cells).some(({ tone }) => tone === 'warn' || tone === 'bad');
  return { id: node.id, kind: node.kind, path: pathOf(node), isProblem, node, cells };
}

/** Of its page; strangers and external hosts have none: nothing of the mesh runs there. */
export function pathOf({ kind, namespace, name }: MeshNode): string {
  if (kind === 'external' || kind === 'unknown') return '';
  return `/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

const value = (text: string, title = ''): Cell => ({ text, order: text, tone: 'neutral', title });
const none = (why: string): Cell => ({ text: '–', order: null, tone: 'unknown', title: why });
const unknown = (why: string): Cell => ({
  text: `unknown (${why})`,
  order: null,
  tone: 'unknown',
  title: why,
});

/** The worst first when sorted. */
function statusCell(node: MeshNode): Cell {
  const { state, health, join } = node;
  const cell = (order: number, text: string, tone: Tone, title = ''): Cell => ({
    text,
    order,
    tone,
    title,
  });
  if (isOutside(node)) return cell(5, 'outside', 'unknown', outsideText(node));
  if (state === 'gone') return cell(4, 'gone', 'unknown', 'left the mesh');
  if (health === 'unhealthy') return cell(0, 'unhealthy', 'bad');
  if (state === 'joining') {
    const step = join === null ? '' : ` ${join.step}/${join.steps}`;
    return cell(1, `joining${step}`, 'neutral', 'on its way into the mesh');
  }
  if (health === 'unknown') return cell(2, 'unknown', 'unknown', 'nothing has told its health');
  return cell(3, 'healthy', 'good');
}

function addressCell({ addresses }: MeshNode): Cell {
  const [first, ...others] = addresses;
  if (first === undefined) return none('no address is known');
  const more = others.length > 0 ? ` +${others.length}` : '';
  return { text: first + more, order: first, tone: 'neutral', title: addresses.join(', ') };
}

function identityCell(node: MeshNode): Cell {
  if (node.identity !== '') return value(shortIdentity(node), node.identity);
  return isOutside(node) ? none(outsideText(node)) : unknown(silenceOf(node));
}

/** Trust domain and namespace are those of nearly every row: what differs is what is read. */
export function shortIdentity({ identity, namespace }: MeshNode): string {
  const match = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/(.+)$/.exec(identity);
  if (match === null) return identity;
  return match[1] === namespace ? `…/sa/${match[2]}` : `…/${match[1]}/sa/${match[2]}`;
}

const isOutside = ({ kind }: MeshNode): boolean => kind === 'external' || kind === 'unknown';
const outsideText = ({ kind }: MeshNode): string =>
  kind === 'external' ? 'outside of the mesh' : 'an address that means nothing to the mesh';

/** Why nothing is known of it from its own agent. */
export function silenceOf({ instances }: MeshNode): string {
  if (instances.length === 0) return 'no instance runs';
  const agents = instances.flatMap(({ agent }) => agent ?? []);
  if (agents.length === 0) return 'agent never called';
  if (agents.every(({ isConnected }) => !isConnected)) return 'agent not connected';
  return `not told by agent ${agents[0]?.version ?? ''}`.trimEnd();
}

/** Encrypted share of what it receives, of all its bytes of the last five minutes. */
function encryptedCell(inbound: readonly MeshEdge[]): Cell {
  if (inbound.length === 0) return { ...none('nobody has called it'), text: 'no traffic' };
  const unreported = inbound.filter(({ encryption }) => encryption.state === 'unknown');
  if (unreported.length === inbound.length) return { ...none('no report yet'), text: 'unknown' };
  const sum = (of: 'bytes' | 'encryptedBytes'): number =>
    inbound.reduce((all, { recent }) => all + recent[of], 0);
  const [bytes, encrypted] = [sum('bytes'), sum('encryptedBytes')];
  if (bytes === 0) return { ...none('no bytes in the last 5 min'), text: 'no traffic' };
  const share = encrypted / bytes;
  const oneSided = inbound.filter(({ encryption }) => encryption.state === 'one-sided').length;
  const edges = inbound.length === 1 ? '1 edge' : `${inbound.length} edges`;
  const title = [
    `${formatBytes(encrypted)} of ${formatBytes(bytes)} in 5 min, over ${edges}`,
    oneSided > 0 ? `${oneSided} seen by one end only` : '',
    unreported.length > 0 ? `${unreported.length} not reported` : '',
  ];
  return {
    text: formatPercent(share) + (unreported.length > 0 ? ' of reported' : ''),
    order: share,
    tone: share < 1 ? 'bad' : 'neutral',
    title: title.filter((part) => part !== '').join('; '),
  };
}

function syncCell(node: MeshNode): Cell {
  if (isOutside(node)) return none(outsideText(node));
  if (node.state === 'gone') return none('left the mesh');
  const agents = node.instances.flatMap(({ agent }) => (agent?.isConnected ? [agent] : []));
  if (agents.length === 0) return none(silenceOf(node));
  const acknowledged = agents.reduce((sum, agent) => sum + agent.acknowledged, 0);
  const subscribed = agents.reduce((sum, agent) => sum + agent.subscribed, 0);
  const rejection = agents.find((agent) => agent.rejection !== '')?.rejection;
  const text = `${acknowledged}/${subscribed}`;
  if (rejection !== undefined) {
    return { text: `${text} rejected`, order: 0, tone: 'bad', title: rejection };
  }
  const isSynced = acknowledged === subscribed;
  return {
    text,
    order: isSynced ? 2 : 1,
    tone: 'neutral',
    title: isSynced ? 'every type of configuration is in force' : 'on its way',
  };
}

export type Traffic = {
  /** Bytes per second of all its edges, as client and as server; null: no edge has a sample. */
  readonly toServer: number | null;
  readonly toClient: number | null;
  readonly open: number | null;
};

/** @param samples the last of each of the node's edges, undefined where there was none */
export function trafficOf(samples: Iterable<EdgeNumbers | undefined>): Traffic {
  let sum: { toServer: number; toClient: number; open: number } | null = null;
  for (const sample of samples) {
    if (sample === undefined) continue;
    sum ??= { toServer: 0, toClient: 0, open: 0 };
    sum.toServer += sample.toServerBytes;
    sum.toClient += sample.toClientBytes;
    sum.open += sample.open;
  }
  return sum ?? { toServer: null, toClient: null, open: null };
}
