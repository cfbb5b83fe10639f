import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '#base/clock.ts';
import { meshOf } from '#model/mesh-of.ts';
import { CLIENT_ID, LIBRARY, NOW, SERVER_ID } from '#reach/fake-library.ts';
import type { SeenCall } from '#reach/impact.ts';
import type { Edit } from '#reach/rehearsal.ts';
import { Rehearsals } from './rehearsals.ts';

const NOBODY: Edit = {
  kind: 'AuthorizationPolicy',
  namespace: 'default',
  name: 'nobody',
  before: undefined,
  after: {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'nobody', namespace: 'default' },
    spec: {},
  },
};
/** So many that others get their turn between them. */
const CALLS = Array.from({ length: 120 }, (_, index): SeenCall => ({
  from: 'wl:library/inventory',
  to: 'wl:default/postgresql-1-vm',
  port: 5432 + index, // each is judged for itself
  clientIdentity: CLIENT_ID,
  serverIdentity: SERVER_ID,
  protocol: 'tcp',
  service: 'db.default.svc.cluster.local',
  lastSeenMs: NOW - index,
  bytes: index,
  openConnections: 0,
}));

/** Others' turns are counted, and may do something. */
function world(onTurn: () => void = () => undefined) {
  let turns = 0;
  const clock: Clock = {
    nowMs: () => NOW,
    sleep: async () => {
      await Promise.resolve();
      turns += 1;
      onTurn();
    },
  };
  const rehearsals = new Rehearsals({ mesh: meshOf(LIBRARY), clock });
  return { rehearsals, turns: () => turns };
}

const never = new AbortController().signal;

test('two at once are answered one after the other, each of the mesh as it is', async () => {
  const { rehearsals, turns } = world();
  const [refusing, removing] = await Promise.all([
    rehearsals.impactOf([NOBODY], CALLS, never),
    rehearsals.impactOf([{ ...NOBODY, after: undefined }], CALLS, never),
  ]);
  assert.deepEqual([refusing?.refused.length, removing?.refused.length], [120, 0]);
  assert(turns() >= 8, `${turns()} turns of others`);
});

test('whoever has gone is not answered, and leaves nothing behind', async () => {
  const control = new AbortController();
  const { rehearsals } = world(() => control.abort());
  const [gone, next] = await Promise.all([
    rehearsals.impactOf([NOBODY], CALLS, control.signal),
    rehearsals.impactOf([{ ...NOBODY, after: undefined }], CALLS, never),
  ]);
  assert.equal(gone, undefined);
  assert.deepEqual([next?.refused.length, next?.unchanged.length], [0, 120]);
});

test('more than twenty at once are not all worked out, and no answer is no good news', async () => {
  const { rehearsals } = world();
  const answers = await Promise.all(
    Array.from({ length: 25 }, async () => rehearsals.impactOf([NOBODY], CALLS.slice(0, 1), never)),
  );
  assert.equal(answers.filter((answer) => answer === undefined).length, 5);
  assert.equal((await rehearsals.impactOf([NOBODY], CALLS, never))?.refused.length, 120);
});
