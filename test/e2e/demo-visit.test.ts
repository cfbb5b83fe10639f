// `isthmus demo` as its visitors meet it: what it prints for another terminal is done there, in a
// shell that knows nothing else, and its end leaves nothing behind.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';
import { runCommand, type CommandResult } from '#base/command.ts';
import { exitOf } from '#lab/process.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
const COMMAND_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
const POLL_MS = 50;

const folder = mkdtempSync(join(tmpdir(), 'isthmus-visit-'));
/** A home and a temporary folder of their own: what is left in them was left by the demo. */
const HOME = join(folder, 'home');
const TMP = join(folder, 'tmp');
const environment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  LANG: 'C.UTF-8',
  HOME,
  TMPDIR: TMP,
  ...(process.env['ISTHMUS_ENVOY'] && { ISTHMUS_ENVOY: process.env['ISTHMUS_ENVOY'] }),
};

let inTheWay: Server;
let demo: ChildProcess;
let printed: readonly string[] = [];
let url = '';
let lab = '';

before(async () => {
  for (const path of [HOME, TMP]) mkdirSync(path, { recursive: true });
  inTheWay = createServer().listen(8080, '127.0.0.1');
  await Promise.race([once(inTheWay, 'listening'), once(inTheWay, 'error')]); // taken either way
  demo = startDemo();
  printed = await linesUntil(demo, /^ {4}isthmus tls-check /);
  url = /http:\S+/.exec(printed.find((line) => line.includes('The library  ')) ?? '')?.[0] ?? '';
  lab = labOf(demo);
});

after(async () => {
  demo.kill('SIGKILL');
  if (inTheWay.listening) inTheWay.close();
  await nothingIsLeftOf(lab);
  rmSync(folder, { recursive: true, force: true });
});

function startDemo(): ChildProcess {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return spawn(process.execPath, [LAUNCHER, 'demo'], { stdio: [...stdio], env: environment });
}

/** What it prints, until a line of this kind. The rest is read and forgotten. */
async function linesUntil(child: ChildProcess, last: RegExp): Promise<readonly string[]> {
  assert(child.stdout);
  const lines: string[] = [];
  const { promise: found, resolve } = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (last.test(line)) resolve();
  });
  const ended = once(child, 'exit').then(() => assert.fail(`it ended:\n${lines.join('\n')}`));
  await Promise.race([found, ended]);
  return [...lines];
}

/** What stands alone, indented, below "In another terminal": settings and commands. */
function forAnotherTerminal(): { readonly settings: string[]; readonly commands: string[] } {
  const from = printed.findIndex((line) => line.includes('In another terminal'));
  const lines = printed.slice(from + 1).flatMap((line) => line.trim() || []);
  const settings = lines.filter((line) => line.startsWith('export '));
  return { settings, commands: lines.filter((line) => !settings.includes(line)) };
}

/** Pastes lines into a new shell, after the settings that the demo prints. */
async function paste(...lines: readonly string[]): Promise<CommandResult> {
  const script = [...forAnotherTerminal().settings, ...lines].join('\n');
  const options = { env: environment, timeoutMs: COMMAND_LIMIT_MS, cwd: HOME };
  return await runCommand('bash', ['-ec', script], options);
}

async function pasted(...lines: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await paste(...lines);
  assert.equal(status, 0, `${lines.join('\n')}\n${stdout}\n${stderr}`);
  return stdout;
}

async function sql(query: string): Promise<string> {
  const psql = `kubectl exec -n library deploy/inventory -- psql -XAtq -c "${query}"`;
  return (await pasted(psql)).trim();
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = systemClock.nowMs() + COMMAND_LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    assert(systemClock.nowMs() < deadlineMs, `${what} did not come about`);
    await systemClock.sleep(POLL_MS);
  }
}

test('the page answers outside, and a book given to it is in PostgreSQL exactly once', async () => {
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.match(await (await fetch(url)).text(), /<title>Lantern Street Library</);
  const given = await fetch(new URL('api/books', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'From a Test', author: 'A Test', shelf: 'Ideas' }),
  });
  assert.equal(given.status, 201);
  const count = "SELECT count(*) FROM books WHERE title = 'From a Test'";
  const isThere = async (): Promise<string | undefined> => {
    const rows = await sql(count);
    return rows === '0' ? undefined : rows;
  };
  assert.equal(await eventually('the book', isThere), '1');
});

test('a port that is taken is said, and another one is used', () => {
  assert.notEqual(new URL(url).port, '8080');
  assert(
    printed.some((line) => line.trim() === '(port 8080 is taken)'),
    printed.slice(-20).join('\n'),
  );
});

test('every line that is printed works in another shell, and touches nothing of its user', async () => {
  const { settings, commands } = forAnotherTerminal();
  assert(settings.some((line) => line.startsWith('export KUBECONFIG=')));
  assert(commands.length >= 5, commands.join('\n'));
  const outputs = await Promise.all(
    commands.map((line) => pasted(line.endsWith(' -f') ? `${line.slice(0, -3)} --tail=1` : line)),
  );
  const all = outputs.join('\n');
  for (const sight of [/inventory-\S+ +2\/2 +Running/, /✅ inserted /, /\(1 row\)/]) {
    assert.match(all, sight);
  }
  assert.match(all, /postgresql-1-vm-10\.128\.0\.14\.default +WorkloadEntry +SYNCED/);
  assert.match(all, /understand each other/);
  assert.deepEqual(readdirSync(HOME), []);
});

test("the console's link signs in once, and the map shows the library's way to its VM", async () => {
  const link = new URL(
    /http:\S+/.exec(printed.find((line) => /The mesh {2}/.test(line)) ?? '')?.[0] ?? '',
  );
  const [, code = ''] = /^#code=(.+)$/.exec(link.hash) ?? [];
  const signIn = (): Promise<Response> =>
    fetch(new URL('api/v1/session', link), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
  const answer = await signIn();
  assert.equal(answer.status, 201);
  assert.equal((await signIn()).status, 401);
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const snapshot = await fetch(new URL('api/v1/snapshot', link), { headers: { cookie } });
  assert.match(await snapshot.text(), /"id":"wl:default\/postgresql-1-vm","kind":"vm"/);
  const top = await pasted('isthmus top --namespace library');
  assert.match(top, /^inventory\.library +postgresql-1-vm\.default:5432 .* mTLS .* B\/s /m);
});

test('logs are followed, commands are fed, ports are forwarded through the door', async () => {
  const follow = 'kubectl logs -n library deploy/inventory -f --tail=1 | head -n 3';
  assert.equal((await pasted(follow)).trim().split('\n').length, 3);
  const fed = 'echo "SELECT 6 * 7" | kubectl exec -i -n library deploy/inventory -- psql -XAtq';
  assert.equal((await pasted(fed)).trim(), '42');
  const forwarded = await pasted(
    'coproc kubectl port-forward -n library deploy/front :8080',
    'read -r -u "${COPROC[0]}" line',
    'port=${line#*127.0.0.1:}; port=${port%% *}',
    'exec 3<>"/dev/tcp/127.0.0.1/$port"',
    String.raw`printf 'GET /healthz HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n' >&3`,
    'read -r status <&3; echo "$status"; kill "$COPROC_PID"',
  );
  assert.match(forwarded, /^HTTP\/1\.1 200 OK/);
});

test('a rule for the firewall is asked for outside and in force inside', async () => {
  const rule = '--cloud lab --from 10.24.0.0/16 --to 10.128.0.14';
  const said = await pasted(`isthmus firewall ${rule} --port 5433 --apply`);
  assert.match(said, /^in force: 10\.24\.0\.0\/16 reaches 10\.128\.0\.14:5433$/m);
  const wrong = 'isthmus firewall --cloud lab --from somewhere --to 10.128.0.14 --port 1 --apply';
  assert.match((await paste(wrong)).stderr, /--from somewhere is no range/);
});

test('a program of the user runs under any image name, from an unmodified Deployment', async () => {
  const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: default }
spec:
  selector: { matchLabels: { app: cart } }
  template:
    metadata: { labels: { app: cart } }
    spec:
      containers:
        - name: cart
          image: registry.example.com/shop/cart:2.1
          env: [{ name: GREETING, value: hello }]`;
  const said = await pasted(
    `isthmus lab image add registry.example.com/shop/cart:2.1 -- sh -c 'echo "$GREETING from the cart"; exec sleep 600'`,
    `kubectl apply -f - <<'MANIFEST'${manifest}\nMANIFEST`,
    'kubectl rollout status deploy/cart --timeout=20s',
    'kubectl logs deploy/cart',
  );
  assert.match(said, /^hello from the cart$/m);
  rmSync(join(HOME, '.local'), { recursive: true }); // where its user keeps images, as was asked
});

test('Ctrl-C ends it all, and nothing of it is left', async () => {
  const ended = exitOf(demo);
  assert(processesIn(lab).length > 10, processesIn(lab).join(' '));
  demo.kill('SIGINT');
  assert.deepEqual(await ended, { status: 0, signal: null });
  await nothingIsLeftOf(lab);
  assert.deepEqual(readdirSync(TMP).filter(isOfDemo), []);
  await assert.rejects(fetch(url));
});

test('killed without warning, it leaves nothing either', async (t) => {
  const child = startDemo();
  t.after(() => child.kill('SIGKILL'));
  await linesUntil(child, /kubectl get nodes/);
  const killed = labOf(child);
  assert(processesIn(killed).length > 3);
  child.kill('SIGKILL');
  await nothingIsLeftOf(killed);
  await eventually('an empty folder', async () =>
    Promise.resolve(readdirSync(TMP).some(isOfDemo) ? undefined : true),
  );
});

const isOfDemo = (name: string): boolean => name.startsWith('isthmus-demo-');

/** The lab that a process or one of its descendants is in; one may end meanwhile. */
function labOf(child: ChildProcess): string {
  assert(child.pid !== undefined);
  const [found] = labsBelow(child.pid);
  assert(found !== undefined, 'the demo runs in no lab');
  return found;
}

function labsBelow(pid: number): string[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    );
    const own = /ISTHMUS_LAB_ID=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1];
    const below = children.flatMap((it) => labsBelow(Number(it)));
    return [...(own === undefined ? [] : [own]), ...below];
  } catch {
    return [];
  }
}

function processesIn(id: string): string[] {
  return readdirSync('/proc').filter((name) => {
    const file = `/proc/${name}/environ`;
    try {
      return existsSync(file) && readFileSync(file, 'utf8').includes(`ISTHMUS_LAB_ID=${id}`);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

async function nothingIsLeftOf(id: string): Promise<void> {
  if (id === '') return;
  const deadlineMs = systemClock.nowMs() + END_LIMIT_MS;
  while (processesIn(id).length > 0) {
    assert(systemClock.nowMs() < deadlineMs, `still there: ${processesIn(id).join(' ')}`);
    await systemClock.sleep(POLL_MS);
  }
}
