// Who may invite a machine, and what is refused before anything is made.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { silentLogger } from '#base/log.ts';
import type { AccessQuestion } from '#kube/user.ts';
import { Joins } from '#registry/joins/joins.ts';
import { UNUSED_CLIENT } from '../../fake-client.ts';
import { ApiRefusal, type ApiCall } from '../route.ts';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { joinRoutes, renderCommand } from './joins.ts';

async function stand(rights: { readonly mayJoin: boolean }) {
  const clock = new FakeClock(1_000_000);
  const store = { load: () => Promise.resolve([]), save: () => Promise.resolve() };
  const joins = await Joins.open({ store, clock, randomBytes, log: silentLogger });
  const { authority } = createFakeAuthority(clock.nowMs());
  const asked: AccessQuestion[] = [];
  const client = {
    ...UNUSED_CLIENT,
    reviewAccess: (_: unknown, question: AccessQuestion) => {
      asked.push(question);
      return Promise.resolve(rights.mayJoin);
    },
  };
  const view = { momentAt: () => undefined };
  const routes = joinRoutes({
    joins,
    client,
    view,
    clock,
    authority: { current: () => authority },
  });
  const post = async (body: unknown): Promise<unknown> => {
    const route = routes.find(({ method }) => method === 'POST');
    const call: Partial<ApiCall> = {
      params: {},
      body,
      user: { username: 'kim', uid: '', groups: [], extra: {} },
      signal: new AbortController().signal,
    };
    // oxlint-disable-next-line no-unsafe-type-assertion -- the rest of it is not used
    return await route?.handle(call as ApiCall);
  };
  return { post, joins, asked };
}

const REQUEST = {
  name: 'books-2-vm',
  namespace: 'shop',
  service: 'books',
  ports: ['tcp-postgres:5432'],
  serviceAccount: 'books',
  network: '',
  ttlSeconds: 900,
  gateway: '203.0.113.7',
};

const refused =
  (status: number, message: RegExp) =>
  (error: unknown): boolean => {
    assert(error instanceof ApiRefusal, String(error));
    assert.equal(error.status, status);
    assert.match(error.message, message);
    return true;
  };

test('without the right to let machines in as that account, nothing is made', async () => {
  const { post, joins, asked } = await stand({ mayJoin: false });
  const denied = /kim may not create joins of books in shop/;
  await assert.rejects(post(REQUEST), refused(403, denied));
  // no token of the account: what the machine gets is nothing to the API server
  const question = { verb: 'create', resource: 'joins', group: 'isthmus.dev' };
  assert.deepEqual(asked, [{ ...question, namespace: 'shop', name: 'books' }]);
  assert.deepEqual(joins.list(), []);
});

test('what cannot be is refused before anybody is asked', async () => {
  const { post, joins, asked } = await stand({ mayJoin: true });
  const cases: readonly [object, RegExp][] = [
    [{ name: '' }, /no name for a machine/],
    [{ name: '<img src=x>' }, /no name for a machine/],
    [{ name: "a'; rm -rf /" }, /no name for a machine/],
    [{ namespace: 'Shop' }, /no namespace/],
    [{ serviceAccount: 'a b' }, /no service account/],
    [{ ttlSeconds: 30 }, /ttlSeconds must be from 60 to 86400/],
    [{ ttlSeconds: '900' }, /ttlSeconds/],
    [{ gateway: '$(reboot)' }, /neither an IP address nor a DNS name/],
  ];
  for (const [change, message] of cases) {
    await assert.rejects(post({ ...REQUEST, ...change }), refused(400, message));
  }
  await assert.rejects(post(undefined), refused(400, /no name/));
  assert.deepEqual([joins.list(), asked], [[], []]);
});

test('the line is one word after another, whatever the address', () => {
  assert.equal(renderCommand('T', '203.0.113.7'), 'sudo isthmus vm join T@203.0.113.7:15012');
  assert.equal(renderCommand('T', '2001:db8::1'), 'sudo isthmus vm join T@[2001:db8::1]:15012');
});
