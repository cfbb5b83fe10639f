// One workload, looked at through its agent: facts, connections, proxy, logs.
import type { MeshNode } from '#api/graph.ts';
import type { Connection } from '#api/history.ts';
import type {
  LogLine,
  LogSource,
  ProxyReport,
  ProxySync,
  WorkloadOverview,
} from '#api/workload.ts';
import { problem, type MockAnswer, type MockCall, type MockRoute } from './routes.ts';

const MINUTE_MS = 60_000;

const idOf = ({ params }: MockCall): string => `wl:${params['namespace']}/${params['name']}`;

const nodeOf = (call: MockCall): MeshNode | undefined => call.mesh.node(idOf(call));

/** Of one that has left nothing is known but what it was. */
function overviewOfLeft(call: MockCall): MockAnswer {
  const { node, leftAtMs } = call.mesh.lastKnown(idOf(call)) ?? {};
  if (!node || typeof leftAtMs !== 'number') {
    return problem(404, 'not-found', 'There is no such workload.');
  }
  const seen = overviewOf(node, call);
  const json: WorkloadOverview = { ...seen, leftAtMs, labels: {}, health: [], policies: [] };
  return { json };
}

/** Answers about the workload that the path names. */
const about =
  (answer: (node: MeshNode, call: MockCall) => MockAnswer) =>
  (call: MockCall): MockAnswer => {
    const node = nodeOf(call);
    return node ? answer(node, call) : problem(404, 'not-found', 'There is no such workload.');
  };

export function overviewOf(node: MeshNode, { mesh, nowMs }: MockCall): WorkloadOverview {
  const isVm = node.kind === 'vm';
  return {
    node,
    labels: { app: node.name, version: node.version },
    facts: [
      { name: 'Agent', value: '0.6.0' },
      { name: 'Envoy', value: '1.36.2, running for 2 h' },
      { name: 'Operating system', value: isVm ? 'Debian GNU/Linux 12 (bookworm)' : '' },
      { name: 'Capture', value: 'verified by nft, chain isthmus_out' },
    ],
    health: [
      { check: 'tcp 5432', state: 'passed 2 s ago' },
      { check: 'capture', state: 'verified' },
    ],
    events: [
      {
        atMs: nowMs - 12 * MINUTE_MS,
        kind: 'rotation',
        about: node.id,
        text: 'certificate renewed, serial 3f:9a:07:c1',
      },
      { atMs: nowMs - 48 * MINUTE_MS, kind: 'join', about: node.id, text: `${node.name} joined` },
    ],
    join: [...mesh.joins.values()].find((join) => join.node === node.id) ?? null,
    policies: [
      {
        port: 5432,
        kind: 'AuthorizationPolicy',
        namespace: 'inventory',
        name: 'pg-allow',
        effect: 'ALLOW, 2 rules',
      },
      {
        port: 0,
        kind: 'PeerAuthentication',
        namespace: 'inventory',
        name: 'default',
        effect: 'STRICT',
      },
    ],
  };
}

export function workloadConnections(node: MeshNode, { mesh, nowMs }: MockCall): Connection[] {
  const edges = mesh
    .snapshot(nowMs)
    .edges.filter(({ from, to }) => from === node.id || to === node.id);
  return edges.flatMap(({ id, port, failure }, at) =>
    [0, 1, 2].map((index): Connection => {
      const isFailed = failure !== null && index === 0;
      return {
        id: `${id}#${990 - index}`,
        edge: id,
        openedAtMs: nowMs - (index + at + 1) * 7_000,
        closedAtMs: index === 2 ? nowMs - 3_000 : isFailed ? nowMs - 6_990 : null,
        clientAddress: `10.24.0.12:${51_820 + index}`,
        serverAddress: `10.128.0.14:${port}`,
        toServerBytes: isFailed ? 0 : 18_200 * (index + 1),
        toClientBytes: isFailed ? 0 : 51_300 * (index + 1),
        encryption: 'tls',
        flags: isFailed ? failure.flags : '',
        seenBy: ['source', 'destination'],
      };
    }),
  );
}

const TYPE = 'type.googleapis.com/envoy.config';

const inSync = (type: string, atMs: number): ProxySync => ({
  type: `${TYPE}.${type}`,
  state: 'in-sync',
  message: '',
  atMs,
  differences: [],
});

const rejectedListener = (message: string, atMs: number): ProxySync => ({
  ...inSync('listener.v3.Listener', atMs),
  state: 'rejected',
  message,
  differences: [
    {
      name: '0.0.0.0_3306',
      intended: 'name: 0.0.0.0_3306\naddress:\n  port_value: 3306\nbind_to_port: true',
      acknowledged: 'name: 0.0.0.0_3306\naddress:\n  port_value: 3306\nbind_to_port: false',
    },
  ],
});

export function proxyReport(node: MeshNode, { query, nowMs }: MockCall): ProxyReport {
  const instance = query.get('instance') ?? node.instances[0]?.key ?? '';
  const atMs = nowMs - MINUTE_MS;
  const rejection = node.instances[0]?.agent?.rejection ?? '';
  return {
    instance,
    atMs: nowMs,
    listeners: [
      {
        name: 'virtualInbound',
        address: '0.0.0.0:15006',
        chains: ['5432_mtls', '5432_plain'],
        ports: [5432],
      },
      {
        name: 'virtualOutbound',
        address: '0.0.0.0:15001',
        chains: ['capture-probe', 'on-demand'],
        ports: [],
      },
      { name: '0.0.0.0_9080', address: '0.0.0.0:9080', chains: ['http', 'tcp'], ports: [9080] },
    ],
    clusters: [
      {
        name: 'inbound|5432||',
        service: node.services[0] ?? '',
        endpoints: [{ address: '127.0.0.1:5432', health: 'HEALTHY', network: '' }],
      },
      {
        name: 'outbound|9080||catalog.inventory.svc.cluster.local',
        service: 'catalog.inventory.svc.cluster.local',
        endpoints: [
          { address: '10.24.0.41:9080', health: 'HEALTHY', network: '' },
          { address: '10.24.0.42:9080', health: 'UNHEALTHY', network: '' },
        ],
      },
    ],
    routes: [{ name: '9080', domains: ['catalog.inventory.svc.cluster.local'] }],
    sync: [
      rejection === ''
        ? inSync('listener.v3.Listener', atMs)
        : rejectedListener(rejection, nowMs - 12_000),
      inSync('cluster.v3.Cluster', atMs),
      inSync('endpoint.v3.ClusterLoadAssignment', atMs),
      inSync('route.v3.RouteConfiguration', atMs),
    ],
    stats: { 'server.uptime': 7_261, 'listener_manager.total_listeners_active': 3 },
  };
}

const LOGS: Readonly<Record<LogSource, readonly string[]>> = {
  access: [
    '[2026-11-23T01:40:01.120Z] "- - -" 0 - - - "-" 1820 3420 412 - "-" "-" "10.128.0.14:5432" inbound|5432||',
    '[2026-11-23T01:40:02.511Z] "- - -" 0 UF,URX upstream_reset_before_response_started - "-" 0 0 3001 - "10.128.0.14:5432"',
  ],
  agent: ['certificate renewed', 'capture verified <b>not bold</b> <img src=x onerror=alert(1)>'],
  proxy: [],
  app: [],
};

const isSource = (text: string): text is LogSource => Object.hasOwn(LOGS, text);

function logLines(node: MeshNode, { query, nowMs }: MockCall): LogLine[] {
  const wanted = query.get('source') ?? '';
  const source = isSource(wanted) ? wanted : 'access';
  const instance = query.get('instance') ?? node.instances[0]?.key ?? '';
  return LOGS[source].map((text, index) => ({
    instance,
    source,
    atMs: nowMs - (10 - index) * 1_000,
    text,
  }));
}

const BASE = '/api/v1/workloads/:namespace/:name';

export const workloadRoutes: readonly MockRoute[] = [
  {
    method: 'GET',
    path: `${BASE}/overview`,
    handle: (call) => {
      const node = nodeOf(call);
      return node ? { json: overviewOf(node, call) } : overviewOfLeft(call);
    },
  },
  {
    method: 'GET',
    path: `${BASE}/connections`,
    handle: about((node, call) =>
      call.query.has('follow') ? { events: [] } : { json: workloadConnections(node, call) },
    ),
  },
  {
    method: 'GET',
    path: `${BASE}/proxy`,
    handle: about((node, call) => ({ json: proxyReport(node, call) })),
  },
  {
    method: 'GET',
    path: `${BASE}/proxy/dump`,
    handle: about(() => ({ json: { configs: [{ '@type': `${TYPE}.listener.v3.Listener` }] } })),
  },
  {
    method: 'GET',
    path: `${BASE}/logs`,
    handle: about((node, call) => ({
      events: logLines(node, call).map((data) => ({ event: 'line', data })),
    })),
  },
  {
    method: 'GET',
    path: `${BASE}/bundle`,
    handle: about((node, call) => ({
      json: { overview: overviewOf(node, call), proxy: proxyReport(node, call) },
      headers: { 'Content-Disposition': `attachment; filename="${node.name}.json"` },
    })),
  },
];
