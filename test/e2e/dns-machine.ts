// A small machine of its own (network and mount namespaces) whose port 53 is captured by nftables
// and led to the DNS proxy. Asks with the machine's real tools and prints what they said as JSON.
// Run by dns.test.ts inside unshare; never by itself.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { createLogger } from '#base/log.ts';
import { NameTable } from '#dns/name-table.ts';
import { parseMessage, renderMessage } from '#dns/packet.ts';
import { parseResolvConf } from '#dns/resolv-conf.ts';
import { startDnsServer } from '#dns/server.ts';
import type { NameRecord } from '#dns/zone.ts';
import { startFakeResolver, type Script } from '../fakes/resolver.ts';

/** The machine's resolver before there was a mesh (TEST-NET-1). */
const RESOLVER = { address: '192.0.2.53', port: 53 };
const PROXY = { address: '127.0.0.1', port: 15_053 };
const SOURCE_PORTS = { first: 61_000, last: 61_999 };
const DATABASE = 'postgresql-1-vm.default.svc.cluster.local';
const MESH: Readonly<Record<string, NameRecord>> = {
  [DATABASE]: { kind: 'addresses', ipv4: ['240.240.0.5'], ipv6: [] },
  'catalogue.library.svc.cluster.local': {
    kind: 'addresses',
    ipv4: ['10.96.0.7'],
    ipv6: ['fd00::7'],
  },
  'api.example.com': { kind: 'addresses', ipv4: ['240.240.0.9'], ipv6: [] },
};
const RESOLV_CONF = `nameserver ${RESOLVER.address}
search library.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:2 attempts:1
`;

const capture = (isOwnExcepted: boolean): string => `
flush ruleset
table ip dns {
  chain output {
    type nat hook output priority -100;
    ${isOwnExcepted ? `meta l4proto { tcp, udp } th sport 61000-61999 return` : ''}
    ip daddr ${RESOLVER.address} meta l4proto { tcp, udp } th dport 53 redirect to :${PROXY.port}
  }
}
`;

/** The outside world: one address for every name that ends in `.org`, nothing else. */
const outside: Script = ({ bytes }) => {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return [];
  const { header, questions } = parsed.value;
  const [question] = questions;
  const isKnown = question?.name.endsWith('.org') === true;
  const record = { name: question?.name ?? '', type: 1, class: 1, ttlSeconds: 300 };
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

async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await runCommand(command, args, { input });
  if (status !== 0 && command !== 'getent') throw new Error(`${command} failed: ${stderr}`);
  return stdout;
}

/** The distinct addresses that glibc has for a name, both families, in its order. */
async function ask(name: string): Promise<string[]> {
  const lines = (await run('getent', ['ahosts', name])).trim().split('\n');
  return [...new Set(lines.map((line) => line.split(/\s+/)[0] ?? ''))].filter(Boolean);
}

function connectedNames(): NameTable {
  const names: NameTable = new NameTable({
    subscribe: (name) => queueMicrotask(() => names.apply(name, MESH[name] ?? { kind: 'absent' })),
    unsubscribe: () => undefined,
  });
  names.setConnected(true);
  return names;
}

const folder = mkdtempSync(join(tmpdir(), 'isthmus-dns-'));
try {
  writeFileSync(join(folder, 'resolv.conf'), RESOLV_CONF);
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n');
  await run('mount', ['--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf']);
  await run('mount', ['--bind', join(folder, 'nsswitch.conf'), '/etc/nsswitch.conf']);
  await run('ip', ['link', 'set', 'lo', 'up']);
  for (const address of [`${RESOLVER.address}/32`, 'fd00::53/128']) {
    await run('ip', ['address', 'add', address, 'dev', 'lo']); // glibc asks for families it has
  }
  const { upstreams, search } = parseResolvConf(RESOLV_CONF);
  const lines: string[] = [];
  await using resolver = await startFakeResolver(outside, RESOLVER);
  await using server = await startDnsServer({
    listen: [PROXY, { address: '::1', port: PROXY.port }],
    zone: {
      namespace: 'library',
      clusterDomain: 'cluster.local',
      search,
      authoritative: ['cluster.local'],
    },
    names: connectedNames(),
    upstreams,
    clock: systemClock,
    log: createLogger('dns', { level: 'warn', sink: (line) => void lines.push(line) }),
    sourcePorts: SOURCE_PORTS,
  });
  await run('nft', ['-f', '-'], capture(true));
  const found = {
    full: await ask(DATABASE),
    short: await ask('catalogue'),
    withNamespace: await ask('postgresql-1-vm.default'),
    outsideHostOfTheMesh: await ask('api.example.com'),
    outside: await ask('gnu.org'),
    unknown: await ask('nowhere.default.svc.cluster.local'),
    unknownOutside: await ask('nowhere.invalid'),
    passedOn: resolver.asked.map(({ bytes }) => {
      const parsed = parseMessage(bytes);
      return parsed.ok ? (parsed.value.questions[0]?.name ?? '') : 'unreadable';
    }),
  };
  await run('nft', ['-f', '-'], capture(false));
  const startMs = systemClock.nowMs();
  const looped = await ask('loop.org');
  const loopMs = systemClock.nowMs() - startMs;
  const result = { ...found, looped, loopMs, log: lines, counts: server.counts };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
