import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { isReplyTo, withId } from './exchange.ts';
import { askInTurn, type AskUpstream } from './upstream.ts';

const TIMES = { nextAfterMs: 1500, totalMs: 4500 };
const UPSTREAMS = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address, port: 53 }));
const QUERY = Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const reply = (rcode: number): Uint8Array =>
  Uint8Array.of(0, 1, 0x81, 0x80 | rcode, 0, 0, 0, 0, 0, 0, 0, 0);

type Behaviour = 'silent' | 'refuses' | Uint8Array;

function askAll(behaviours: readonly Behaviour[], signal = new AbortController().signal) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const ask: AskUpstream = async (_query, { address }, signal) => {
    asked.push(address);
    const behaviour = behaviours[UPSTREAMS.findIndex((upstream) => upstream.address === address)];
    if (behaviour === 'refuses') throw new Error('ECONNREFUSED');
    if (behaviour instanceof Uint8Array) return behaviour;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
  const upstreams = UPSTREAMS.slice(0, behaviours.length);
  const found = askInTurn(QUERY, { upstreams, ask, clock, times: TIMES, signal });
  return { clock, asked, found };
}

test('the first resolver that answers is enough', async () => {
  const { asked, found } = askAll([reply(0), reply(0)]);
  assert.deepEqual(await found, reply(0));
  assert.deepEqual(asked, ['10.0.0.1']);
});

test('that a name does not exist is an answer', async () => {
  const { asked, found } = askAll([reply(3), reply(0)]);
  assert.deepEqual(await found, reply(3));
  assert.deepEqual(asked, ['10.0.0.1']);
});

test('after a failure the next one is asked at once', async () => {
  for (const failure of ['refuses', reply(2), reply(5)] as const) {
    const { asked, found } = askAll([failure, reply(0)]);
    assert.deepEqual(await found, reply(0));
    assert.deepEqual(asked, ['10.0.0.1', '10.0.0.2']);
  }
});

test('after a silence the next one is asked', async () => {
  const { clock, asked, found } = askAll(['silent', reply(0)]);
  await clock.untilSleeping(TIMES.nextAfterMs);
  assert.deepEqual(asked, ['10.0.0.1']);
  clock.advance(TIMES.nextAfterMs);
  assert.deepEqual(await found, reply(0));
  assert.deepEqual(clock.pendingMs(), [], 'no timer is left behind');
});

test('a resolver’s own failure is passed on when there is nothing better', async () => {
  assert.deepEqual(await askAll(['refuses', reply(2), 'refuses']).found, reply(2));
});

test('nobody answers: given up in good time', async () => {
  const { clock, asked, found } = askAll(['silent', 'silent', 'silent']);
  await clock.untilSleeping(2 * TIMES.nextAfterMs);
  clock.advance(TIMES.totalMs);
  assert.equal(await found, undefined);
  assert(asked.length >= 1);
  assert.deepEqual(clock.pendingMs(), []);
});

test('no resolver at all', async () => {
  assert.equal(await askAll([]).found, undefined);
});

test('stopping ends the asking', async () => {
  const stop = new AbortController();
  const { clock, found } = askAll(['silent'], stop.signal);
  await clock.untilSleeping(TIMES.totalMs);
  stop.abort(new Error('stopping'));
  assert.equal(await found, undefined);
});

const QUESTION = '03777777076578616d706c6503636f6d0000010001';
const message = (head: string, question = QUESTION): Uint8Array =>
  Buffer.from(`${head}${question}`, 'hex');
const ASKED = message('beef01000001000000000000');

const REPLIES: readonly (readonly [what: string, bytes: Uint8Array, isReply: boolean])[] = [
  ['the reply', message('beef81800001000000000000'), true],
  ['in another case', message('beef81800001000000000000', QUESTION.replace('77', '57')), true],
  ['another id', message('beee81800001000000000000'), false],
  ['the query itself', ASKED, false],
  ['about another name', message('beef81800001000000000000', QUESTION.replace('77', '78')), false],
  [
    'about another type',
    message('beef81800001000000000000', QUESTION.replace('00010001', '001c0001')),
    false,
  ],
  ['an error without a question', message('beef81820000000000000000', ''), true],
  ['a success without a question', message('beef81800000000000000000', ''), false],
  ['cut off', message('beef818000', ''), false],
];

for (const [what, bytes, isReply] of REPLIES) {
  test(`${isReply ? 'taken' : 'ignored'} as a reply: ${what}`, () => {
    assert.equal(isReplyTo(ASKED, bytes), isReply);
  });
}

test('another id changes the id and nothing else', () => {
  const changed = withId(ASKED, 0x0102);
  assert.deepEqual([...changed], [1, 2, ...ASKED.subarray(2)]);
});
