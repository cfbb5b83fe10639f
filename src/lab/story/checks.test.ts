import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../connections.ts';
import { judge } from './checks.ts';
import type { Evidence } from './evidence.ts';

const MARKER = 'in-clear-text-4711';
const CLIENT_ID = 'spiffe://cluster.local/ns/default/sa/inventory';
const VM_ID = 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm';
const TITLES = ['Fun Home', 'Middlemarch', 'Beloved', 'Kokoro'];

const VM_LINE =
  '[2026-11-22T19:09:00.174Z] "- - -" 0 - "-" "-" 268 441 194 - "-" "-" "-" "-" "127.0.0.1:5432" inbound|5432|tcp|postgresql-1-vm.default.svc.cluster.local 127.0.0.1:54104 10.128.0.14:5432 10.24.2.23:40190 outbound_.5432_._.postgresql-1-vm.default.svc.cluster.local -';
const CLIENT_LINE =
  '[2026-11-22T19:09:00.171Z] "- - -" 0 - "-" "-" 268 441 197 - "-" "-" "-" "-" "10.128.0.14:5432" outbound|5432||postgresql-1-vm.default.svc.cluster.local 10.24.2.23:40190 10.96.54.32:5432 10.24.2.23:51234 - -';

const record = (content: string): Buffer =>
  Buffer.concat([Buffer.from([23, 3, 3, 0, content.length]), Buffer.from(content)]);

function connection(openedAtMs: number, fromClient: Uint8Array, missingBytes = 0): Connection {
  const client = `10.24.2.23:${openedAtMs}`;
  const fromServer = record('answer');
  return { openedAtMs, client, server: '10.128.0.14:5432', fromClient, fromServer, missingBytes };
}

const clearText = connection(10, Buffer.from(`INSERT ${MARKER}`));
const encrypted = [connection(210, record('one')), connection(220, record('two'))];
const identity = (spiffeId: string, serialNumber: string) => ({ spiffeId, serialNumber });

const GOOD: Evidence = {
  rows: { inserted: TITLES, committed: TITLES, isFinished: true, failures: [] },
  accessLog: { vm: [VM_LINE], client: [CLIENT_LINE] },
  wire: {
    marker: MARKER,
    connections: [clearText, ...encrypted],
    droppedPackets: 0,
    askedAtMs: 100,
    inForceAtMs: 200,
  },
  identities: {
    vm: { before: identity(VM_ID, '01'), after: identity(VM_ID, '02') },
    client: { before: identity(CLIENT_ID, '03'), after: identity(CLIENT_ID, '04') },
    expected: { vm: VM_ID, client: CLIENT_ID },
  },
  witness: { backend: 7, steps: [{ change: 'policy', isAlive: true, backend: 7 }], rows: 1 },
  drain: { announcedMs: 2000, wasAliveInForce: true, endedAfterMs: 2100 },
};

test('a story in which all went well', () => {
  const checks = judge(GOOD);
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    ['rows', 'access log', 'clear text', 'encryption', 'identities', 'witness', 'drain'].map(
      (name) => [name, true],
    ),
  );
  assert.match(checks.map(({ says }) => says).join('\n'), /^4 rows in PostgreSQL, the same/);
});

type Part = { readonly [Name in keyof Evidence]?: Partial<Evidence[Name]> };

/** The good story with one thing otherwise, and the one claim that must fall, with its sentence. */
const WRONG: readonly (readonly [change: Part, name: string, sentence: RegExp])[] = [
  [{ rows: { committed: TITLES.slice(1) } }, 'rows', /^Fun Home was called inserted but is not/],
  [{ rows: { inserted: TITLES.slice(1) } }, 'rows', /^Fun Home is in PostgreSQL but was not/],
  [{ rows: { inserted: [...TITLES, 'Kokoro'] } }, 'rows', /^5 ✅ lines, but 4 rows/],
  [{ rows: { isFinished: false } }, 'rows', /without finishing/],
  [{ rows: { inserted: ['A'], committed: ['A'] } }, 'rows', /^only 1 rows arrived/],
  [{ accessLog: { vm: [] } }, 'access log', /^the VM has no line/],
  [{ accessLog: { vm: ['nonsense'] } }, 'access log', /^no line of the VM .*: nonsense$/],
  [{ accessLog: { client: [] } }, 'access log', /^the client has no line/],
  [
    { accessLog: { client: [CLIENT_LINE.replaceAll('40190', '40191')] } },
    'access log',
    /^no connection .* in both logs$/,
  ],
  [
    { accessLog: { vm: [VM_LINE.replace(/outbound_\S+/, '-')] } },
    'access log',
    /^no connection with a server name/,
  ],
  [{ wire: { connections: encrypted } }, 'clear text', /of 0 plaintext connections does not hold/],
  [{ wire: { droppedPackets: 1 } }, 'encryption', /lost 1 packets and proves nothing/],
  [{ wire: { connections: [clearText, ...encrypted.slice(1)] } }, 'encryption', /^only 1 conn/],
  [
    { wire: { connections: [clearText, ...encrypted, connection(230, record(MARKER))] } },
    'encryption',
    /^the marker is readable 1 times/,
  ],
  [
    { wire: { connections: [clearText, ...encrypted, connection(230, Buffer.from('Q'))] } },
    'encryption',
    /^10\.24\.2\.23:230 spoke something else than TLS/,
  ],
  [
    { wire: { connections: [clearText, ...encrypted, connection(230, record('x'), 9)] } },
    'encryption',
    /lacks 9 bytes and proves nothing/,
  ],
  [
    { identities: { vm: { before: undefined, after: undefined } } },
    'identities',
    /^the VM's Envoy serves no certificate/,
  ],
  [
    { identities: { client: { before: undefined, after: identity(VM_ID, '9') } } },
    'identities',
    /^the client's certificate is of spiffe:.*postgresql-1-vm, not of spiffe:.*inventory$/,
  ],
  [
    { witness: { steps: [{ change: 'policy', isAlive: false, backend: 0 }] } },
    'witness',
    /^the witness session was cut by this change: policy$/,
  ],
  [
    { witness: { steps: [{ change: 'policy', isAlive: true, backend: 8 }] } },
    'witness',
    /cut by this change/,
  ],
  [{ witness: { rows: 0 } }, 'witness', /wrote 1 rows, PostgreSQL has 0/],
  [{ drain: { wasAliveInForce: false } }, 'drain', /cut at once/],
  [{ drain: { endedAfterMs: undefined } }, 'drain', /outlived/],
  [{ drain: { endedAfterMs: 9_000 } }, 'drain', /^the plaintext session lived 9000 ms/],
];

function change(part: Part): Evidence {
  const { rows, accessLog, wire, identities, witness, drain } = GOOD;
  return {
    rows: { ...rows, ...part.rows },
    accessLog: { ...accessLog, ...part.accessLog },
    wire: { ...wire, ...part.wire },
    identities: { ...identities, ...part.identities },
    witness: { ...witness, ...part.witness },
    drain: { ...drain, ...part.drain },
  };
}

test('each thing that is not as claimed fells its claim, with one sentence', () => {
  for (const [part, name, sentence] of WRONG) {
    const failed = judge(change(part)).filter(({ ok }) => !ok);
    assert.deepEqual(
      failed.map((check) => check.name),
      [name],
      String(sentence),
    );
    assert.match(failed[0]?.says ?? '', sentence);
    assert.doesNotMatch(failed[0]?.says ?? '', /\n|undefined/);
  }
});
