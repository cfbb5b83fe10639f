// The library's story, told in the lab by the commands that a user would type: an app in a cluster
// needs a database on a VM in another region, gets to it, and then gets there encrypted.
import { mkdirSync } from 'node:fs';
import { POD_CIDR, REPOSITORY } from '../cloud.ts';
import { eventually } from '../eventually.ts';
import { InventoryLog } from './inventory-log.ts';
import type { Evidence } from './library-evidence.ts';
import { type LibraryWorld, VM } from './library-world.ts';
import type { Narrator } from './narrator.ts';
import { pairOf, type RequestLine, requestLines, type RequestPair } from './request-log.ts';
import { INSERTED, type Scene, showAccessLog, showInventoryLog, showIsthmus } from './scene.ts';
import { tellEncryption } from './tell-encryption.ts';
import { FILES_PARENT, putFilesInPlace, VmAgent } from './vm-agent.ts';
import { addBook, gatewayAddress, isDirectWayClosed, observeWayIn, pageTitle } from './way-in.ts';
import type { Visit } from './way-in-checks.ts';

const GATEWAY = `${REPOSITORY}/deploy/gateway`;
const MANIFESTS = `${REPOSITORY}/library/manifests`;
const OBJECTS_SHOWN_MAX = 7;
const BOOKS_IN_CLEAR_TEXT = 3;
const VISITORS_BOOK = { title: 'Gateway', author: 'Frederik Pohl', shelf: 'Other worlds' };
/** The story should not wait for Istio's 45 s. */
const DRAIN_SECONDS = 3;

type Stand = Pick<Scene, 'world' | 'narrator'>;

/** Tells it once, and leaves everything up. @throws OperatorError when something does not come */
export async function tellLibraryStory(world: LibraryWorld, narrator: Narrator): Promise<Evidence> {
  const stand = { world, narrator };
  await deployLibrary(stand);
  const visit = await visitLibrary(stand);
  const request = await showRequest(stand);
  await using log = new InventoryLog(world.kubectl);
  const scene = { ...stand, log };
  await failWithoutName(scene);
  const closed = isDirectWayClosed(world);
  await failAtFirewall(scene);
  const isDirectDropped = await closed;
  const capture = await world.cloud.capture('library');
  const vm = await bringInVm(stand);
  const wayIn = { ...(await observeWayIn(world)), isDirectDropped };
  await insertInClearText(scene, vm);
  const encryption = await tellEncryption(scene, { vm, capture });
  return {
    ...encryption,
    committed: await committedBooks(world, log),
    inserted: log.inserted,
    failuresAfterFirst: log.failuresAfter(INSERTED),
    visit,
    request,
    wayIn,
  };
}

async function deployLibrary({ world, narrator }: Stand): Promise<void> {
  const { kubectl } = world;
  await narrator.chapter('1  A cluster, and a VM beside it');
  await narrator.command('kubectl get nodes', () => kubectl.ok(['get', 'nodes']));
  await narrator.command(
    'kubectl apply -f deploy/gateway -f library/manifests',
    () => kubectl.ok(['apply', '-f', GATEWAY, '-f', MANIFESTS]),
    { linesMax: OBJECTS_SHOWN_MAX },
  );
  const wait = 'wait -n library --for=condition=Available deploy --all --timeout=80s';
  // the gateway's Deployment was first, and so is ready by then
  await narrator.command(`kubectl ${wait}`, () => kubectl.ok(wait.split(' ')));
  const get = ['get', 'pods', '-n', 'library'];
  await narrator.command(`kubectl ${get.join(' ')}`, () => kubectl.ok(get));
  narrator.step('2/2: the webhook has put a proxy into each Pod, for the label of their namespace');
  narrator.step(`PostgreSQL is on ${VM.name}, ${VM.address}, in another region: 127.0.0.1:5432`);
}

/** From outside, by the gateway; the book then waits for PostgreSQL as all others do. */
async function visitLibrary({ world, narrator }: Stand): Promise<Visit> {
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

const ACCESS_LOG = '/var/log/istio/istio.log';
const proxyOf = (deployment: string): readonly string[] =>
  `exec -n library deploy/${deployment} -c istio-proxy --`.split(' ');

/** What the visitor's book made the front ask the catalogue, as both of their proxies tell it. */
async function showRequest({ world, narrator }: Stand): Promise<RequestPair> {
  const linesOf = async (deployment: string): Promise<readonly RequestLine[]> => {
    const lines = requestLines(await world.kubectl.ok([...proxyOf(deployment), 'cat', ACCESS_LOG]));
    return lines.filter(({ method }) => method === 'POST');
  };
  const pair = await eventually('the request in both logs', async () =>
    pairOf(await linesOf('front'), await linesOf('catalogue')),
  );
  narrator.announce(`kubectl ${proxyOf('catalogue').join(' ')} grep POST ${ACCESS_LOG}`);
  narrator.line(pair.server.text);
  return pair;
}

async function failWithoutName(scene: Scene): Promise<void> {
  await scene.narrator.chapter('2  The app fails: nobody knows the name');
  await showInventoryLog(scene, { what: 'an unknown name', matches: /^❌ .*ENOTFOUND/ });
}

async function failAtFirewall(scene: Scene): Promise<void> {
  await scene.narrator.chapter('3  The VM gets a name; the firewall drops what is sent to it');
  await showIsthmus(scene, ['register', VM.name, VM.address, String(VM.port)]);
  await showInventoryLog(scene, { what: 'no answer', matches: /^❌ .*no answer/ });
}

async function bringInVm(stand: Stand): Promise<VmAgent> {
  const { world, narrator } = stand;
  await narrator.chapter('4  A rule for the firewall, files for the VM, an agent on it');
  const rule = ['--from', POD_CIDR, '--to', VM.address, '--port', String(VM.port)];
  await showIsthmus(stand, ['firewall', '--cloud', 'lab', ...rule, '--apply']);
  const machine = world.cloud.machine(VM.name);
  mkdirSync(machine.path(FILES_PARENT), { recursive: true });
  const cwd = machine.path(FILES_PARENT);
  const printed = await showIsthmus(stand, ['vm', 'files', VM.name], { cwd });
  await putFilesInPlace(machine, { folder: VM.name, printed });
  const flags = ['--drainDuration', `${DRAIN_SECONDS}s`];
  narrator.announce(`isthmus agent ${flags.join(' ')}    # on ${VM.name}`);
  const vm = await VmAgent.start(machine, flags);
  narrator.step('ready: certificate, Envoy, capture proved');
  return vm;
}

async function insertInClearText(scene: Scene, vm: VmAgent): Promise<void> {
  const count = BOOKS_IN_CLEAR_TEXT;
  await showInventoryLog(scene, { what: 'books in PostgreSQL', matches: INSERTED, count });
  await showAccessLog(scene, vm, 0);
}

/** Titles in PostgreSQL by id, once what the inventory has said of them has been read as well. */
async function committedBooks(world: LibraryWorld, log: InventoryLog): Promise<readonly string[]> {
  const sql = 'SELECT title FROM books ORDER BY inserted_at';
  return await eventually('as many ✅ lines as rows', async () => {
    const titles = await world.postgres.query(sql);
    return titles.length === log.inserted.length ? titles : undefined;
  });
}
