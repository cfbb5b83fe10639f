// What the account of flows holds at most, however large the mesh is: forty thousand edges of
// requests, each told by both ends, and a hundred thousand open connections.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, toBinary } from '@bufbuild/protobuf';
import { FlowBatchSchema } from '#gen/isthmus/v1/flows_pb.js';
import { History } from '#telemetry/history/history.ts';
import { agentOf, NAMES } from '../../../test/fakes/flow-agents.ts';
import { decodeBatch } from './check-batch.ts';
import { FlowTable } from './flow-table.ts';

const AGENTS = 500;
/** That each dials, and that dial it. */
const PEERS = 80;
const CONNECTIONS = 200;
const LIMIT_BYTES = 64e6;
const NOW_MS = 1_800_000_000_000;

/** After a collection: what is really held. */
function memoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let turn = 0; turn < 3; turn++) collect(); // what one frees another may find
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const identities = Array.from({ length: AGENTS }, (_, at) => agentOf('Pod', `workload-${at}`));
const identityOf = (at: number) => identities[(at + AGENTS) % AGENTS] ?? agentOf('Pod', 'nobody');

/** All that one agent has to tell, with the first batch of its stream. */
function batchOf(agent: number): Uint8Array {
  const edges = Array.from({ length: PEERS * 2 }, (_, at) => {
    const isDestination = at >= PEERS;
    const step = (at % PEERS) + 1;
    const other = identityOf(isDestination ? agent - step : agent + step);
    const [client, server] = isDestination
      ? [other, identityOf(agent)]
      : [identityOf(agent), other];
    return {
      number: at + 1,
      isDestination,
      clientPeer: client.peer,
      clientPrincipal: client.spiffeId,
      serverPeer: server.peer,
      serverPrincipal: server.spiffeId,
      port: 8080,
      protocol: 'http',
      serviceHost: `${server.key}.default.svc.cluster.local`,
      security: 'mutual',
      tlsVersion: 'TLSv1.3',
      tlsCipher: 'TLS_AES_256_GCM_SHA384',
    };
  });
  const connections = Array.from({ length: CONNECTIONS }, (_, at) => ({
    number: at + 1,
    edge: 1 + (at % edges.length),
    key: `isthmus-outbound-tcp ${1_000_000 + agent * CONNECTIONS + at}`,
    openedMs: NOW_MS,
    client: `10.0.0.1:${at}`,
    server: `10.0.${agent % 256}.2:5432`,
  }));
  const requests = { requests: 5, durations: [3, 3, 7, 2] };
  const times = { sentMs: NOW_MS, atMs: NOW_MS };
  const batch = {
    epoch: 'run',
    sequence: 1,
    ...times,
    edges,
    connections,
    sums: edges.map(({ number }) => ({ edge: number, toServer: 3e9, ...requests })),
  };
  return toBinary(FlowBatchSchema, create(FlowBatchSchema, batch));
}

test('forty thousand edges told by both ends stay below 64 MB', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flows-'));
  const before = memoryBytes();
  using history = new History(join(folder, 'flows.db'));
  const table = new FlowTable({ store: history, names: NAMES, nowMs: NOW_MS });
  for (const [at, identity] of identities.entries()) {
    const batch = decodeBatch(batchOf(at));
    assert(batch);
    table.apply(table.open(identity), batch, NOW_MS);
    if (at % 50 < 49) continue;
    history.store(table.pending, () => table.behind(), NOW_MS);
    table.clearPending();
    table.tick(NOW_MS + at * 10);
    if (history.isFoldDue) while (history.fold(NOW_MS + 3_600_000));
  }
  const bytes = memoryBytes() - before;
  const { edges, budget } = table;
  assert(edges.size <= 5000, `${edges.size} edges`);
  assert.equal(table.openConnections(), AGENTS * CONNECTIONS);
  assert(bytes < LIMIT_BYTES, `${Math.round(bytes / 1e6)} MB, ${JSON.stringify(budget)}`);
  rmSync(folder, { recursive: true });
});
