import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeStatusError } from '#kube/status.ts';
import type { KubeUser } from '#kube/user.ts';
import { actingAs, actingWithin } from './acting.ts';
import { UNUSED_CLIENT } from './fake-client.ts';

const userOf = (username: string, ...groups: readonly string[]): KubeUser => ({
  username,
  uid: '',
  groups,
  extra: {},
});
const ANY = { groups: undefined };
const ACCOUNT = 'system:serviceaccount:shop:ed';
const OF_ACCOUNTS = ['system:serviceaccounts', 'system:serviceaccounts:shop'];

const NEVER: readonly KubeUser[] = [
  userOf('admin', 'system:masters', 'system:authenticated'),
  userOf('kim', 'staff', 'system:nodes'),
  userOf('kim', 'system:bootstrappers'),
  userOf('kim', 'system:unauthenticated'),
  userOf('kim', 'system:serviceaccounts:shop:extra'),
  userOf('system:kube-controller-manager'),
  userOf('system:node:worker-1', 'system:nodes'),
  userOf('system:anonymous', 'system:unauthenticated'),
  userOf('system:serviceaccount:shop'),
  userOf(''),
];

for (const user of NEVER) {
  test(`nothing is written as ${user.username || 'nobody'} of ${user.groups.join(', ')}`, () => {
    assert.equal(actingAs(user, ANY).ok, false);
    const client = actingWithin(UNUSED_CLIENT, ANY);
    assert.throws(
      () => client.as(user),
      (error) => error instanceof KubeStatusError && error.status.code === 403,
    );
  });
}

/** Whom a client within the rules asks the API server to act as. */
function askedFor(user: KubeUser, groups: ReadonlySet<string> | undefined): KubeUser | undefined {
  let asked: KubeUser | undefined;
  const client = { ...UNUSED_CLIENT, as: (one: KubeUser) => ((asked = one), UNUSED_CLIENT) };
  actingWithin(client, { groups }).as(user);
  return asked;
}

test('groups that the API server adds by itself are not asked for', () => {
  const account = userOf(ACCOUNT, ...OF_ACCOUNTS, 'system:authenticated');
  assert.deepEqual(askedFor(account, undefined), userOf(ACCOUNT));
  const kim = userOf('kim', 'staff', 'system:authenticated');
  assert.deepEqual(askedFor(kim, undefined), userOf('kim', 'staff'));
});

test('where groups are listed, no other is taken along', () => {
  const kim = userOf('kim', 'staff', 'admins', 'system:authenticated');
  assert.deepEqual(askedFor(kim, new Set(['staff'])), userOf('kim', 'staff'));
  const acting = actingAs(kim, { groups: new Set(['staff']) });
  assert(acting.ok);
  // asked about by these, so that nothing is offered which is then refused
  assert.deepEqual(acting.user.groups, ['staff', 'system:authenticated']);
});
