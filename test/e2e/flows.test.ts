// Who talks to whom, and how much, from Envoy's access log to isthmusd's account: real Envoys,
// agents and PostgreSQL.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import type { MeshEdge } from '#api/graph.ts';
import { MONITORING_PORT } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { CLIENT, LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';
import { hostOf, spiffeIdOf } from '#lab/manifests.ts';

await enterSandbox();

const PROGRAM = fileURLToPath(new URL('flows-program.ts', import.meta.url));

describe('flows', { concurrency: false }, () => {
  let mesh: LibraryMesh;

  before(async () => {
    mesh = await LibraryMesh.create({ env: process.env, enableAutoMtls: true });
  });
  after(() => mesh[Symbol.asyncDispose]());

  type Total = { connections: number; toServer: number; toClient: number };

  async function visit(options: {
    connections: number;
    concurrency: number;
    holdMs: number;
    rounds?: number;
    during?: () => Promise<void>;
  }): Promise<Total> {
    const { connections, concurrency, holdMs, rounds = 1, during } = options;
    const { host, port } = TARGET;
    const words = [host, port, connections, concurrency, holdMs, rounds].map(String);
    const program = mesh.client.machine.start('visits', [process.execPath, PROGRAM, ...words]);
    await during?.();
    const isTotal = (line: string): boolean => line.startsWith('total ');
    await program.waitForLine(isTotal, { what: 'the total', limitMs: 30_000 });
    return JSON.parse((program.lines.find(isTotal) ?? '').slice('total '.length));
  }

  async function page(path: string): Promise<string> {
    return await mesh.cluster.machine.httpGet(MONITORING_PORT, path);
  }

  async function edges(): Promise<readonly MeshEdge[]> {
    const told: { edges: MeshEdge[] } = JSON.parse(await page('/debug/flows'));
    return told.edges;
  }

  test('a connection is an edge that both ends have seen encrypted', async () => {
    await visit({ connections: 3, concurrency: 1, holdMs: 10 });
    const edge = await eventually('an edge', async () => {
      const found = (await edges()).find(({ port }) => port === TARGET.port);
      return found?.encryption.state === 'mutual' ? found : undefined;
    });
    assert.equal(edge.from, `wl:default/${CLIENT}`);
    assert.equal(edge.to, `wl:default/${VM}`);
    assert.equal(edge.service, hostOf(VM));
    assert.equal(edge.encryption.clientIdentity, spiffeIdOf(CLIENT));
    assert.equal(edge.encryption.serverIdentity, spiffeIdOf(VM));
    assert.equal(edge.encryption.version, 'TLSv1.3');
    assert.equal(edge.encryption.share, 1);
  });
});
