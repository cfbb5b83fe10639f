// One proxy as tables: what its Envoy has, from its own dump, beside what it was to have. Pure.
import type { ProxyCluster, ProxyListener, ProxyReport, ProxySync } from '#api/workload.ts';
import { printable } from '#base/printable.ts';
import { fieldsOf, numberAt, objectsAt, textAt, textsAt, type Fields } from '#kube/fields.ts';
import { isRecord } from '#kube/objects.ts';
import type { StreamStatus } from '#xds/status.ts';
import { shortTypeName } from '#xds/type-urls.ts';

const ROWS_MAX = 2_000;
const NAME_LENGTH_MAX = 300;
const TEXT_LENGTH_MAX = 32 << 10;
const DIFFERENCES_MAX = 20;

/** A resource that Envoy was sent, by its type's short name: `lds`. */
export type IntendedResource = {
  readonly type: string;
  readonly name: string;
  readonly rejection: string | undefined;
  readonly isAcknowledged: boolean;
  readonly resource: unknown;
};

/** Words of the console for what xDS calls its types. */
const TITLES: Readonly<Record<string, string>> = {
  lds: 'listeners',
  cds: 'clusters',
  eds: 'endpoints',
  rds: 'routes',
  ecds: 'extensions',
};

export function proxyReport(facts: {
  readonly instance: string;
  readonly atMs: number;
  readonly dump: unknown;
  readonly streams: readonly StreamStatus[];
  readonly intended: readonly IntendedResource[];
  readonly stats: Readonly<Record<string, number>>;
}): ProxyReport {
  const { instance, atMs, dump, streams, intended, stats } = facts;
  const configs = objectsAt(fieldsOf(dump), 'configs');
  const held = heldResources(configs);
  return {
    instance,
    atMs,
    listeners: held.lds.slice(0, ROWS_MAX).map(listenerRow),
    clusters: held.cds.slice(0, ROWS_MAX).map((cluster) => clusterRow(cluster, held.eds)),
    routes: held.rds.slice(0, ROWS_MAX).map((route) => ({
      name: name(route),
      domains: objectsAt(route, 'virtual_hosts')
        .flatMap((host) => textsAt(host, 'domains'))
        .slice(0, 100)
        .map((domain) => printable(domain, NAME_LENGTH_MAX)),
    })),
    sync: Object.keys(TITLES).map((type) => syncRow(type, { streams, intended, held })),
    stats,
  };
}

const name = (fields: Fields, field = 'name'): string =>
  printable(textAt(fields, field), NAME_LENGTH_MAX);

type Held = Readonly<Record<'lds' | 'cds' | 'eds' | 'rds', readonly Fields[]>>;

/** Of Envoy's dump, which has a list for each type, static and dynamic ones apart. */
function heldResources(configs: readonly Fields[]): Held {
  const lists = (field: string, inner: string): readonly Fields[] =>
    configs.flatMap((config) => objectsAt(config, field).map((item) => fieldsOf(item, inner)));
  const listeners = configs.flatMap((config) =>
    objectsAt(config, 'dynamic_listeners').map((item) =>
      fieldsOf(item, 'active_state', 'listener'),
    ),
  );
  const isNamed = (field: string) => (resource: Fields) => textAt(resource, field) !== '';
  return {
    lds: [...listeners, ...lists('static_listeners', 'listener')].filter(isNamed('name')),
    cds: [
      ...lists('dynamic_active_clusters', 'cluster'),
      ...lists('static_clusters', 'cluster'),
    ].filter(isNamed('name')),
    eds: [
      ...lists('dynamic_endpoint_configs', 'endpoint_config'),
      ...lists('static_endpoint_configs', 'endpoint_config'),
    ].filter(isNamed('cluster_name')),
    rds: [
      ...lists('dynamic_route_configs', 'route_config'),
      ...lists('static_route_configs', 'route_config'),
    ].filter(isNamed('name')),
  };
}

function listenerRow(listener: Fields): ProxyListener {
  const socket = fieldsOf(listener, 'address', 'socket_address');
  const chains = objectsAt(listener, 'filter_chains');
  const ports = chains.flatMap(
    (chain) => numberAt(fieldsOf(chain, 'filter_chain_match'), 'destination_port') ?? [],
  );
  return {
    name: name(listener),
    address: `${name(socket, 'address')}:${numberAt(socket, 'port_value') ?? ''}`,
    chains: chains.map((chain) => name(chain)).filter((text) => text !== ''),
    ports: [...new Set(ports)].toSorted((a, b) => a - b),
  };
}

function clusterRow(cluster: Fields, assignments: readonly Fields[]): ProxyCluster {
  const own = name(cluster);
  const eds = textAt(fieldsOf(cluster, 'eds_cluster_config'), 'service_name') || own;
  const assignment =
    assignments.find((one) => textAt(one, 'cluster_name') === eds) ??
    fieldsOf(cluster, 'load_assignment');
  const endpoints = objectsAt(assignment, 'endpoints').flatMap((locality) =>
    objectsAt(locality, 'lb_endpoints').map((one) => {
      const socket = fieldsOf(one, 'endpoint', 'address', 'socket_address');
      const metadata = fieldsOf(one, 'metadata', 'filter_metadata', 'istio');
      return {
        address: `${name(socket, 'address')}:${numberAt(socket, 'port_value') ?? ''}`,
        health: name(one, 'health_status') || 'HEALTHY',
        network: name(metadata, 'network'),
      };
    }),
  );
  const [, service = ''] = /^outbound\|\d+\|[^|]*\|(.+)$/.exec(eds) ?? [];
  return { name: own, service, endpoints: endpoints.slice(0, ROWS_MAX) };
}

function syncRow(
  type: string,
  facts: {
    readonly streams: readonly StreamStatus[];
    readonly intended: readonly IntendedResource[];
    readonly held: Held;
  },
): ProxySync {
  const { streams, intended, held } = facts;
  const types = streams
    .flatMap((stream) => stream.types)
    .filter(({ typeUrl }) => shortTypeName(typeUrl) === type);
  const [rejection] = types.flatMap(({ rejections }) => rejections);
  const isSent = types.every(
    (one) => one.acknowledgedCount === one.nameCount && one.dueCount === 0,
  );
  const state =
    types.length === 0 ? 'never-asked' : rejection ? 'rejected' : isSent ? 'in-sync' : 'sent';
  return {
    type: TITLES[type] ?? type,
    state,
    message: rejection ? printable(`${rejection.name}: ${rejection.message}`, 2_000) : '',
    atMs: Math.max(0, ...types.map(({ answeredAtMs = 0 }) => answeredAtMs)),
    differences: intended
      .filter((one) => one.type === type && (one.rejection !== undefined || !one.isAcknowledged))
      .slice(0, DIFFERENCES_MAX)
      .map((one) => ({
        name: printable(one.name, NAME_LENGTH_MAX),
        intended: pretty(one.resource),
        acknowledged: pretty(heldOf(held, type, one.name)),
      })),
  };
}

const heldOf = (held: Held, type: string, wanted: string): unknown =>
  type === 'lds' || type === 'cds' || type === 'eds' || type === 'rds'
    ? held[type].find((one) => (textAt(one, 'name') || textAt(one, 'cluster_name')) === wanted)
    : undefined;

/** Empty: there is none. Keys in one order, so that equal parts are equal lines. */
const pretty = (value: unknown): string =>
  value === undefined ? '' : printableLines(JSON.stringify(sorted(value), undefined, 2));

const printableLines = (text: string): string =>
  text
    .slice(0, TEXT_LENGTH_MAX)
    .split('\n')
    .map((line) => printable(line, 2_000))
    .join('\n');

/** protobuf's JSON has `lowerCamel` names, Envoy's own dump has `snake_case`: here all are the latter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [snake(key), sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const snake = (key: string): string =>
  /^[a-z][a-zA-Z0-9]*$/.test(key)
    ? key.replaceAll(/[A-Z]/g, (one) => `_${one.toLowerCase()}`)
    : key;
