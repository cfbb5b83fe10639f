// Envoy's configuration as tables: what serves one port, and what differs between what was meant
// and what Envoy has accepted.
import type { ProxyCluster, ProxyListener, ProxyReport } from '../../../api/types.ts';

/** What serves a port, or all of it. */
export type ProxyTables = {
  readonly listeners: readonly ProxyListener[];
  readonly clusters: readonly ProxyCluster[];
  readonly routes: ProxyReport['routes'];
  /** How much the filter has left out, so that no part is taken for the whole. */
  readonly left: { readonly shown: number; readonly of: number };
};

/** @param port null: all of it */
export function tablesOf(report: ProxyReport, port: number | null): ProxyTables {
  const { listeners, clusters, routes } = report;
  const of = listeners.length + clusters.length + routes.length;
  if (port === null) return { listeners, clusters, routes, left: { shown: of, of } };
  const shown = {
    listeners: listeners.filter((listener) => listener.ports.includes(port)),
    clusters: clusters.filter((cluster) => portsOfCluster(cluster).includes(port)),
    routes: routes.filter(({ name }) => name === String(port) || name.includes(`|${port}|`)),
  };
  const count = shown.listeners.length + shown.clusters.length + shown.routes.length;
  return { ...shown, left: { shown: count, of } };
}

/** From Istio's names `outbound|5432||host` and `inbound|5432||`, and ours `dst|ip:port`. */
export function portsOfCluster({ name, endpoints }: ProxyCluster): number[] {
  const named =
    /^(?:inbound|outbound)_?\.?\|(\d+)\|/.exec(name)?.[1] ?? /^dst\|.*:(\d+)$/.exec(name)?.[1];
  const ports = named === undefined ? [] : [Number(named)];
  for (const { address } of endpoints) {
    const port = /:(\d+)$/.exec(address)?.[1];
    if (port !== undefined) ports.push(Number(port));
  }
  return ports;
}

/** Istio's own: where traffic is captured to, probes, metrics, xDS. */
const isOwnPort = (port: number): boolean => port >= 15_000 && port <= 15_090;

/** Every port that something listens for, once and in order, but the proxy's own. */
export const portsOf = ({ listeners }: ProxyReport): number[] =>
  [...new Set(listeners.flatMap(({ ports }) => ports))]
    .filter((port) => !isOwnPort(port))
    .toSorted((a, b) => a - b);

/** What leads to its own agent, or to nowhere: of no interest to whoever looks for a service. */
export const isInternal = ({ name }: Pick<ProxyCluster, 'name'>): boolean =>
  /^(xds|sds|als)-grpc$|^(prometheus_stats|agent|BlackHoleCluster)$/.test(name);

export type DiffLine = {
  /** `both`, only in what was meant, only in what is in force. */
  readonly side: 'both' | 'intended' | 'acknowledged';
  readonly text: string;
};

/** Longer texts are compared by their first lines; the table says that it is cut. */
export const DIFF_LINES_MAX = 400;

/** The longest common subsequence of lines: what remains is what differs. */
export function diffLines(intended: string, acknowledged: string): DiffLine[] {
  const left = linesOf(intended);
  const right = linesOf(acknowledged);
  const lengths = commonLengths(left, right);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      lines.push({ side: 'both', text: left[i] ?? '' });
      i += 1;
      j += 1;
    } else if (
      j >= right.length ||
      (i < left.length && at(lengths, i + 1, j) >= at(lengths, i, j + 1))
    ) {
      lines.push({ side: 'intended', text: left[i] ?? '' });
      i += 1;
    } else {
      lines.push({ side: 'acknowledged', text: right[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}

const linesOf = (text: string): string[] =>
  text === '' ? [] : text.split('\n').slice(0, DIFF_LINES_MAX);

type Lengths = { readonly width: number; readonly values: Uint16Array };

const at = ({ width, values }: Lengths, i: number, j: number): number => values[i * width + j] ?? 0;

function commonLengths(left: readonly string[], right: readonly string[]): Lengths {
  const width = right.length + 1;
  const values = new Uint16Array((left.length + 1) * width);
  const lengths = { width, values };
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      values[i * width + j] =
        left[i] === right[j]
          ? at(lengths, i + 1, j + 1) + 1
          : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
    }
  }
  return lengths;
}

/** The nearby lines of each difference; null stands for lines that are the same and left out. */
export function hunksOf(lines: readonly DiffLine[], context = 3): (DiffLine | null)[] {
  const isNear = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - context), index + context + 1)
      .some(({ side }) => side !== 'both'),
  );
  const hunks: (DiffLine | null)[] = [];
  lines.forEach((line, index) => {
    if (isNear[index]) hunks.push(line);
    else if (hunks.at(-1) !== null) hunks.push(null);
  });
  return hunks;
}
