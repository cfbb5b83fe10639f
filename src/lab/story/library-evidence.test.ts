import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../connections.ts';
import { type Evidence, judgeLibrary } from './library-evidence.ts';

const MARKER = 'INSERT INTO books';
const CLIENT_ID = 'spiffe://cluster.local/ns/library/sa/inventory';
const VM_ID = 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm';
const TITLES = ['Fun Home', 'Gateway', 'Kokoro'];

const record = (content: string): Buffer =>
  Buffer.concat([Buffer.from([23, 3, 3, 0, content.length]), Buffer.from(content)]);

const connection = (openedAtMs: number, fromClient: Uint8Array): Connection => ({
  openedAtMs,
  client: `10.24.2.23:${openedAtMs}`,
  server: '10.128.0.14:5432',
  fromClient,
  fromServer: record('answer'),
  missingBytes: 0,
});

const clearText = connection(10, Buffer.from(`${MARKER} (id) VALUES ($1)`));
const encrypted = connection(210, record('one'));

const REQUEST = {
  text: '',
  method: 'POST',
  status: '201',
  requestId: 'it',
  cluster: 'outbound|80||catalogue.library.svc.cluster.local',
};

const GOOD: Evidence = {
  marker: MARKER,
  connections: [clearText, encrypted],
  droppedPackets: 0,
  askedAtMs: 100,
  inForceAtMs: 200,
  inserted: TITLES,
  committed: TITLES,
  failuresAfterFirst: [],
  identities: { client: CLIENT_ID, vm: VM_ID },
  drain: { announcedMs: 3_000, wasAliveInForce: true, endedAfterMs: 3_100 },
  vmLog: [],
  request: {
    client: REQUEST,
    server: {
      ...REQUEST,
      cluster: 'inbound|8080|http|catalogue.library.svc.cluster.local',
    },
  },
  visit: { url: 'http://203.0.113.10/', title: 'Library', added: 'Gateway' },
  wayIn: {
    vm: '10.128.0.14',
    gateway: '203.0.113.10',
    gatewayPods: ['10.24.2.2'],
    vmDials: ['203.0.113.10'],
    controlPlaneSees: ['10.24.2.2'],
    isDirectDropped: true,
  },
};

test('a story in which all went well, claim by claim', () => {
  const checks = judgeLibrary(GOOD);
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    ['page', 'request', 'way in', 'books', 'clear text', 'encryption', 'identities', 'drain'].map(
      (name) => [name, true],
    ),
  );
  assert.match(checks.map(({ says }) => says).join('\n'), /^3 in PostgreSQL, each once, the same/m);
});

/** The good story with one thing otherwise, and the one claim that must fall, with its sentence. */
const WRONG: readonly (readonly [Partial<Evidence>, name: string, sentence: RegExp])[] = [
  [{ committed: ['Fun Home', 'Gateway'] }, 'books', /^3 ✅ lines, 2 rows, 1 of them missing$/],
  [{ committed: [...TITLES, 'Kokoro'] }, 'books', /^3 ✅ lines, 4 rows/],
  [{ failuresAfterFirst: ['❌ Kokoro: refused'] }, 'books', /^refused after the first was in: ❌/],
  [{ connections: [encrypted] }, 'clear text', /read 0 times/],
  [{ connections: [clearText] }, 'encryption', /^0 of 0 connections/],
  [
    { connections: [clearText, encrypted, connection(220, Buffer.from('SELECT'))] },
    'encryption',
    /^1 of 2 connections after them are TLS$/,
  ],
  [{ droppedPackets: 1 }, 'encryption', /^1 of 1/],
  [{ identities: { client: VM_ID, vm: VM_ID } }, 'identities', /the client is "spiffe:\S+postgres/],
  [{ identities: { client: CLIENT_ID, vm: '' } }, 'identities', /the VM "", not spiffe:/],
  [
    { drain: { announcedMs: 3_000, wasAliveInForce: false, endedAfterMs: 0 } },
    'drain',
    /cut at once/,
  ],
  [
    { drain: { announcedMs: 3_000, wasAliveInForce: true, endedAfterMs: undefined } },
    'drain',
    /outlived/,
  ],
];

for (const [change, name, sentence] of WRONG) {
  test(`${name} falls: ${sentence.source}`, () => {
    const fallen = judgeLibrary({ ...GOOD, ...change }).filter(({ ok }) => !ok);
    assert.deepEqual(
      fallen.map((check) => check.name),
      [name],
    );
    assert.match(fallen[0]?.says ?? '', sentence);
  });
}
