// The library's story, told in the lab by the commands that a user would type: an app in a cluster
// needs a database on a VM in another region, gets to it, and then gets there encrypted.
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Capture } from '../capture.ts';
import { POD_CIDR, REPOSITORY } from '../cloud.ts';
import { isthmus } from '../cluster.ts';
import { connectionsTo } from '../connections.ts';
import { parseCertificates } from '../envoy-admin.ts';
import { eventually, until } from '../eventually.ts';
import type { Evidence } from './library-evidence.ts';
import { InventoryLog, LOGS_COMMAND } from './inventory-log.ts';
import type { Narrator } from './narrator.ts';
import { type LibraryWorld, VM } from './library-world.ts';
import { FILES_PARENT, putFilesInPlace, VmAgent } from './vm-agent.ts';
import { addBook, gatewayAddress, isDirectWayClosed, observeWayIn, pageTitle } from './way-in.ts';
import type { Visit } from './way-in-checks.ts';

const POLICIES = fileURLToPath(new URL('policies.yaml', import.meta.url));
const GATEWAY = `${REPOSITORY}/deploy/gateway`;
const MANIFESTS = `${REPOSITORY}/library/manifests`;
/** A book comes every two seconds, and one that failed is tried again within two. */
const BOOK_LIMIT_MS = 30_000;
const BOOKS_IN_CLEAR_TEXT = 3;
const BOOKS_ENCRYPTED = 3;
const VISITORS_BOOK = { title: 'Gateway', author: 'Frederik Pohl', shelf: 'Other worlds' };
const LOG_LIMIT_MS = 5_000;
/** The story should not wait for Istio's 45 s. */
export const DRAIN_SECONDS = 3;
const INSERTED = /^✅ /;

/** Tells it once, and leaves everything up. @throws OperatorError when something does not come */
export async function tellLibraryStory(world: LibraryWorld, narrator: Narrator): Promise<Evidence> {
  await deployLibrary(world, narrator);
  const visit = await visitLibrary(world, narrator);
  await using log = await InventoryLog.open(world);
  const marker = 'INSERT INTO books';
  await failWithoutName(log, narrator);
  const closed = isDirectWayClosed(world);
  await failAtFirewall(world, { log, narrator });
  const isDirectDropped = await closed;
  const capture = await world.cloud.capture('library');
  const vm = await bringInVm(world, narrator);
  const wayIn = { ...(await observeWayIn(world)), isDirectDropped };
  await insertInClearText(vm, { log, narrator });
  const policies = await encrypt(world, { vm, narrator });
  const wire = await insertEncrypted({ world, vm, log, narrator, capture, policies });
  return {
    marker,
    ...policies,
    ...wire,
    inserted: log.inserted,
    failuresAfterFirst: failuresAfterFirstBook(log),
    vmLog: vm.accessLog(VM.port),
    visit,
    wayIn,
  };
}

async function deployLibrary(world: LibraryWorld, narrator: Narrator): Promise<void> {
  const { kubectl } = world;
  await narrator.chapter('1  A cluster, and a VM beside it');
  await narrator.command('kubectl get nodes', () => kubectl.ok(['get', 'nodes']));
  await narrator.command('kubectl apply -f deploy/gateway -f library/manifests', () =>
    kubectl.ok(['apply', '-f', GATEWAY, '-f', MANIFESTS]),
  );
  const wait = 'wait -n library --for=condition=Available deploy --all --timeout=80s';
  // the gateway's Deployment was first, and so is ready by then
  await narrator.command(`kubectl ${wait}`, () => kubectl.ok(wait.split(' ')));
  const get = ['get', 'pods,svc', '-n', 'library'];
  await narrator.command(`kubectl ${get.join(' ')}`, () => kubectl.ok(get));
  narrator.step('2/2: the webhook has put a proxy into each Pod, for the label of their namespace');
  narrator.step(`PostgreSQL is on ${VM.name}, ${VM.address}, in another region: 127.0.0.1:5432`);
}

/** From outside, by the gateway; the book then waits for PostgreSQL as all others do. */
async function visitLibrary(world: LibraryWorld, narrator: Narrator): Promise<Visit> {
  const get = ['get', 'svc', '-n', 'istio-system', 'istio-ingressgateway'];
  const url = new URL(`http://${await gatewayAddress(world)}/`);
  await narrator.command(`kubectl ${get.join(' ')}`, () => world.kubectl.ok(get));
  const title = await pageTitle(url);
  await addBook(url, VISITORS_BOOK);
  narrator.step(
    `a browser has "${title}" at ${url.href}; its reader adds "${VISITORS_BOOK.title}"`,
  );
  return { url: url.href, title, added: VISITORS_BOOK.title };
}

type Watching = { readonly log: InventoryLog; readonly narrator: Narrator };

async function failWithoutName(log: InventoryLog, narrator: Narrator): Promise<void> {
  await narrator.chapter('2  The app fails: nobody knows the name');
  narrator.announce(LOGS_COMMAND);
  if (!log.isFromApi) narrator.step("(the API server serves no logs yet: it is the node's file)");
  await waitForLines(log, narrator, { what: 'an unknown name', matches: /^❌ .*ENOTFOUND/ });
}

async function failAtFirewall(world: LibraryWorld, { log, narrator }: Watching): Promise<void> {
  await narrator.chapter('3  The VM gets a name; the firewall drops what is sent to it');
  const words = ['register', VM.name, VM.address, String(VM.port)];
  await narrator.command(`isthmus ${words.join(' ')}`, () => runIsthmus(world, words));
  narrator.announce(LOGS_COMMAND);
  await waitForLines(log, narrator, { what: 'no answer', matches: /^❌ .*no answer/ });
}

async function bringInVm(world: LibraryWorld, narrator: Narrator): Promise<VmAgent> {
  await narrator.chapter('4  A rule for the firewall, files for the VM, an agent on it');
  const rule = { name: 'pods to PostgreSQL', from: POD_CIDR, to: VM.address, tcpPort: VM.port };
  await world.cloud.firewall.allow(rule);
  narrator.step(`the firewall lets ${rule.from} through to ${rule.to}, tcp ${rule.tcpPort}`);
  const machine = world.cloud.machine(VM.name);
  mkdirSync(machine.path(FILES_PARENT), { recursive: true });
  const words = ['vm', 'files', VM.name];
  const printed = await narrator.command(`isthmus ${words.join(' ')}`, () =>
    runIsthmus(world, words, machine.path(FILES_PARENT)),
  );
  await putFilesInPlace(machine, { folder: VM.name, printed });
  const flags = ['--drainDuration', `${DRAIN_SECONDS}s`];
  narrator.announce(`isthmus agent ${flags.join(' ')}    # on ${VM.name}`);
  const vm = await VmAgent.start(machine, flags);
  narrator.step('ready: certificate, Envoy, capture proved');
  return vm;
}

async function insertInClearText(vm: VmAgent, { log, narrator }: Watching): Promise<void> {
  narrator.announce(LOGS_COMMAND);
  const count = BOOKS_IN_CLEAR_TEXT;
  await waitForLines(log, narrator, { what: 'books in PostgreSQL', matches: INSERTED, count });
  narrator.announce(`tail -1 /var/log/istio/istio.log    # on ${VM.name}`);
  narrator.line(await nextAccessLogLine(vm, 0));
}

type Policies = {
  readonly askedAtMs: number;
  readonly inForceAtMs: number;
};

async function encrypt(
  world: LibraryWorld,
  { vm, narrator }: { readonly vm: VmAgent; readonly narrator: Narrator },
): Promise<Policies> {
  await narrator.chapter('5  In clear text so far: enableAutoMtls is false. Two policies');
  narrator.announce('cat policies.yaml');
  const text = readFileSync(POLICIES, 'utf8');
  for (const line of text.trimEnd().split('\n')) narrator.line(line);
  const askedAtMs = systemClock.nowMs();
  await narrator.command('kubectl apply -f policies.yaml', () =>
    world.kubectl.ok(['apply', '-f', POLICIES]),
  );
  await until('STRICT at the VM', async () => !(await vm.takesClearText(VM.port)));
  const inForceAtMs = systemClock.nowMs();
  narrator.step(`in force; what is in clear text still ends within ${DRAIN_SECONDS} s`);
  return { askedAtMs, inForceAtMs };
}

async function insertEncrypted(parts: {
  readonly world: LibraryWorld;
  readonly vm: VmAgent;
  readonly log: InventoryLog;
  readonly narrator: Narrator;
  readonly capture: Capture;
  readonly policies: Policies;
}): Promise<Pick<Evidence, 'connections' | 'droppedPackets' | 'spiffeId' | 'committed'>> {
  const { world, vm, log, narrator, capture } = parts;
  const before = vm.accessLog(VM.port).length;
  narrator.announce(LOGS_COMMAND);
  const count = BOOKS_ENCRYPTED;
  await waitForLines(log, narrator, { what: 'encrypted books', matches: INSERTED, count });
  narrator.announce(`tail -1 /var/log/istio/istio.log    # on ${VM.name}`);
  narrator.line(await nextAccessLogLine(vm, before));
  const { segments, droppedPackets } = await capture.finish();
  const [served] = parseCertificates(await vm.admin('/certs'));
  return {
    connections: connectionsTo(VM.port, segments),
    droppedPackets,
    spiffeId: served?.uri ?? '',
    committed: await committedBooks(world, log),
  };
}

/** Titles in PostgreSQL by id, once what the inventory has said of them has been read as well. */
async function committedBooks(world: LibraryWorld, log: InventoryLog): Promise<readonly string[]> {
  const sql = 'SELECT title FROM books ORDER BY inserted_at';
  return await eventually('as many ✅ lines as rows', async () => {
    const titles = await world.postgres.query(sql);
    return titles.length === log.inserted.length ? titles : undefined;
  });
}

/** Failures after the first book was in: policies that refuse somebody in between would show. */
function failuresAfterFirstBook(log: InventoryLog): readonly string[] {
  return log.failuresAfter(INSERTED);
}

async function waitForLines(
  log: InventoryLog,
  narrator: Narrator,
  wanted: { readonly what: string; readonly matches: RegExp; readonly count?: number },
): Promise<void> {
  const onLine = (line: string): void => narrator.line(line);
  await log.wait({ count: 1, ...wanted, limitMs: BOOK_LIMIT_MS, onLine });
}

/** Envoy writes its log out once a second. */
async function nextAccessLogLine(vm: VmAgent, from: number): Promise<string> {
  const ask = async (): Promise<string | undefined> =>
    vm.accessLog(VM.port).length > from ? vm.accessLog(VM.port).at(-1) : undefined;
  return await eventually("a line in the VM's access log", ask, { limitMs: LOG_LIMIT_MS });
}

/** The product's own command, run as a user runs it. */
async function runIsthmus(
  world: LibraryWorld,
  words: readonly string[],
  cwd?: string,
): Promise<string> {
  const [program = '', ...args] = isthmus(...words);
  const options = { env: world.kubectl.env, ...(cwd !== undefined && { cwd }) };
  const { status, stdout, stderr } = await runCommand(program, args, options);
  if (status === 0) return stdout;
  throw new OperatorError('LAB_FAILED', `isthmus ${words.join(' ')}: ${stderr.trim()}`, {
    remedy: "read isthmusd's log: it is in the lab's logs",
  });
}
