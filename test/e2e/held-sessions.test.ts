// No database session is cut: 50 open transactions live through everything that a mesh does in its
// life. After each change a statement is run in every transaction, by the same database backends;
// in the end all commit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterSandbox } from '#lab/enter.ts';
import { until } from '#lab/eventually.ts';
import { parseDraining, parseDrainMs, parseFilterChains } from '#lab/envoy-admin.ts';
import { HeldSessions } from '#lab/library.ts';
import { CLIENT, LibraryMesh, meshConfig, TARGET, VM } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';
import type { Manifest } from '#lab/manifests.ts';
import type { Sidecar } from '#lab/sidecar.ts';

await enterSandbox();

const SESSIONS = 50;
/** Long enough to restart everything within, short enough to be renewed while the test runs. */
const CERTIFICATE_LIFETIME = '12s';
const DRAIN_MS = 3_000;
const OTHER_PORT = 9187;

let mesh: LibraryMesh;
let inClear: HeldSessions;
let held: HeldSessions;
const steps: string[] = [];

before(async () => {
  mesh = await LibraryMesh.create({
    env: process.env,
    enableAutoMtls: false,
    certificateLifetime: CERTIFICATE_LIFETIME,
    drainDuration: `${DRAIN_MS / 1000}s`,
  });
  inClear = await open('in-clear', 2);
  await mesh.cluster.apply(meshConfig(true));
  await untilEnvoySays(mesh.client, 'dynamic_active_clusters', 'UpstreamTlsContext');
  held = await open('held', SESSIONS);
});

after(async () => {
  await mesh[Symbol.asyncDispose]();
});

const open = (name: string, count: number): Promise<HeldSessions> =>
  HeldSessions.open(mesh.client.machine, { ...TARGET, name, count });

const drainingAtVm = async (): Promise<number> =>
  parseDraining(await mesh.vm.admin('/stats?filter=draining'));

/**
 * The claim itself: each transaction is open, is the one that it was, and is not about to be cut
 * (what a change replaces in Envoy is drained first, and its sessions end only then).
 */
async function assertHeld(step: string): Promise<void> {
  const { alive, problems, backends } = await held.probe(step);
  assert.deepEqual(problems, [], step);
  assert.equal(alive, SESSIONS);
  assert.deepEqual(backends, held.opened.backends, 'the same sessions as in the beginning');
  assert.equal(await drainingAtVm(), 0, `${step}: something at the VM is being drained`);
  steps.push(step);
}

/** A session that is opened now; and closed again. */
async function connectAnew(name: string): Promise<void> {
  await using session = await open(name, 1);
  assert.equal(session.opened.alive, 1);
}

async function untilEnvoySays(sidecar: Sidecar, resource: string, text: string): Promise<void> {
  await until(`${text} in Envoy's ${resource} on ${sidecar.machine.name}`, async () => {
    const dump = await sidecar.admin(`/config_dump?resource=${resource}`);
    return dump.includes(text);
  });
}

async function untilChains(isSo: (chains: readonly string[]) => boolean): Promise<void> {
  await until('the filter chains of the VM', async () => {
    const listeners = await mesh.vm.admin('/config_dump?resource=dynamic_listeners');
    return isSo(parseFilterChains(listeners).get('virtualInbound') ?? []);
  });
}

const serialNumbers = async (): Promise<readonly string[]> =>
  (await Promise.all([mesh.vm.certificates(), mesh.client.certificates()])).map(
    ([certificate]) => certificate?.serialNumber ?? '',
  );

async function untilRenewed(): Promise<void> {
  const serials = await serialNumbers();
  await until('new certificates', async () => {
    const now = await serialNumbers();
    return now.every((serial, index) => serial !== serials[index]);
  });
}

/** Which service accounts may reach the database, and that the VM's Envoy knows it. */
async function allowOnly(account: string, port: number = TARGET.port): Promise<Manifest> {
  const policy = manifests.authorizationPolicy({ app: VM, port, allowed: [account] });
  await mesh.cluster.apply(policy);
  await untilEnvoySays(mesh.vm, 'ecds_filters', `/sa/${account}`);
  return policy;
}

test('50 transactions are open, over mutual TLS', async () => {
  await assertHeld('opened');
  const stats = await mesh.vm.admin('/stats?filter=ssl.handshake');
  const handshakes = [...stats.matchAll(/ssl\.handshake: (\d+)/g)].map(([, count]) =>
    Number(count),
  );
  assert(Math.max(0, ...handshakes) >= SESSIONS, stats);
});

test('PERMISSIVE → STRICT: sessions in clear text end, after the announced drain time', async () => {
  await mesh.cluster.apply(manifests.peerAuthentication({ app: VM, mode: 'STRICT' }));
  await untilChains((chains) => chains.length > 0 && !chains.includes(`${TARGET.port}_plain`));
  assert.equal(parseDrainMs(await mesh.vm.admin('/server_info')), DRAIN_MS);
  assert.equal((await inClear.probe('draining')).alive, 2, 'not cut at once');
  const announced = await mesh.vm.agent.waitForLine(/they will be cut/, {
    what: 'announcement of the drain',
    limitMs: DRAIN_MS,
  });
  assert.match(announced, new RegExp(`withinSeconds=${DRAIN_MS / 1000}$`));
  const backends = inClear.opened.backends.join(',');
  const sql = `SELECT 1 FROM pg_stat_activity WHERE pid IN (${backends})`;
  await until('the end of the sessions in clear text', async () => {
    return (await mesh.postgres.query(sql)).length === 0;
  });
  assert.equal((await inClear.probe('drained')).alive, 0);
  await until('the end of the drain', async () => (await drainingAtVm()) === 0);
  await assertHeld('strict');
});

test('certificate rotation', async () => {
  await untilRenewed();
  await assertHeld('rotated');
  await connectAnew('after-rotation');
});

test('an endpoint added and removed, elsewhere and in this very service', async () => {
  const elsewhere = { name: 'catalogue', clusterIp: '10.96.54.33', port: 5433 };
  const address = '10.24.3.7';
  const entries = [
    manifests.workloadEntry({ name: 'far', app: 'catalogue', address, serviceAccount: CLIENT }),
    manifests.workloadEntry({ name: 'near', app: VM, address: '10.128.0.15', serviceAccount: VM }),
  ];
  await mesh.cluster.apply(
    manifests.service(elsewhere),
    manifests.serviceEntry(elsewhere),
    ...entries,
  );
  const meet = `exec 3<>/dev/tcp/${elsewhere.clusterIp}/${elsewhere.port}`;
  await mesh.client.machine.run(['bash', '-c', meet]);
  const isKnown = async (endpoint: string): Promise<boolean> =>
    (await mesh.client.admin('/clusters')).includes(endpoint);
  for (const endpoint of [`${address}:5433`, '10.128.0.15:5432']) {
    await until(`endpoint ${endpoint}`, async () => await isKnown(endpoint));
  }
  await assertHeld('endpoints-added');
  await mesh.cluster.remove(...entries);
  for (const endpoint of [`${address}:5433`, '10.128.0.15:5432']) {
    await until(`no ${endpoint}`, async () => !(await isKnown(endpoint)));
  }
  await assertHeld('endpoints-removed');
});

test('a further port, and policy on it', async () => {
  const metrics = { name: 'metrics', clusterIp: '10.96.54.34', port: OTHER_PORT };
  await mesh.cluster.apply(
    manifests.service(metrics),
    manifests.serviceEntry({ ...metrics, app: VM }),
  );
  await untilChains((chains) => chains.includes(`${OTHER_PORT}_mtls`));
  await assertHeld('port-added');
  const portModes = { [OTHER_PORT]: 'PERMISSIVE' } as const;
  await mesh.cluster.apply(manifests.peerAuthentication({ app: VM, mode: 'STRICT', portModes }));
  await untilChains((chains) => chains.includes(`${OTHER_PORT}_plain`));
  await allowOnly('scraper', OTHER_PORT);
  await assertHeld('policy-elsewhere');
});

test('AuthorizationPolicy on this port: it binds new sessions, the old ones live', async () => {
  await allowOnly('somebody-else');
  await assert.rejects(connectAnew('refused'), /❌ .* closed the connection/);
  await assertHeld('policy-here');
  await allowOnly(CLIENT);
  await connectAnew('allowed');
});

test('isthmusd killed and started again', async () => {
  await mesh.cluster.isthmusd.kill();
  await connectAnew('without-control-plane');
  await assertHeld('isthmusd-dead');
  await mesh.cluster.restartIsthmusd();
  await allowOnly('somebody-else');
  await assertHeld('isthmusd-restarted');
  await allowOnly(CLIENT);
});

for (const how of ['stop', 'kill'] as const) {
  test(`agents ended (${how}) and started again: each adopts its Envoy`, async () => {
    const sidecars = [mesh.vm, mesh.client];
    const processes = await Promise.all(sidecars.map((sidecar) => sidecar.envoyPid()));
    await Promise.all(sidecars.map((sidecar) => sidecar.restartAgent(how)));
    const now = await Promise.all(sidecars.map((sidecar) => sidecar.envoyPid()));
    assert.deepEqual(now, processes);
    await assertHeld(`agents-${how}`);
    await allowOnly('somebody-else');
    await allowOnly(CLIENT);
    await connectAnew(`after-agents-${how}`);
  });
}

test('the API server restarted: what is changed afterwards arrives', async () => {
  await mesh.cluster.restartApiServer();
  await assertHeld('api-server-restarted');
  await allowOnly('somebody-else');
  await allowOnly(CLIENT);
  await connectAnew('after-api-server');
});

test('all commit, and every statement is there', async () => {
  await untilRenewed();
  await assertHeld('last');
  const committed = await held.commit();
  assert.deepEqual(committed.problems, []);
  const rows = await mesh.postgres.query(
    'SELECT step, count(*) FROM held GROUP BY step ORDER BY step',
  );
  assert.deepEqual(rows, steps.map((step) => `${step}|${SESSIONS}`).toSorted());
});
