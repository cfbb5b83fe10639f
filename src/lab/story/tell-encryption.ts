// The story's end: what crosses the regions can be read, two policies come, and then it cannot.
import { readFileSync } from 'node:fs';
import { systemClock } from '#base/clock.ts';
import type { Capture } from '../capture.ts';
import { REPOSITORY } from '../cloud.ts';
import { connectionsTo, textAround } from '../connections.ts';
import { parseCertificates, parseDrainMs } from '../envoy-admin.ts';
import { eventually, until } from '../eventually.ts';
import { inventoryProxyAdmin } from './client-proxy.ts';
import { HELD_SESSION_COMMAND, HeldSession } from './held-session.ts';
import type { Evidence } from './library-evidence.ts';
import { VM } from './library-world.ts';
import { INSERTED, type Scene, showAccessLog, showInventoryLog, showIsthmus } from './scene.ts';
import type { VmAgent } from './vm-agent.ts';

/** Below the repository, where the user stands. */
const POLICIES = 'deploy/policies/mutual-tls.yaml';
/** What every book's transaction says, looked for on the wire. */
const MARKER = 'INSERT INTO books';
const SHOWN_LENGTH_MAX = 100;
const BOOKS_ENCRYPTED = 3;
/** A plaintext session that is still there this long after its drain time stays. */
const DRAIN_LIMIT_MS = 10_000;

type Wire = { readonly vm: VmAgent; readonly capture: Capture };

type EncryptionEvidence = Omit<
  Evidence,
  'inserted' | 'committed' | 'failuresAfterFirst' | 'visit' | 'request' | 'wayIn'
>;

/** @throws OperatorError when something does not come about in time */
export async function tellEncryption(scene: Scene, wire: Wire): Promise<EncryptionEvidence> {
  await readTheWire(scene, wire);
  scene.narrator.announce(HELD_SESSION_COMMAND);
  await using held = await HeldSession.open(scene.world);
  scene.narrator.step(`held open, in clear text: PostgreSQL's backend ${held.backend}`);
  const policies = await applyPolicies(scene, { ...wire, held });
  const [, endedAfterMs] = await Promise.all([
    showEncryptedBooks(scene, wire.vm),
    held.endedAfterMs(policies.inForceAtMs, policies.announcedMs + DRAIN_LIMIT_MS),
  ]);
  const drain = { ...policies, endedAfterMs };
  if (endedAfterMs !== undefined) {
    const seconds = `${(endedAfterMs / 1000).toFixed(1)} s`;
    scene.narrator.step(`the session that was held open ended after ${seconds}`);
  }
  const seen = await seeTls(scene, wire);
  return { marker: MARKER, ...policies, ...seen, drain, vmLog: wire.vm.accessLog(VM.port) };
}

async function readTheWire({ world, narrator }: Scene, { capture }: Wire): Promise<void> {
  await narrator.chapter('5  In clear text: this mesh says that enableAutoMtls is false');
  const mesh = ['get', 'configmap', 'istio', '-n', 'istio-system', '-o', 'jsonpath={.data.mesh}'];
  narrator.announce(`kubectl ${mesh.join(' ')}`);
  const [first = ''] = (await world.kubectl.ok(mesh)).split(',');
  narrator.line(`${first}, …`);
  const read = await eventually('a book on the wire', () => {
    const open = connectionsTo(VM.port, capture.peek());
    return Promise.resolve(open.map((it) => textAround(it, MARKER)).find((text) => text !== ''));
  });
  narrator.step(`between the regions, anybody reads: ${read.slice(0, SHOWN_LENGTH_MAX)}…`);
}

type Policies = {
  readonly askedAtMs: number;
  readonly inForceAtMs: number;
  readonly announcedMs: number;
  readonly wasAliveInForce: boolean;
};

async function applyPolicies(
  { world, narrator }: Scene,
  { vm, held }: Wire & { readonly held: HeldSession },
): Promise<Policies> {
  await narrator.chapter('6  Two policies, in one file');
  narrator.announce(`cat ${POLICIES}`);
  const file = `${REPOSITORY}/${POLICIES}`;
  const text = readFileSync(file, 'utf8');
  for (const line of text.trimEnd().split('\n')) narrator.line(line);
  const askedAtMs = systemClock.nowMs();
  await narrator.command(`kubectl apply -f ${POLICIES}`, () =>
    world.kubectl.ok(['apply', '-f', file]),
  );
  await until('STRICT at the VM', async () => !(await vm.takesClearText(VM.port)));
  const inForceAtMs = systemClock.nowMs();
  const wasAliveInForce = await held.isOpen();
  const announcedMs = parseDrainMs(await vm.admin('/server_info'));
  const seconds = `${announcedMs / 1000} s`;
  narrator.step(
    `in force: what connects now is TLS, what was open before may go on for ${seconds}`,
  );
  return { askedAtMs, inForceAtMs, announcedMs, wasAliveInForce };
}

async function showEncryptedBooks(scene: Scene, vm: VmAgent): Promise<void> {
  const before = vm.accessLog(VM.port).length;
  const count = BOOKS_ENCRYPTED;
  await showInventoryLog(scene, { what: 'encrypted books', matches: INSERTED, count });
  await showAccessLog(scene, vm, before);
}

async function seeTls(
  scene: Scene,
  { vm, capture }: Wire,
): Promise<Pick<Evidence, 'connections' | 'droppedPackets' | 'identities'>> {
  const { world, narrator } = scene;
  const names = ['inventory.library', `${VM.name}.default`];
  await showIsthmus(scene, ['tls-check', ...names, '-o', 'yaml']);
  const [client, server] = await Promise.all([
    inventoryProxyAdmin(world.kubectl, '/certs'),
    vm.admin('/certs'),
  ]);
  const identities = { client: servedBy(client), vm: servedBy(server) };
  narrator.step('and by the certificates that the two Envoys show each other:');
  narrator.line(`client  ${identities.client}`);
  narrator.line(`server  ${identities.vm}`);
  const { segments, droppedPackets } = await capture.finish();
  return { connections: connectionsTo(VM.port, segments), droppedPackets, identities };
}

const servedBy = (certificates: string): string => parseCertificates(certificates)[0]?.uri ?? '';
