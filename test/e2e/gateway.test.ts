// The way in from outside: the gateway as its manifests make it, in the lab. Browsers reach the
// library through it, and a VM the control plane, through nothing else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';
import { REPOSITORY } from '#lab/cloud.ts';
import { isthmus } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { LibraryWorld, VM } from '#lab/story/library-world.ts';
import { FILES_PARENT, putFilesInPlace, VmAgent } from '#lab/story/vm-agent.ts';
import {
  addBook,
  browse,
  gatewayAddress,
  isDirectWayClosed,
  observeWayIn,
  pageTitle,
} from '#lab/story/way-in.ts';
import { judgeWayIn } from '#lab/story/way-in-checks.ts';

await enterSandbox();

const POLICIES = fileURLToPath(new URL('../../deploy/policies/mutual-tls.yaml', import.meta.url));

describe('the gateway', { concurrency: false }, () => {
  let world: LibraryWorld;
  let url: URL;

  const kubectl = (words: string): Promise<string> => world.kubectl.ok(words.split(' '));

  async function typed(words: string, cwd: string): Promise<string> {
    const [program = '', ...args] = isthmus(...words.split(' '));
    const options = { env: world.kubectl.env, cwd };
    const { status, stdout, stderr } = await runCommand(program, args, options);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  before(async () => {
    world = await LibraryWorld.create({ env: process.env });
    const gateway = `${REPOSITORY}/deploy/gateway`;
    const wait = 'wait --for=condition=Available --timeout=60s deploy';
    // without any Gateway it has nothing to listen for, and is ready all the same
    await kubectl(`apply -f ${gateway}/istio-ingressgateway.yaml`);
    await kubectl(`${wait}/istio-ingressgateway -n istio-system`);
    await kubectl(`apply -f ${gateway} -f ${REPOSITORY}/library/manifests`);
    await kubectl(`${wait} --all -n library`);
    url = new URL(`http://${await gatewayAddress(world)}/`);
  });
  after(() => world[Symbol.asyncDispose]());

  test('has an address outside of every region, as a cloud would give it', async () => {
    const service = await kubectl('get svc -n istio-system istio-ingressgateway');
    assert.match(service, /LoadBalancer +10\.96\.\S+ +203\.0\.113\.10 +15021:\d+\/TCP,80:/);
  });

  test('leads browsers to the library, which takes a book from them', async () => {
    assert.match(await pageTitle(url), /Library/);
    const book = { title: 'Through the Gate', author: 'A. Visitor', shelf: 'Novels' };
    await addBook(url, book);
    await eventually('the book on its shelf', async () => {
      const { body } = await browse(new URL('/api/library', url));
      return body.includes(book.title) || undefined;
    });
  });

  test('is replaced without cutting a request that is under way', async () => {
    const [pod] = (await observeWayIn(world)).gatewayPods;
    const ready = new URL(`http://${pod}:15021/healthz/ready`);
    const book = JSON.stringify({ title: 'Slowly', author: 'A. Visitor', shelf: 'Novels' });
    const request = new SlowRequest(new URL('/api/books', url), book);
    await request.begin();
    await kubectl('rollout restart deploy/istio-ingressgateway -n istio-system');
    const ending = await eventually('the end of its Pod', async () => {
      const answer = await browse(ready).catch(() => ({ status: 0, body: 'gone' }));
      return answer.status === 200 ? undefined : answer.body;
    });
    assert.equal(ending, 'the workload is ending\n');
    assert.equal(await request.finish(), 201);
    assert.equal((await browse(url)).status, 200, 'the next one is there');
  });

  test('is the only way by which a VM reaches the control plane', async () => {
    const machine = world.cloud.machine(VM.name);
    const folder = machine.path(FILES_PARENT);
    mkdirSync(folder, { recursive: true });
    const isDirectDropped = await isDirectWayClosed(world);
    await typed(`register ${VM.name} ${VM.address} ${VM.port}`, folder);
    const printed = await typed(`vm files ${VM.name}`, folder);
    assert.match(printed, new RegExp(`by the gateway at ${url.hostname}, port 15012`));
    await putFilesInPlace(machine, { folder: VM.name, printed });
    const hosts = machine.readFile('/etc/hosts');
    assert.match(hosts, new RegExp(`^${url.hostname} istiod\\.istio-system\\.svc$`, 'm'));
    await using _agent = await VmAgent.start(machine, []);
    const { ok, says } = judgeWayIn({ ...(await observeWayIn(world)), isDirectDropped });
    assert(ok, says);
  });

  test('still leads there when *.local is spoken to in mutual TLS', async () => {
    await kubectl(`apply -f ${POLICIES}`);
    const machine = world.cloud.machine(VM.name);
    await using _agent = await VmAgent.start(machine, []);
    const seen = await eventually('a new connection to the control plane', async () => {
      const seen = await observeWayIn(world);
      return seen.vmDials.length > 0 ? seen : undefined;
    });
    const { ok, says } = judgeWayIn({ ...seen, isDirectDropped: true });
    assert(ok, says);
    assert.match(await pageTitle(url), /Library/);
  });
});

/** A request whose body takes its time. */
class SlowRequest {
  readonly #request: http.ClientRequest;
  readonly #body: string;
  readonly #status: Promise<number>;

  constructor(url: URL, body: string) {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#request = http.request(url, { method: 'POST', headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    this.#request.on('error', reject);
    this.#body = body;
    this.#status = promise;
  }

  /** Returns when its beginning has been sent. */
  async begin(): Promise<void> {
    const sent = once(this.#request, 'socket');
    this.#request.write(this.#body.slice(0, 10));
    await sent;
  }

  async finish(): Promise<number> {
    this.#request.end(this.#body.slice(10));
    return await this.#status;
  }
}
