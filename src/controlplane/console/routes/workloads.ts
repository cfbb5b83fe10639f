// One workload, looked at: what is known of it, and what its agents say when they are asked.
import type { PolicyOnPort, ProxyReport, WorkloadOverview } from '#api/workload.ts';
import type { Clock } from '#base/clock.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { Joins } from '#registry/joins/joins.ts';
import { isRecord } from '#kube/objects.ts';
import type { MeshCatalog } from '#resolve/catalog.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { ResourceStatus } from '#xds/protocol-status.ts';
import type { StreamStatus } from '#xds/status.ts';
import { shortTypeName } from '#xds/type-urls.ts';
import {
  AgentRequestError,
  askOnce,
  type AgentSession,
  type AgentSessions,
} from '../../agents/agents.ts';
import { withoutSecretsIn } from '../../agents/secrets.ts';
import { showConfig } from '../../debug-config.ts';
import { CONFIG_TYPES, type ConfigType } from '../../debug-json.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { textParameter } from '../parameters.ts';
import { ApiRefusal, notFound, ok, type ApiAnswer, type ApiCall, type ApiRoute } from '../route.ts';
import { proxyReport, type IntendedResource } from './proxy-report.ts';
import { silent, streamLogs } from './workload-logs.ts';
import { overviewThen } from './workload-past.ts';

export type WorkloadParts = {
  readonly view: MeshView;
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;
  readonly xds: {
    statusOf(id: string): readonly StreamStatus[];
    resourcesOf(id: string): readonly ResourceStatus[];
  };
  readonly agents: AgentSessions;
  readonly joins: Joins;
  readonly clock: Clock;
};

const EVENTS_MS = 3_600_000;
/** What says whether an Envoy is well. */
const HEALTH_STATS =
  '^(server\\.(live|uptime|memory_allocated|total_connections|concurrency)|listener_manager\\.' +
  '(lds\\.update_(success|rejected)|total_listeners_(active|draining)|listener_create_failure)|' +
  'cluster_manager\\.(active_clusters|cds\\.update_rejected)|control_plane\\.connected_state)$';

const SEE = { verb: 'get', resource: 'flows' } as const;
const CONFIG = { verb: 'get', resource: 'proxies/config' } as const;
const LOGS = { verb: 'get', resource: 'proxies/logs' } as const;
const BASE = '/api/v1/workloads/:namespace/:name';

export function workloadRoutes(parts: WorkloadParts): readonly ApiRoute[] {
  const get = (path: string, allow: ApiRoute['allow'], handle: ApiRoute['handle']): ApiRoute => ({
    method: 'GET',
    path: `${BASE}/${path}` as ApiRoute['path'],
    allow,
    handle,
  });
  return [
    get('overview', SEE, (call) =>
      Promise.resolve(ok(overviewThen(parts, call) ?? overview(parts, call))),
    ),
    get('proxy', CONFIG, async (call) => ok(await report(parts, call))),
    get('proxy/dump', CONFIG, async (call) => ok(await dump(parts, call))),
    get('logs', LOGS, (call) => streamLogs(parts, call, wantedKeys(parts, call))),
    get('bundle', CONFIG, (call) => bundle(parts, call)),
  ];
}

function nodeOf({ view }: WorkloadParts, { params }: ApiCall) {
  const { namespace = '', name = '' } = params;
  const node = view.node(`wl:${namespace}/${name}`);
  if (!node) throw notFound(`workload ${namespace}/${name}`);
  return node;
}

/** Its instances, or the one that `instance` names. */
function wantedKeys(parts: WorkloadParts, call: ApiCall): readonly string[] {
  const keys = nodeOf(parts, call).instances.map(({ key }) => key);
  const wanted = textParameter(call.query, 'instance');
  if (wanted === undefined) return keys;
  if (!keys.includes(wanted)) throw notFound(`instance ${wanted}`);
  return [wanted];
}

function overview(parts: WorkloadParts, call: ApiCall): WorkloadOverview {
  const { view, mesh, joins, agents, clock } = parts;
  const node = nodeOf(parts, call);
  const workloads = node.instances.flatMap(({ key }) => mesh.workloads.get(key) ?? []);
  const sessions = node.instances.flatMap(({ key }) => agents.session(key) ?? []);
  const nowMs = clock.nowMs();
  const events = view.marks.marks({ fromMs: nowMs - EVENTS_MS, toMs: nowMs + 1 });
  const own = joins.list().find((join) => join.node === node.id);
  const about = new Set([node.id, own?.id ?? '']);
  return {
    node,
    labels: workloads[0]?.labels ?? {},
    facts: [
      { name: 'addresses', value: node.addresses.join(', ') },
      { name: 'identity', value: node.identity },
      ...sessions.slice(0, 1).flatMap(factsOf),
    ].filter(({ value }) => value !== ''),
    health: [...workloads.flatMap(healthOfWorkload), ...sessions.flatMap(healthOfAgent)],
    events: events.filter((mark) => about.has(mark.about)),
    join: own ?? null,
    policies: workloads.slice(0, 1).flatMap((workload) => policiesOn(mesh, workload)),
  };
}

const factsOf = ({ os, version, status, remoteAddress }: AgentSession) => [
  { name: 'operating system', value: os },
  { name: 'agent', value: version },
  { name: 'Envoy', value: status?.envoy.version ?? '' },
  { name: 'Envoy’s restarts', value: status ? String(status.envoy.restarts) : '' },
  { name: 'connected from', value: remoteAddress },
];

const healthOfWorkload = ({ name, kind, health }: Workload) =>
  kind === 'WorkloadEntry' ? [{ check: `${name}: health checks`, state: health }] : [];

function healthOfAgent({ key, status }: AgentSession) {
  if (!status) return [];
  const name = key.split('/').at(-1) ?? key;
  const { capture, unready } = status;
  return [
    { check: `${name}: proxy`, state: unready.length === 0 ? 'ready' : unready.join('; ') },
    {
      check: `${name}: capture`,
      state: capture.reason === '' ? capture.state : `${capture.state}: ${capture.reason}`,
    },
  ];
}

function policiesOn(mesh: Mesh, workload: Workload): readonly PolicyOnPort[] {
  const authorization = mesh.authorization(workload);
  const rules = (['deny', 'allow', 'custom', 'audit'] as const).flatMap((effect) =>
    authorization[effect].map(({ namespace, name }) => ({
      port: 0,
      kind: 'AuthorizationPolicy',
      namespace,
      name,
      effect: effect.toUpperCase(),
    })),
  );
  const tls = mesh.inboundPorts(workload.key).map(({ port }) => {
    const { mode, by } = mesh.mtlsOrigin(workload, port);
    // without a policy it is the mesh's default
    const none = { kind: 'mutual TLS', namespace: '', name: '' };
    return { port, ...(by ?? none), effect: by ? mode : `${mode} (default)` };
  });
  return [...rules, ...tls];
}

/** The first instance that attends. */
function askedKey(parts: WorkloadParts, call: ApiCall): string {
  const keys = wantedKeys(parts, call);
  const key = keys.find((one) => parts.agents.session(one));
  if (key === undefined) throw silent(keys);
  return key;
}

async function report(parts: WorkloadParts, call: ApiCall): Promise<ProxyReport> {
  const key = askedKey(parts, call);
  const [config, stats] = await Promise.all([dumpOf(parts, call, key), statsOf(parts, call, key)]);
  const id = streamId(key);
  const workload = parts.mesh.workloads.get(key);
  return proxyReport({
    instance: key,
    atMs: parts.clock.nowMs(),
    dump: config,
    streams: parts.xds.statusOf(id),
    intended: workload ? intendedOf(parts, workload) : [],
    stats,
  });
}

function intendedOf(parts: WorkloadParts, workload: Workload): readonly IntendedResource[] {
  const types: readonly ConfigType[] = ['listeners', 'clusters', 'endpoints', 'routes'];
  return types.flatMap((type) => {
    const shown = showConfig(parts, workload, { type, isAll: false, offset: 0 });
    return shown.resources
      .filter(({ rejection, isAcknowledged }) => rejection !== undefined || !isAcknowledged)
      .map(({ name, rejection, isAcknowledged, resource }) => ({
        type: shortTypeName(CONFIG_TYPES[type]),
        name,
        rejection,
        isAcknowledged,
        resource: withoutSecretsIn(resource),
      }));
  });
}

async function dump(parts: WorkloadParts, call: ApiCall): Promise<unknown> {
  return await dumpOf(parts, call, askedKey(parts, call));
}

async function dumpOf(parts: WorkloadParts, call: ApiCall, key: string): Promise<unknown> {
  const { signal, user } = call;
  const options = { signal, by: user.username };
  const texts: string[] = [];
  try {
    const answers = parts.agents.ask<'config_dump'>(key, { kind: 'config_dump' }, options);
    for await (const { text } of answers) texts.push(text);
    const value: unknown = JSON.parse(texts.join(''));
    return isRecord(value) ? withoutSecretsIn(value) : {};
  } catch (error) {
    if (error instanceof SyntaxError) throw refusal('the agent sent no JSON');
    throw translated(error);
  }
}

async function statsOf(parts: WorkloadParts, call: ApiCall, key: string) {
  const { signal, user } = call;
  const request = { kind: 'stats', filter: HEALTH_STATS } as const;
  try {
    return (await askOnce(parts.agents, key, request, { signal, by: user.username })).stats;
  } catch (error) {
    throw translated(error);
  }
}

async function bundle(parts: WorkloadParts, call: ApiCall): Promise<ApiAnswer> {
  const { namespace, name } = nodeOf(parts, call);
  const seen = overview(parts, call);
  const key = wantedKeys(parts, call).find((one) => parts.agents.session(one));
  const asked =
    key === undefined
      ? { problem: 'no agent of it attends' }
      : { proxy: await report(parts, call), dump: await dump(parts, call) };
  const file = `isthmus-${namespace}-${name}.json`;
  return {
    status: 200,
    body: withoutSecretsIn({ overview: seen, ...asked }),
    headers: { 'content-disposition': `attachment; filename="${file}"` },
  };
}

function streamId(key: string): string {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return `${kind}/${namespace}/${certificateNameOf(name)}`;
}

/** An agent that cannot be asked, as an answer of the API. */
export function translated(error: unknown): unknown {
  if (!(error instanceof AgentRequestError)) return error;
  const status = error.reason === 'busy' ? 429 : 503;
  return new ApiRefusal(status, { code: `agent-${error.reason}`, message: error.message });
}

const refusal = (message: string): ApiRefusal =>
  new ApiRefusal(502, { code: 'agent-refused', message });
