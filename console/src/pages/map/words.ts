// What is written on the map and said of it: labels, accessible names, commands. Pure.
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatPercent,
  formatRate,
  formatTime,
  UNKNOWN,
} from '../../components/format.ts';
import type { MeshEdge, MeshNode } from '../../api/types.ts';
import type { EdgeNumbers, Samples } from '../../store/samples.ts';
import { isWhole, type Silences } from '../../store/silence.ts';
import type { ViewState } from '../../url/view-state.ts';
import { KIND_WORDS } from './geometry.ts';
import type { SceneEdge, SceneNode } from './scene.ts';

const sum = (edges: readonly MeshEdge[], samples: Samples): EdgeNumbers | undefined => {
  const known = edges.map(({ index }) => samples.of(index)).filter((one) => one !== undefined);
  if (known.length <= 1) return known[0];
  const total = (of: (one: EdgeNumbers) => number): number =>
    known.reduce((all, one) => all + of(one), 0);
  const requests = total((one) => one.requests);
  return {
    toServerBytes: total((one) => one.toServerBytes),
    toClientBytes: total((one) => one.toClientBytes),
    open: total((one) => one.open),
    opened: total((one) => one.opened),
    failed: total((one) => one.failed),
    requests,
    requestMs: requests && total((one) => one.requestMs * one.requests) / requests,
    errorShare: mean(known, (one) => one.errorShare),
    clientErrorShare: mean(known, (one) => one.clientErrorShare),
    // of all together it is between that of the fastest and that of the slowest
    p50Ms: most(known, (one) => one.p50Ms),
    p95Ms: most(known, (one) => one.p95Ms),
    p99Ms: most(known, (one) => one.p99Ms),
  };
};

type Known = readonly EdgeNumbers[];
type Part = (one: EdgeNumbers) => number | null;

/** By their requests: null where nobody tells. */
function mean(known: Known, of: Part): number | null {
  const told = known.filter((one) => of(one) !== null);
  const weight = told.reduce((all, { requests }) => all + requests, 0);
  if (weight === 0) return most(told, of);
  return told.reduce((all, one) => all + (of(one) ?? 0) * one.requests, 0) / weight;
}

const most = (known: Known, of: Part): number | null =>
  known.reduce<number | null>((max, one) => {
    const value = of(one);
    return value !== null && (max === null || value > max) ? value : max;
  }, null);

export const numbersOf = (edge: SceneEdge, samples: Samples): EdgeNumbers | undefined =>
  sum(edge.members, samples);

const isIdle = ({ toServerBytes, toClientBytes, requests }: EdgeNumbers): boolean =>
  toServerBytes < 0.05 && toClientBytes < 0.05 && requests < 0.05;

/** `5432 postgres`; of several edges how many they are. */
export function edgeTitle({ members }: SceneEdge): string {
  const [first] = members;
  if (!first) return '';
  if (members.length > 1) return `${members.length} edges`;
  const what = first.application || (first.protocol === 'tcp' ? '' : first.protocol);
  return `${first.port}${what ? ` ${what}` : ''}`;
}

/** The second line of an edge's label. */
export function edgeLine(edge: SceneEdge, samples: Samples, mode: ViewState['label']): string {
  const [first] = edge.members;
  if (mode === 'identity') return first ? identityLine(first) : '';
  const numbers = numbersOf(edge, samples);
  if (!numbers) return UNKNOWN;
  if (mode === 'conn') {
    return `${numbers.open} open · ${formatCount(numbers.opened)} opened/s · ${formatCount(numbers.failed)} failed/s`;
  }
  const isTcp = first?.protocol === 'tcp';
  if (mode === 'latency') return isTcp ? UNKNOWN : latency(numbers, edge.members.length > 1);
  if (isIdle(numbers)) return `idle${numbers.open > 0 ? ` · ${numbers.open} conn` : ''}`;
  const rates = `→ ${formatRate(numbers.toServerBytes)}  ← ${formatRate(numbers.toClientBytes)}`;
  return isTcp
    ? `${rates} · ${numbers.open} conn`
    : `${rates} · ${formatCount(numbers.requests)} req/s`;
}

/** `p95 12 ms · 3.2 req/s`, or how many failed: there is room for two. */
function latency(numbers: EdgeNumbers, isOfMany: boolean): string {
  const { p95Ms, requests, errorShare } = numbers;
  if (p95Ms === null && requests === 0) return UNKNOWN;
  const p95 = `p95 ${p95Ms !== null && isOfMany ? '≤ ' : ''}${formatMs(p95Ms)}`;
  const hasErrors = errorShare !== null && errorShare > 0;
  const other = hasErrors
    ? `${formatPercent(errorShare)} failed`
    : `${formatCount(requests)} req/s`;
  return `${p95} · ${other}`;
}

const short = (identity: string): string => /\/sa\/[^/]+$/.exec(identity)?.[0].slice(1) ?? identity;

function identityLine({ encryption: { clientIdentity, serverIdentity } }: MeshEdge): string {
  if (!clientIdentity && !serverIdentity) return 'identities unknown';
  return `${short(clientIdentity) || '?'} → ${short(serverIdentity) || '?'}`;
}

/** How an edge's encryption is said in a name: `mTLS`, `plaintext`, `encryption unknown`. */
export function encryptionWords(members: readonly MeshEdge[]): string {
  const states = new Set(members.map(({ encryption }) => encryption.state));
  if (states.has('plaintext')) return states.size > 1 ? 'partly plaintext' : 'plaintext';
  if (states.has('mixed')) {
    return `${formatPercent(members[0]?.encryption.share)} mTLS, rest plaintext`;
  }
  if (states.has('unknown')) return 'encryption unknown';
  return states.has('one-sided') ? 'mTLS reported by one end' : 'mTLS seen by both ends';
}

/** Of several, the worst. */
export function encryptionState(members: readonly MeshEdge[]): MeshEdge['encryption']['state'] {
  const states = new Set(members.map(({ encryption }) => encryption.state));
  const worst = (['plaintext', 'mixed', 'unknown', 'one-sided'] as const).find((s) =>
    states.has(s),
  );
  return worst ?? 'mutual';
}

/**
 * What an edge is called for those who hear the map.
 *
 * @param isUnheard nobody reports it any more
 */
export function edgeName(
  edge: SceneEdge,
  names: { readonly from: string; readonly to: string },
  samples: Samples,
  isUnheard = false,
): string {
  const [first] = edge.members;
  if (!first) return '';
  const port = `${first.protocol.toUpperCase()} ${first.port}`;
  const what = edge.members.length > 1 ? `${edge.members.length} edges` : port;
  const encrypted = encryptionWords(edge.members);
  const encryption = isUnheard ? `encryption unknown now, last: ${encrypted}` : encrypted;
  const parts = [`${names.from} to ${names.to}`, what, encryption];
  const numbers = numbersOf(edge, samples);
  if (!numbers) parts.push('traffic not reported');
  else {
    if (isIdle(numbers)) parts.push('idle');
    parts.push(
      `${formatRate(numbers.toServerBytes)} to server`,
      `${formatRate(numbers.toClientBytes)} to client`,
      `${numbers.open} open connections`,
    );
    if (numbers.p95Ms !== null) parts.push(`95 % of requests within ${formatMs(numbers.p95Ms)}`);
    if (numbers.errorShare) parts.push(`${formatPercent(numbers.errorShare)} of requests failed`);
  }
  if (first.failure) parts.push(`failing: ${first.failure.text}`);
  if (first.disagreement) parts.push('reporters disagree');
  return parts.join(', ');
}

/** @param silence `no report since 16:03:20`; empty: its proxies report */
export function nodeName({ name, members, isGroup }: SceneNode, silence = ''): string {
  const [first] = members;
  if (!first) return name;
  const silent = silence === '' ? [] : [silence];
  if (isGroup) return [`${name}, ${members.length} workloads in a group`, ...silent].join(', ');
  const parts = [name, KIND_WORDS[first.kind]];
  if (first.join) parts.push(`joining, step ${first.join.step} of ${first.join.steps}`);
  else if (silence !== '') parts.push(silence);
  else if (first.kind === 'pod' || first.kind === 'vm') parts.push(`health ${first.health}`);
  if (first.namespace) parts.push(`namespace ${first.namespace}`);
  return parts.join(', ');
}

/** The line under a workload's name. */
export function nodeLine(node: MeshNode, nowMs: number): string {
  if (node.state === 'joining' && node.join) {
    return `joining, step ${node.join.step} of ${node.join.steps}`;
  }
  if (node.state === 'gone') return 'left the mesh';
  if (node.kind === 'external' || node.kind === 'unknown') return node.addresses[0] ?? '';
  const health = { healthy: '✓ healthy', unhealthy: '✗ unhealthy', unknown: '? health unknown' };
  const { certificate } = node;
  if (!certificate) return health[node.health];
  const leftMs = certificate.notAfterMs - nowMs;
  const left = leftMs <= 0 ? 'certificate expired' : `cert ${formatDuration(leftMs)}`;
  return `${health[node.health]} · ${left}`;
}

/** What its place on the map says of a workload, or of a group of them; empty: all report. */
export function silenceLine({ members }: SceneNode, silences: Silences, nowMs: number): string {
  const found = members.flatMap(({ id }) => silences.byNode.get(id) ?? []);
  const [first, ...others] = found;
  if (!first) return '';
  if (members.length > 1) return `${found.length} of ${members.length} do not report`;
  if (!isWhole(first)) return `${first.names.length} of ${first.proxies} do not report`;
  if (others.length > 0 || first.sinceMs === 0) return 'no report';
  return `no report since ${formatTime(first.sinceMs, nowMs)}`;
}

/** A workload as the command line takes it. */
export const commandName = (node: MeshNode | undefined, id: string): string => {
  if (!node) return id;
  return node.namespace ? `${node.name}.${node.namespace}` : node.name;
};

export const bytesTitle = (bytes: number): string => `${formatBytes(bytes)} (${bytes} bytes)`;
