import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ability } from '#api/session.ts';
import type { AccessQuestion, KubeUser } from '#kube/user.ts';
import { FakeKubeClient } from '#kube/fake-kube-client.ts';
import { NAMESPACE } from '#kube/resources.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { AbilityReviews } from './abilities.ts';
import { AccessReviews } from './access.ts';

const KIM: KubeUser = { username: 'kim', uid: '', groups: ['staff'], extra: {} };
const ALL: readonly Ability[] = ['probe', 'join', 'policies', 'proxy', 'logs'];

/** @param mayIn where kim may do everything; everybody may look everywhere */
async function stand(options: { readonly mayIn: string; readonly namespaces: readonly string[] }) {
  const client = new FakeKubeClient();
  for (const name of options.namespaces) await client.create(NAMESPACE, { metadata: { name } });
  const questions: AccessQuestion[] = [];
  const clock = new FakeClock(1_000);
  const access = new AccessReviews(
    {
      reviewAccess: (_, question) => {
        questions.push(question);
        return Promise.resolve(question.verb === 'get' || question.namespace === options.mayIn);
      },
    },
    clock,
  );
  const abilities = new AbilityReviews({ access, client, clock, acting: { groups: undefined } });
  return { abilities, questions, clock };
}

const those = (can: Readonly<Record<Ability, boolean>>): readonly Ability[] =>
  ALL.filter((ability) => can[ability]);

test('what one may in a namespace is not what one may everywhere', async () => {
  const { abilities } = await stand({ mayIn: 'shop', namespaces: ['default', 'shop'] });
  const everywhere = await abilities.in(KIM, '');
  assert.deepEqual(those(everywhere), ['proxy', 'logs']);
  assert.deepEqual(those(await abilities.in(KIM, 'shop')), ALL);
  assert.deepEqual(those(await abilities.in(KIM, 'default')), ['proxy', 'logs']);
  assert.deepEqual(those(await abilities.somewhere(KIM, everywhere)), ALL);
});

test('who may nothing anywhere is offered nothing, and few questions are asked', async () => {
  const namespaces = Array.from({ length: 20 }, (_, index) => `n${index}`);
  const { abilities, questions, clock } = await stand({ mayIn: 'elsewhere', namespaces });
  const everywhere = await abilities.in(KIM, '');
  assert.deepEqual(those(await abilities.somewhere(KIM, everywhere)), ['proxy', 'logs']);
  const asked = questions.length;
  assert.equal(asked, ALL.length + 3 * namespaces.length);
  clock.advance(5_000);
  await abilities.somewhere(KIM, everywhere);
  assert.equal(questions.length, asked, 'remembered');
});

test('of very many namespaces not all are asked about: it is offered, and refused there', async () => {
  const namespaces = Array.from({ length: 200 }, (_, index) => `n${index}`);
  const { abilities, questions } = await stand({ mayIn: 'elsewhere', namespaces });
  const everywhere = await abilities.in(KIM, '');
  assert.deepEqual(those(await abilities.somewhere(KIM, everywhere)), ALL);
  assert.equal(questions.length, ALL.length + 3 * 64);
});

test('nothing to write is offered to those in whose name nothing is written', async () => {
  const { abilities } = await stand({ mayIn: '', namespaces: ['default'] });
  const root = { ...KIM, groups: ['system:masters'] };
  const can = await abilities.in(root, '');
  assert.deepEqual(those(can), ['probe', 'proxy', 'logs']);
  assert.deepEqual(those(await abilities.somewhere(root, can)), ['probe', 'proxy', 'logs']);
  assert.match(abilities.readOnlyReason(root), /in the name of members of system:masters/);
  assert.equal(abilities.readOnlyReason(KIM), '');
});
