import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReachResult } from '#api/reach.ts';
import type { OperatorError } from '#base/operator-error.ts';
import { ReachLibrary, HEALTHY, connect } from '#reach/fake-library.ts';
import { askIdentity } from './identity.ts';
import { askWhy, placeOf } from './why.ts';

const dropped = new ReachLibrary().explain({
  evidence: {
    answers: { ...HEALTHY, direct: connect({ outcome: 'timed-out', connectMs: 3000 }) },
  },
});
const healthy = new ReachLibrary().explain();
const unknown = new ReachLibrary().explain({ evidence: { flow: undefined } });

async function typed(answer: unknown, output: 'table' | 'json' = 'table') {
  const printed: string[] = [];
  const sent: unknown[] = [];
  const api = {
    url: 'http://console',
    send: (_: string, __: string, body?: unknown) => {
      sent.push(body);
      return Promise.resolve(answer);
    },
  };
  const status = await askWhy(api, {
    operands: ['inventory.library', 'db.default:5432'],
    flags: {
      output,
      probe: true,
      'console-url': undefined,
      kubeconfig: undefined,
      context: undefined,
    },
    print: (text) => printed.push(text),
  });
  return { status, text: printed.join('\n'), sent };
}

const onWire = (result: ReachResult): unknown => JSON.parse(JSON.stringify(result));

describe('isthmus why', () => {
  test('ends with a status that scripts can go by', async () => {
    assert.equal((await typed(onWire(healthy))).status, 0);
    assert.equal((await typed(onWire(dropped))).status, 1);
    assert.equal((await typed(onWire(unknown))).status, 2);
  });

  test('asks what was typed', async () => {
    const { sent } = await typed(onWire(healthy));
    const asked = { from: 'inventory.library', to: 'db.default', port: 5432, isProbing: true };
    assert.deepEqual(sent, [asked]);
  });

  test('shows the step that decided with its fix, and what lies behind as foretold', async () => {
    const { text } = await typed(onWire(dropped));
    const lines = text.split('\n');
    assert.match(lines[0] ?? '', /^inventory\.library → db\.default.*:5432 {2}Cannot connect — /);
    assert.match(text, /^✗ {2}6 Network +connect to 10\.128\.0\.14:5432 timed out .*\[probed\]$/m);
    assert.match(text, /^ {6}smallest fix: allow tcp:5432 from 10\.24\.2\.23/m);
    assert.match(
      text,
      /^ {6}gcloud:\n {8}gcloud compute firewall-rules create isthmus-10-24-2-23-/m,
    );
    assert.match(
      text,
      /^ {6}nft:\n.*\n {8}nft 'insert rule inet filter input ip saddr 10\.24\.2\.23/m,
    );
    assert.match(text, /^· {2}9 Authorization +not reached; foretold: ALLOW/m);
  });

  test('says how to find out what is not known', async () => {
    const { text } = await typed(onWire(unknown));
    assert.match(text, /^\? {2}6 Network +not known: /m);
    assert.match(text, /^to find out: isthmus why .* --probe$/m);
  });

  test('says why it can, for those who ask that', async () => {
    const { text } = await typed(onWire(healthy));
    assert.match(
      text,
      /^because: ALLOW: no ALLOW policy .*; the server sees spiffe:.*; mutual TLS/m,
    );
  });

  test('prints the answer for programs', async () => {
    const { text } = await typed(onWire(healthy), 'json');
    assert.deepEqual(JSON.parse(text), { ...healthy, back: null });
  });

  test('an answer of another form is no bug of ours', async () => {
    await assert.rejects(typed({ steps: [] }), { code: 'CONTROL_PLANE_UNREACHABLE' });
  });
});

describe('a place', () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ['db.default:5432', 'db.default', 5432],
    ['db.default', 'db.default', 0],
    ['[2001:db8::1]:443', '2001:db8::1', 443],
    ['wl:default/db:5432', 'wl:default/db', 5432],
  ];
  for (const [text, to, port] of rows) {
    test(text, () => assert.deepEqual(placeOf(text), { to, port }));
  }
  for (const text of ['', 'db:0', 'db:65536', '[x']) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(
        () => placeOf(text),
        ({ code }: OperatorError) => code === 'USAGE',
      );
    });
  }
});

describe('isthmus identity', () => {
  const certificate = {
    identity: 'spiffe://cluster.local/ns/default/sa/db',
    serial: '0a',
    notBeforeMs: 0,
    notAfterMs: 80_047_000,
    limitedBy: 'leaf',
    issuer: 'O=cluster.local',
    rotateAtMs: 36_847_000,
    rotations: 12,
    source: 'issued',
  };
  const report = {
    nowMs: 0,
    encryptedShare: null,
    plaintextEdges: 0,
    oneSidedEdges: 1,
    certificates: [
      { node: 'wl:default/db', workload: 'db', isVm: true, certificate, remark: '' },
      { node: 'wl:old/legacy', workload: 'legacy', isVm: false, certificate: null, remark: 'why' },
    ],
    trust: { trustDomain: 'cluster.local', roots: [{ subject: 'O=x', fingerprint: 'aa:bb' }] },
  };
  const flags = {
    output: 'table',
    'console-url': undefined,
    kubeconfig: undefined,
    context: undefined,
  } as const;
  const api = { url: 'http://console', get: () => Promise.resolve(report) };

  test('what is not known is unknown, and not none', async () => {
    const printed: string[] = [];
    await askIdentity(api, { operands: [], flags, print: (text) => printed.push(text) });
    const text = printed.join('\n');
    assert.match(text, /^db\.default +VM +spiffe:\S+ +22:14:07 +in 10:14:07 ×12 +issued/m);
    assert.match(text, /^legacy\.old +- +unknown +- +- +- +why$/m);
    assert.match(text, /^encrypted no bytes in 5 min, 0 plaintext edges, 1 seen by one end only$/m);
  });

  test('what is overdue, and what has ended, is said in words', async () => {
    const late = { ...report, nowMs: certificate.rotateAtMs + 60_000 };
    const over = { ...report, nowMs: certificate.notAfterMs + 5000 };
    for (const [page, words] of [
      [late, /overdue 00:01:00 ×12/],
      [over, /expired 00:00:05 ago +overdue/],
    ] as const) {
      const printed: string[] = [];
      const told = { ...api, get: () => Promise.resolve(page) };
      await askIdentity(told, { operands: [], flags, print: (text) => printed.push(text) });
      assert.match(printed.join('\n'), words);
    }
  });

  test('of one, and of nobody', async () => {
    const printed: string[] = [];
    const print = (text: string) => printed.push(text);
    await askIdentity(api, { operands: ['legacy.old'], flags, print });
    assert(!printed.join().includes('db.default'));
    await assert.rejects(askIdentity(api, { operands: ['nobody'], flags, print }), {
      code: 'NOT_FOUND',
    });
  });
});
