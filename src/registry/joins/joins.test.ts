import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { Joins, JOINS_OPEN_MAX, TooManyJoins, type Invitation } from './joins.ts';
import { createJoinStore } from './store.ts';
import { createToken, isSecret, hashOfSecret, parseToken, pinOf, renderToken } from './token.ts';

const folder = await mkdtemp(joinPath(tmpdir(), 'joins-'));
after(() => rm(folder, { recursive: true, force: true }));
const PIN = pinOf(Buffer.from('root'));

let files = 0;
const openJoins = async (path = joinPath(folder, `${(files += 1)}.json`)) => {
  const clock = new FakeClock(1_000_000);
  const store = createJoinStore(path);
  const joins = await Joins.open({ store, clock, randomBytes, log: silentLogger });
  return { joins, clock, path };
};

const invitation = (changes: Partial<Invitation> = {}): Invitation => ({
  name: 'db',
  namespace: 'default',
  serviceAccount: 'db',
  by: 'kim',
  host: '203.0.113.7',
  port: 15_012,
  ports: [5432],
  address: '',
  workload: 'db',
  enrolment: {
    name: 'db',
    workload: 'db',
    namespace: 'default',
    ports: [],
    serviceAccount: '',
    network: '',
  },
  ttlMs: 900_000,
  pin: PIN,
  ...changes,
});

test('a token is taken once, also by a control plane that was started again', async () => {
  const { joins, path } = await openJoins();
  const { token, join } = await joins.invite(invitation());
  const first = await joins.redeem(token);
  assert(first.ok);
  assert.equal(first.value.id, join.id);
  const again = await joins.redeem(token);
  assert(!again.ok);
  assert.match(again.problem, /^the token was used already, at 1970/);
  const { joins: restarted } = await openJoins(path);
  const late = await restarted.redeem(token);
  assert(!late.ok);
  assert.match(late.problem, /used already/);
});

test('of many at once one gets in', async () => {
  const { joins } = await openJoins();
  const { token } = await joins.invite(invitation());
  const all = await Promise.all(Array.from({ length: 20 }, () => joins.redeem(token)));
  assert.equal(all.filter(({ ok }) => ok).length, 1);
});

test('what is not on disk is not given', async () => {
  const clock = new FakeClock(0);
  let isFull = false;
  const store = {
    load: () => Promise.resolve([]),
    save: () => (isFull ? Promise.reject(new Error('disk full')) : Promise.resolve()),
  };
  const joins = await Joins.open({ store, clock, randomBytes, log: silentLogger });
  const { token } = await joins.invite(invitation());
  isFull = true;
  await assert.rejects(joins.redeem(token), /disk full/);
  isFull = false;
  const again = await joins.redeem(token);
  assert.equal(again.ok, false); // nobody knows who has seen it
});

test('an expired token, a forged one, a cut one, one of another join', async () => {
  const { joins, clock } = await openJoins();
  const { token } = await joins.invite(invitation());
  const other = await joins.invite(invitation({ name: 'web' }));
  const parsed = parseToken(token);
  const foreign = parseToken(other.token);
  assert(parsed.ok && foreign.ok);
  const refusals: readonly [string, RegExp][] = [
    [renderToken({ ...parsed.value, secret: foreign.value.secret }), /not known/],
    [renderToken({ ...parsed.value, id: foreign.value.id }), /not known/],
    [renderToken(createToken(randomBytes, PIN)), /not known/],
    [token.slice(0, -1), /not whole/],
    ['', /no token/],
    [`${token}\n`, /not whole/],
    ['a'.repeat(1 << 20), /no token/],
  ];
  for (const [text, problem] of refusals) {
    const refused = await joins.redeem(text);
    assert(!refused.ok);
    assert.match(refused.problem, problem);
  }
  clock.advance(900_000);
  const late = await joins.redeem(token);
  assert(!late.ok);
  assert.match(late.problem, /^the token expired at/);
  joins.tick();
  assert.equal(joins.get(parsed.value.id)?.state, 'failed');
  assert.match(joins.get(parsed.value.id)?.steps[1]?.problem ?? '', /expired before it was used/);
});

test('what is kept does not have the token in it, and is for its owner only', async () => {
  const { joins, path } = await openJoins();
  const { token } = await joins.invite(invitation());
  const parsed = parseToken(token);
  assert(parsed.ok);
  const text = await readFile(path, 'utf8');
  assert(text.includes(parsed.value.id) && !text.includes(parsed.value.secret));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert(!JSON.stringify(joins.list()).includes(parsed.value.secret));
});

test('a new invitation cancels the unused one before it; one in use goes on', async () => {
  const { joins } = await openJoins();
  const first = await joins.invite(invitation());
  const second = await joins.invite(invitation());
  assert.equal(joins.get(first.join.id)?.state, 'cancelled');
  const refused = await joins.redeem(first.token);
  assert(!refused.ok && /cancelled/.test(refused.problem));
  assert((await joins.redeem(second.token)).ok);
  await joins.invite(invitation());
  assert.equal(joins.get(second.join.id)?.state, 'running');
});

test('a machine that joins anew ends its join before', async () => {
  const { joins } = await openJoins();
  const first = await joins.invite(invitation());
  assert((await joins.redeem(first.token)).ok);
  joins.bind(first.join.id, 'db-10.0.0.1');
  const second = await joins.invite(invitation());
  assert((await joins.redeem(second.token)).ok);
  joins.bind(second.join.id, 'db-10.0.0.1');
  const states = [first, second].map(({ join }) => joins.get(join.id)?.state);
  assert.deepEqual(states, ['failed', 'running']);
});

test('no more than so many last at once', async () => {
  const { joins } = await openJoins();
  for (let count = 0; count < JOINS_OPEN_MAX; count += 1) {
    await joins.invite(invitation({ name: `db-${count}` }));
  }
  await assert.rejects(joins.invite(invitation({ name: 'one-more' })), TooManyJoins);
});

test('a spoiled file is said to be one, and stays as it is', async () => {
  const path = joinPath(folder, 'spoiled.json');
  for (const text of ['', '{', '{"version":1,"records":[{"id":1},null,7]}', '{"version":2}']) {
    await writeFile(path, text);
    await assert.rejects(openJoins(path), /spoiled\.json is not what isthmusd has written/);
    assert.equal(await readFile(path, 'utf8'), text);
  }
});

test('late joins are told of once', async () => {
  const { joins, clock } = await openJoins();
  await joins.invite(invitation());
  const states: string[] = [];
  joins.onChange(({ state }) => states.push(state));
  for (let second = 0; second < 14; second += 1) {
    clock.advance(1_000);
    joins.tick();
  }
  assert.deepEqual(states, ['stuck']);
});

test('a secret is told from another one, of whatever length', () => {
  const { secret } = createToken(randomBytes, PIN);
  assert(isSecret(secret, hashOfSecret(secret)));
  assert(!isSecret(`${secret}x`, hashOfSecret(secret)));
  assert(!isSecret(secret, 'short'));
  assert(!isSecret(secret, ''));
});
