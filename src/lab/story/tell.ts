// The library story, told in the lab: what is done, in order, and what is seen of it from outside.
import { randomUUID } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { connectionsTo } from '../connections.ts';
import { parseClusterTls, parseDrainMs, parseFilterChains } from '../envoy-admin.ts';
import { until } from '../eventually.ts';
import { committedTitles, HeldSessions, Writer } from '../library.ts';
import { CLIENT, meshConfig, VM } from '../library-mesh.ts';
import * as manifests from '../manifests.ts';
import type { Sidecar } from '../sidecar.ts';
import type { Evidence, Identity, WitnessStep } from './evidence.ts';
import type { Audience } from './narrator.ts';
import type { Setting } from './setting.ts';

const BOOKS_IN_CLEAR_TEXT = 2;
const BOOKS_ENCRYPTED = 3;
const BOOK_LIMIT_MS = 15_000;
const DRAIN_POLL_MS = 100;
/** A plaintext session that is still there this long after its drain time stays. */
const DRAIN_LIMIT_MS = 10_000;
const LOG_POLL_MS = 50;
const LOG_LIMIT_MS = 5_000;
/** A service elsewhere, of which the client's Envoy knows, too. */
export const ELSEWHERE = { name: 'catalogue', port: 5433 } as const;

/** Tells the whole story once. @throws OperatorError when something does not come about in time */
export async function tellStory(
  mesh: Setting,
  options: { readonly show: Audience },
): Promise<Evidence> {
  const { show } = options;
  const marker = `in-clear-text-${randomUUID()}`;
  const capture = await mesh.capture('story');
  show({ kind: 'chapter', title: 'In clear text: enableAutoMtls is false' });
  const writer = Writer.start(mesh.client.machine, {
    ...mesh.target,
    note: marker,
    onLine: (text) => show({ kind: 'line', text }),
  });
  await writer.waitForMore(BOOKS_IN_CLEAR_TEXT, BOOK_LIMIT_MS);
  const before = await identitiesOf(mesh);
  await using inClear = await HeldSessions.open(mesh.client.machine, {
    ...mesh.target,
    name: 'plaintext-session',
    count: 1,
  });

  show({ kind: 'chapter', title: 'Encrypted: enableAutoMtls is true, the VM is STRICT' });
  const askedAtMs = systemClock.nowMs();
  await encrypt(mesh);
  const inForceAtMs = systemClock.nowMs();
  const announcedMs = parseDrainMs(await mesh.vm.admin('/server_info'));
  const wasAliveInForce = (await inClear.probe('draining')).alive === 1;
  show({
    kind: 'step',
    text: `in force; sessions in clear text end within ${announcedMs / 1000} s`,
  });
  const [witness, endedAfterMs] = await Promise.all([
    holdWitness(mesh, show),
    drained(mesh, { backend: inClear.opened.backends[0] ?? 0, announcedMs, sinceMs: inForceAtMs }),
    writer.waitForMore(BOOKS_ENCRYPTED, BOOK_LIMIT_MS),
  ]);

  const isFinished = await writer.finish();
  const accessLog = await pairedAccessLogs(mesh);
  const { segments, droppedPackets } = await capture.finish();
  const after = await identitiesOf(mesh);
  const { inserted, failures } = writer;
  return {
    rows: { inserted, failures, isFinished, committed: await committedTitles(mesh.postgres) },
    accessLog,
    wire: {
      marker,
      connections: connectionsTo(mesh.target.port, segments),
      droppedPackets,
      askedAtMs,
      inForceAtMs,
    },
    identities: {
      vm: { before: before.vm, after: after.vm },
      client: { before: before.client, after: after.client },
      expected: { vm: manifests.spiffeIdOf(VM), client: manifests.spiffeIdOf(CLIENT) },
    },
    witness,
    drain: { announcedMs, wasAliveInForce, endedAfterMs },
  };
}

/** First the clients may, then the server must: in between nobody is refused. */
async function encrypt(mesh: Setting): Promise<void> {
  await mesh.cluster.apply(meshConfig(true));
  await until('mutual TLS at the client', async () => {
    const clusters = await mesh.client.admin('/config_dump?resource=dynamic_active_clusters');
    const isTls = parseClusterTls(clusters);
    return [...isTls].some(([name, tls]) => tls && name.endsWith(`:${mesh.target.port}`));
  });
  await mesh.cluster.apply(manifests.peerAuthentication({ app: VM, mode: 'STRICT' }));
  await until('STRICT at the VM', async () => {
    const listeners = await mesh.vm.admin('/config_dump?resource=dynamic_listeners');
    const chains = [...parseFilterChains(listeners).values()].flat();
    const ofPort = chains.filter((name) => name.startsWith(`${mesh.target.port}_`));
    return ofPort.length > 0 && !ofPort.includes(`${mesh.target.port}_plain`);
  });
}

/** Keeps one transaction open while policy, endpoints and certificates change under it. */
async function holdWitness(mesh: Setting, show: Audience): Promise<Evidence['witness']> {
  const options = { ...mesh.target, name: 'witness', count: 1 };
  await using session = await HeldSessions.open(mesh.client.machine, options);
  const steps: WitnessStep[] = [];
  const observe = async (change: string): Promise<void> => {
    const { alive, backends } = await session.probe(`step-${steps.length}`);
    steps.push({ change, isAlive: alive === 1, backend: backends[0] ?? 0 });
    show({ kind: 'step', text: `the witness session after this: ${change}` });
  };
  const serials = await serialNumbers(mesh);
  await changePolicy(mesh);
  await observe('AuthorizationPolicy on port 5432');
  await changeEndpointsElsewhere(mesh);
  await observe('an endpoint elsewhere added and removed');
  await until('the renewal of both certificates', async () => {
    const now = await serialNumbers(mesh);
    return now.every((serial, index) => serial !== serials[index]);
  });
  await observe('both certificates renewed');
  await session.commit();
  const [count] = await mesh.postgres.query("SELECT count(*) FROM held WHERE step LIKE 'step-%'");
  return { backend: session.opened.backends[0] ?? 0, steps, rows: Number(count) };
}

async function changePolicy(mesh: Setting): Promise<void> {
  const policy = { app: VM, port: mesh.target.port, allowed: [CLIENT] };
  await mesh.cluster.apply(manifests.authorizationPolicy(policy));
  await until('the AuthorizationPolicy at the VM', async () => {
    const filters = await mesh.vm.admin('/config_dump?resource=ecds_filters');
    return filters.includes(`/sa/${CLIENT}`);
  });
}

/** The client has met the service, so its Envoy is told of each of its endpoints. */
async function changeEndpointsElsewhere(mesh: Setting): Promise<void> {
  const { name, port } = ELSEWHERE;
  const { clusterIp, address, dialled } = mesh.elsewhere;
  const entry = manifests.workloadEntry({ name, app: name, address, serviceAccount: CLIENT });
  await mesh.cluster.apply(
    manifests.service({ name, clusterIp, port }),
    manifests.serviceEntry({ name, port }),
    entry,
  );
  await mesh.client.machine.run(['bash', '-c', `exec 3<>/dev/tcp/${dialled}/${port}`]);
  const isKnown = async (): Promise<boolean> =>
    (await mesh.client.admin('/clusters')).includes(`${address}:${port}`);
  await until('an endpoint elsewhere', isKnown);
  await mesh.cluster.remove(entry);
  await until('its removal', async () => !(await isKnown()));
}

/** When the plaintext session's backend is gone from PostgreSQL, counted from STRICT in force. */
async function drained(
  mesh: Setting,
  session: { readonly backend: number; readonly announcedMs: number; readonly sinceMs: number },
): Promise<number | undefined> {
  const { backend, announcedMs, sinceMs } = session;
  const giveUpAtMs = sinceMs + announcedMs + DRAIN_LIMIT_MS;
  while (systemClock.nowMs() < giveUpAtMs) {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${backend}`;
    if ((await mesh.postgres.query(sql)).length === 0) return systemClock.nowMs() - sinceMs;
    await systemClock.sleep(DRAIN_POLL_MS);
  }
  return undefined;
}

type Identities = { readonly vm: Identity | undefined; readonly client: Identity | undefined };

async function identitiesOf(mesh: Setting): Promise<Identities> {
  const [vm, client] = await Promise.all([identityOf(mesh.vm), identityOf(mesh.client)]);
  return { vm, client };
}

async function identityOf(sidecar: Sidecar): Promise<Identity | undefined> {
  const [served] = await sidecar.certificates();
  return served && { spiffeId: served.uri, serialNumber: served.serialNumber };
}

async function serialNumbers(mesh: Setting): Promise<readonly string[]> {
  const { vm, client } = await identitiesOf(mesh);
  return [vm?.serialNumber ?? '', client?.serialNumber ?? ''];
}

/**
 * Envoy writes its logs out once a second: waits until the last connection stands in both. What is
 * missing then is for the judgement to say.
 */
async function pairedAccessLogs(mesh: Setting): Promise<Evidence['accessLog']> {
  const inLog = (sidecar: Sidecar): number =>
    sidecar.accessLog().filter((line) => line.includes(`bound|${mesh.target.port}|`)).length;
  const [rows] = await mesh.postgres.query('SELECT count(*) FROM books');
  const giveUpAtMs = systemClock.nowMs() + LOG_LIMIT_MS;
  while (Math.min(inLog(mesh.vm), inLog(mesh.client)) < Number(rows)) {
    if (systemClock.nowMs() >= giveUpAtMs) break;
    await systemClock.sleep(LOG_POLL_MS);
  }
  return { vm: mesh.vmLog(), client: mesh.client.accessLog() };
}
