// `proxy-status`: who is connected, and whether each has what it asked for. Pure.
import { renderTable } from '../render.ts';
import type { StreamState, StreamType } from './answers.ts';

/** The columns, as istioctl calls them: type → its name's last part. */
const COLUMNS: readonly (readonly [heading: string, typeName: string])[] = [
  ['CDS', 'Cluster'],
  ['LDS', 'Listener'],
  ['EDS', 'ClusterLoadAssignment'],
  ['RDS', 'RouteConfiguration'],
  ['ECDS', 'TypedExtensionConfig'],
];

/** All streams of one workload: its Envoy's, and its agent's own. */
export type ProxyState = {
  /** `inventory-1.default`. */
  readonly name: string;
  readonly kind: string;
  readonly address: string;
  /** Of the eldest of its streams. */
  readonly connectedAtMs: number;
  readonly types: readonly StreamType[];
};

/** Sorted by name. */
export function groupByProxy(streams: readonly StreamState[]): readonly ProxyState[] {
  const byId = Map.groupBy(streams, ({ id }) => id);
  return [...byId]
    .map(([id, own]): ProxyState => {
      const [kind = '', namespace = '', name = ''] = id.split('/');
      return {
        name: `${name}.${namespace}`,
        kind,
        address: (own[0]?.remoteAddress ?? '').replace(/:\d+$/, '').replace(/^::ffff:/, ''),
        connectedAtMs: Math.min(...own.map(({ connectedAtMs }) => connectedAtMs)),
        types: own.flatMap(({ types }) => types),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function renderProxies(proxies: readonly ProxyState[], nowMs: number): string {
  if (proxies.length === 0) return 'no proxy is connected to this control plane';
  const table = renderTable(
    ['NAME', 'KIND', ...COLUMNS.map(([heading]) => heading), 'ADDRESS', 'CONNECTED'],
    proxies.map(({ name, kind, types, address, connectedAtMs }) => [
      name,
      kind,
      ...COLUMNS.map(([, typeName]) => stateOf(types.filter((it) => isOfType(it, typeName)))),
      address,
      renderAge(nowMs - connectedAtMs),
    ]),
  );
  return [table, ...proxies.flatMap(renderRejections)].join('\n');
}

const isOfType = ({ typeUrl }: StreamType, typeName: string): boolean =>
  typeUrl.endsWith(`.${typeName}`);

/** `SYNCED (3)`: what the proxy holds of a type it has taken; empty: it has asked for none. */
function stateOf(types: readonly StreamType[]): string {
  const sum = (of: (type: StreamType) => number): number =>
    types.reduce((total, type) => total + of(type), 0);
  const names = sum((type) => type.names);
  if (types.length === 0) return '';
  if (types.some(({ rejections }) => rejections.length > 0)) return `REJECTED (${names})`;
  const isStale = sum(({ due }) => due) > 0 || sum(({ acknowledged }) => acknowledged) < names;
  return `${isStale ? 'STALE' : 'SYNCED'} (${names})`;
}

function renderRejections({ name, types }: ProxyState): readonly string[] {
  const rejections = types.flatMap((type) => type.rejections);
  if (rejections.length === 0) return [];
  const lines = rejections.map((rejection) => `  ${rejection.name}: ${rejection.message}`);
  return ['', `${name} refuses:`, ...lines];
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** In its largest unit, as kubectl shows ages: `45s`, `12m`, `3d`. */
function renderAge(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? (['s', 1000] as const);
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
}
