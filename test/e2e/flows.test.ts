// Who talks to whom, and how much, from Envoy's access log to isthmusd's account: real Envoys,
// agents and PostgreSQL.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { Denial } from '#api/events.ts';
import type { MeshEdge } from '#api/graph.ts';
import type { TalkedTo } from '#api/history.ts';
import type { FlowFigures } from '#telemetry/flows/flows.ts';
import { MONITORING_PORT } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { CLIENT, LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';
import { authorizationPolicy, hostOf, spiffeIdOf } from '#lab/manifests.ts';
import type { LabProcess } from '#lab/process.ts';
import { parsePrometheusText, type SeriesSample } from '#lab/prometheus-text.ts';
import type { Sidecar } from '#lab/sidecar.ts';
import { Prometheus } from './prometheus.ts';

await enterSandbox();

const PROGRAM = fileURLToPath(new URL('flows-program.ts', import.meta.url));
const METRICS_PATH = '/stats/prometheus';
const STATUS_PORT = 15_020;
const STEADY_S = 5;
/** Begins before the client does, and ends after it has ended. */
const WINDOW_S = 15;

type Total = {
  readonly connections: number;
  readonly toServer: number;
  readonly toClient: number;
};
type Report = FlowFigures & {
  readonly edges: readonly MeshEdge[];
  readonly talkedTo: readonly TalkedTo[];
  readonly denials: readonly Denial[];
};

describe('flows', { concurrency: false }, () => {
  let mesh: LibraryMesh;
  const visited = { connections: 0, toServer: 0, toClient: 0 };

  before(async () => {
    mesh = await LibraryMesh.create({ env: process.env, enableAutoMtls: true });
  });
  after(() => mesh[Symbol.asyncDispose]());

  function start(
    mode: 'visits' | 'steady' | 'held' | 'refused',
    ...numbers: readonly number[]
  ): LabProcess {
    const { host, port } = TARGET;
    const words = [mode, host, port, ...numbers].map(String);
    return mesh.client.machine.start(mode, [process.execPath, PROGRAM, ...words]);
  }

  /** What the client's own sockets have counted is added to `visited`. */
  async function visit(options: {
    readonly connections: number;
    readonly concurrency: number;
    readonly holdMs: number;
    readonly rounds?: number;
    readonly during?: () => Promise<void>;
  }): Promise<void> {
    const { connections, concurrency, holdMs, rounds = 1, during } = options;
    const program = start('visits', connections, concurrency, holdMs, rounds);
    await during?.();
    const isTotal = (line: string): boolean => line.startsWith('total ');
    await program.waitForLine(isTotal, { what: 'the total', limitMs: 40_000 });
    addUp(program);
  }

  function addUp(program: LabProcess): void {
    const line = program.lines.find((each) => each.startsWith('total ')) ?? '';
    const total: Total = JSON.parse(line.slice('total '.length));
    visited.connections += total.connections;
    visited.toServer += total.toServer;
    visited.toClient += total.toClient;
  }

  const page = (path: string): Promise<string> =>
    mesh.cluster.machine.httpGet(MONITORING_PORT, path);

  async function flows(): Promise<Report> {
    return JSON.parse(await page('/debug/flows'));
  }

  /** The account of connections to PostgreSQL. */
  async function account(): Promise<Total> {
    const sum = { connections: 0, toServer: 0, toClient: 0 };
    for (const talked of (await flows()).talkedTo) {
      sum.connections += talked.connections;
      sum.toServer += talked.toServerBytes;
      sum.toClient += talked.toClientBytes;
    }
    return sum;
  }

  const standardOf = (text: string): readonly SeriesSample[] =>
    parsePrometheusText(text).filter(({ metric }) => /^istio_(tcp|request|response)/.test(metric));

  async function standard(sidecar: Sidecar): Promise<readonly SeriesSample[]> {
    return standardOf(await sidecar.machine.httpGet(STATUS_PORT, METRICS_PATH));
  }

  async function counted(sidecar: Sidecar): Promise<Total> {
    const samples = await standard(sidecar);
    const sum = (name: string): number =>
      samples
        .filter(({ metric }) => metric === `istio_tcp_${name}_total`)
        .reduce((total, { value }) => total + value, 0);
    return {
      connections: sum('connections_closed'),
      toServer: sum('received_bytes'),
      toClient: sum('sent_bytes'),
    };
  }

  /** Once all connections are closed, all four say the same. */
  async function assertOneAccount(): Promise<void> {
    await eventually('every connection is told', async () => {
      const ends = await Promise.all([mesh.client, mesh.vm].map(counted));
      const all = [await account(), ...ends];
      const isTold = all.every(
        ({ connections, toServer, toClient }) =>
          connections >= visited.connections &&
          toServer >= visited.toServer &&
          toClient >= visited.toClient,
      );
      return isTold || undefined;
    });
    assert.deepEqual(await counted(mesh.client), visited, 'the client’s proxy');
    assert.deepEqual(await counted(mesh.vm), visited, 'the server’s proxy');
    assert.deepEqual(await account(), visited, 'the edge');
  }

  test('a connection is an edge that both ends have seen encrypted', async () => {
    await visit({ connections: 3, concurrency: 1, holdMs: 10 });
    const edge = await eventually('an edge', async () => {
      const found = (await flows()).edges.find(({ port }) => port === TARGET.port);
      return found?.encryption.state === 'mutual' ? found : undefined;
    });
    assert.equal(edge.from, `wl:default/${CLIENT}`);
    assert.equal(edge.to, `wl:default/${VM}`);
    assert.equal(edge.service, hostOf(VM));
    assert.equal(edge.encryption.clientIdentity, spiffeIdOf(CLIENT));
    assert.equal(edge.encryption.serverIdentity, spiffeIdOf(VM));
    assert.equal(edge.encryption.version, 'TLSv1.3');
    assert.equal(edge.encryption.share, 1);
    assert.equal(edge.disagreement, null);
  });

  test('a thousand connections: client, both proxies and the edge say the same', async () => {
    await visit({ connections: 1000, concurrency: 40, holdMs: 200 });
    await assertOneAccount();
  });

  test('a control plane that is killed costs no byte', async () => {
    const during = (): Promise<void> => mesh.cluster.restartIsthmusd();
    await visit({ connections: 120, concurrency: 40, holdMs: 700, rounds: 3, during });
    await assertOneAccount();
  });

  test('an agent that is killed costs nothing of what stays open', async () => {
    const connections = 10;
    const held = start('held', connections);
    const allAreOpen = async (): Promise<true | undefined> => {
      const { openConnections, reporters } = await flows();
      return (openConnections === 2 * connections && reporters === 2) || undefined;
    };
    await eventually('open connections', allAreOpen);
    await mesh.vm.restartAgent('kill');
    await mesh.client.restartAgent('kill');
    const { batches } = await flows();
    await eventually('both agents report again', async () => {
      const isHeard = (await flows()).batches > batches + 3;
      return isHeard ? await allAreOpen() : undefined;
    });
    await held.stop();
    addUp(held);
    await eventually('every byte is told', async () => {
      const { toServer } = await account();
      return toServer >= visited.toServer || undefined;
    });
    assert.deepEqual(await account(), visited);
  });

  test('all of the mesh’s metrics are in one place, each once', async () => {
    await visit({ connections: 5, concurrency: 5, holdMs: 10 });
    const keyOf = ({ metric, labels, value }: SeriesSample): string =>
      JSON.stringify([metric, Object.entries(labels).map(String).toSorted(), value]);
    await eventually('all of both agents’ series', async () => {
      const own = await Promise.all(
        [mesh.client, mesh.vm].map(async (sidecar, at) => {
          const pod = { namespace: 'default', pod: at === 0 ? CLIENT : VM };
          const samples = await standard(sidecar);
          return samples.map((each) => keyOf({ ...each, labels: { ...each.labels, ...pod } }));
        }),
      );
      const pooled = standardOf(await page(METRICS_PATH)).map(keyOf);
      const isSame = JSON.stringify(own.flat().toSorted()) === JSON.stringify(pooled.toSorted());
      return (isSame && pooled.length > 0) || undefined;
    });
  });

  test('a call that policy refuses is a failure, and a denial by name', async () => {
    const allowed = ['nobody'];
    const policy = authorizationPolicy({ app: VM, port: TARGET.port, allowed });
    await mesh.cluster.apply(policy);
    await start('refused').exited;
    const { edge, denial } = await eventually('a denial', async () => {
      const { edges, denials } = await flows();
      const [denial] = denials;
      const edge = edges.find(({ id }) => id === denial?.edge);
      return denial && edge?.failure ? { edge, denial } : undefined;
    });
    assert.equal(edge.failure?.text, 'denied: no rule allows it');
    assert.equal(denial.clientIdentity, spiffeIdOf(CLIENT));
    assert.equal(denial.policy, '');
    await mesh.cluster.remove(policy);
  });

  test('Prometheus’ rate is the client’s', async () => {
    const { machine } = mesh.cluster;
    const address = `${machine.address}:${MONITORING_PORT}`;
    const target = { job: 'isthmusd', address, path: METRICS_PATH };
    // often, so that what its rate adds at both ends of a window is little
    const prometheus = await Prometheus.start(machine, [target], '200ms');
    const steady = start('steady', STEADY_S);
    await steady.exited;
    const points = steady.lines
      .filter((line) => line.startsWith('at '))
      .map((line): { toServer: number } => JSON.parse(line.slice('at '.length)));
    const client = (points.at(-1)?.toServer ?? 0) / WINDOW_S;
    assert(client > 0);
    const query = `sum(rate(istio_tcp_received_bytes_total{reporter="destination"}[${WINDOW_S}s]))`;
    const told = await eventually('all of it', async () => {
      const [sum] = await prometheus.query(query);
      const rate = Number(sum?.value[1]);
      return rate > client * 0.95 ? rate : undefined;
    });
    assert(told < client * 1.05, `${told} B/s, the client ${client} B/s`);
  });
});
