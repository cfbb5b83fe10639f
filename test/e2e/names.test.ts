// The agent's names, from a program's lookup to a control plane and back: real capture rules, the C
// library's resolver, and no Envoy.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { silentLogger } from '#base/log.ts';
import { parseMessage, renderMessage } from '#dns/packet.ts';
import { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { CaptureKeeper } from '../../src/agent/capture/keeper.ts';
import { systemNft } from '../../src/agent/capture/nft.ts';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { DnsProxy } from '../../src/agent/dns.ts';
import { HostNames, loadHostNames } from '../../src/agent/host-names.ts';
import { FakeControlPlane } from '../envoy/agent-control-plane.ts';
import { isInside, run, runInside } from '../envoy/agent-namespace.ts';
import { OwnStreamBench } from '../envoy/agent-own-stream.ts';
import { startFakeResolver, type Script } from '../fakes/resolver.ts';

/** The machine's resolvers before there was a mesh (TEST-NET-1, and a local cache's address). */
const RESOLVER = { address: '192.0.2.53', port: 53 };
const OTHER_RESOLVER = { address: '127.0.0.53', port: 53 };
const DB = 'db.default.svc.cluster.local';

if (isInside) test('names on a machine of its own', onMachine);
else {
  test('names, in namespaces of their own', { timeout: 60_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass [1-9]|^# pass [1-9]/m, output);
  });
}

/** The outside world: one address for every name that ends in `.org`, nothing else. */
const outside: Script = ({ bytes }) => {
  const parsed = parseMessage(bytes);
  const [question] = parsed.ok ? parsed.value.questions : [];
  if (!parsed.ok || !question) return [];
  const isKnown = question.name.endsWith('.org');
  const { header, questions } = parsed.value;
  const record = { name: question.name, type: 1, class: 1, ttlSeconds: 300 };
  return [
    renderMessage({
      header: { ...header, isResponse: true, recursionAvailable: true, rcode: isKnown ? 0 : 3 },
      questions,
      answers:
        isKnown && question.type === 1
          ? [{ ...record, data: { kind: 'address', address: '203.0.113.7' } }]
          : [],
      authorities: [],
      additionals: [],
    }),
  ];
};

/** The distinct IPv4 addresses that the C library has for a name. */
async function resolve(name: string): Promise<string> {
  const { stdout } = await runCommand('getent', ['ahostsv4', name]);
  const lines = stdout.trim().split('\n');
  return [...new Set(lines.map((line) => line.split(/\s+/)[0] ?? ''))].join(' ');
}

async function resolvesTo(name: string, address: string): Promise<void> {
  for (let found = ''; found !== address;) {
    found = await resolve(name);
    if (found !== address) await systemClock.sleep(20);
  }
}

const host = (...addresses: string[]) =>
  create(HostAddressesSchema, { known: true, addresses, ttlSeconds: 30 });

/** What of an agent has to do with names, on the machine that this runs on. */
class NamesAgent implements AsyncDisposable {
  readonly #bench: OwnStreamBench;
  readonly #stop = new AbortController();
  readonly #proxy: DnsProxy;
  readonly #running: Promise<unknown>;

  private constructor(parts: {
    readonly bench: OwnStreamBench;
    readonly proxy: DnsProxy;
    readonly keeper: CaptureKeeper;
  }) {
    this.#bench = parts.bench;
    this.#proxy = parts.proxy;
    const { signal } = this.#stop;
    const until = async (work: Promise<void>): Promise<void> => {
      await work.catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    };
    this.#running = Promise.all([parts.proxy.run(signal), parts.keeper.run(signal)].map(until));
  }

  static async start(bench: OwnStreamBench, port: number): Promise<NamesAgent> {
    const input = { argv: [], env: {}, hostname: 'vm', readFile: () => undefined };
    const config = parseAgentConfig({ ...input, parseYaml: () => undefined });
    const { node, dns } = config;
    assert(dns);
    const common = { clock: systemClock, log: silentLogger };
    const stateFile = bench.file('host-names.json');
    const names: HostNames = new HostNames(
      {
        ...common,
        stateFile,
        change: (change) => bench.stream?.change(names.typeUrl, change),
      },
      await loadHostNames(stateFile),
    );
    let isLive = false;
    const keeper = new CaptureKeeper(
      {
        ...common,
        config: { ...config, controlPlane: { ...config.controlPlane, xds: HERE, ca: HERE } },
        nft: systemNft,
        stateFile: bench.file('capture.json'),
        // live once, so that capture begins; then not, as there is nobody to answer its probe
        isEnvoyLive: async () => (isLive = !isLive),
      },
      undefined,
    );
    const proxy = await DnsProxy.listen({
      ...common,
      config: { node, dns },
      names: names.table,
      onServers: (addresses) => keeper.setDnsServers(addresses),
    });
    bench.start(port, [names], [(signal) => names.run(signal)]);
    return new NamesAgent({ bench, proxy, keeper });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#proxy[Symbol.asyncDispose]();
    await this.#bench[Symbol.asyncDispose]();
  }
}

const HERE = { host: '127.0.0.1', port: 15_012 };

async function setUpMachine(bench: OwnStreamBench): Promise<(text: string) => void> {
  const [resolvConf, nsswitch] = [bench.file('resolv.conf'), bench.file('nsswitch.conf')];
  const write = (text: string): void =>
    writeFileSync(resolvConf, `${text}search corp.example\noptions timeout:2 attempts:1\n`);
  write(`nameserver ${RESOLVER.address}\n`);
  writeFileSync(nsswitch, 'hosts: files dns\n');
  await run('mount', '--bind', resolvConf, '/etc/resolv.conf');
  await run('mount', '--bind', nsswitch, '/etc/nsswitch.conf');
  await run('ip', 'link', 'set', 'lo', 'up');
  await run('ip', 'address', 'add', `${RESOLVER.address}/32`, 'dev', 'lo');
  return write;
}

async function onMachine(): Promise<void> {
  const bench = await OwnStreamBench.make();
  const writeResolvConf = await setUpMachine(bench);
  bench.mesh.others.set(`type.googleapis.com/${HostAddressesSchema.typeName}`, () =>
    anyPack(HostAddressesSchema, create(HostAddressesSchema)),
  );
  await using resolver = await startFakeResolver(outside, RESOLVER);
  await using _other = await startFakeResolver(outside, OTHER_RESOLVER);
  const asked = (): string[] =>
    resolver.asked.flatMap(({ bytes }) => {
      const parsed = parseMessage(bytes);
      return parsed.ok ? (parsed.value.questions[0]?.name.toLowerCase() ?? '') : [];
    });
  assert.equal(await resolve('gnu.org'), '203.0.113.7', 'the world without a mesh');

  let controlPlane = await FakeControlPlane.start(bench.mesh);
  const { port } = controlPlane;
  await controlPlane[Symbol.asyncDispose]();
  {
    await using _agent = await NamesAgent.start(bench, port);
    await captured('192.0.2.53');

    // before anybody could be asked: the world is as it was, and only the mesh's names wait
    const startMs = performance.now();
    assert.equal(await resolve('gnu.org'), '203.0.113.7');
    assert.equal(await resolve(DB), '');
    assert(performance.now() - startMs < 2_000, 'and nobody waits for long');
    assert(!asked().includes(DB), 'a name of the cluster is never asked outside');

    controlPlane = await FakeControlPlane.start(bench.mesh, port);
    controlPlane.set(DB, HostAddressesSchema, host('240.240.0.5'));
    controlPlane.set('api.example.org', HostAddressesSchema, host('240.240.0.9'));
    await resolvesTo(DB, '240.240.0.5');
    assert.equal(await resolve('db.default'), '240.240.0.5');
    assert.equal(await resolve('db'), '240.240.0.5', 'by its short name in its own namespace');
    assert.equal(await resolve('api.example.org'), '240.240.0.9');
    assert.equal(await resolve('gnu.org'), '203.0.113.7');
    assert.equal(await resolve('nowhere.default.svc.cluster.local'), '');

    // kept fresh by push, and held while the control plane is away
    controlPlane.set(DB, HostAddressesSchema, host('240.240.0.6'));
    await resolvesTo(DB, '240.240.0.6');
    await controlPlane[Symbol.asyncDispose]();
    assert.equal(await resolve(DB), '240.240.0.6');
    assert.equal(await resolve('fsf.org'), '203.0.113.7', 'an outside name not asked for before');

    // the machine gets another resolver, one on the loopback
    writeResolvConf(`nameserver ${OTHER_RESOLVER.address}\n`);
    await captured('127.0.0.53');
    assert.equal(await resolve(DB), '240.240.0.6');
    assert.equal(await resolve('gnu.org'), '203.0.113.7');
  }
  // the agent has ended: the rules stay, and queries pass to the resolvers
  await captured('');
  assert.match(await run('nft', 'list', 'table', 'inet', 'isthmus'), /redirect to :15001/);
  assert.equal(await resolve('gnu.org'), '203.0.113.7');
}

/** Until queries to this server alone are captured. */
async function captured(server: string): Promise<void> {
  for (;;) {
    const { stdout } = await runCommand('nft', ['list', 'set', 'inet', 'isthmus', 'dns_servers4']);
    const [, found = ''] = /elements = \{ (\S+) timeout 45s[^,]*\}/.exec(stdout) ?? [];
    if (found === server && (server !== '' || !stdout.includes('elements'))) return;
    await systemClock.sleep(20);
  }
}
