import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_FORM, parseJoinForm, type JoinForm } from './form.ts';

const form = (facts: Partial<JoinForm>): JoinForm => ({
  ...EMPTY_FORM,
  name: 'mysql-2-vm',
  ...facts,
});

test('what was typed becomes the request', () => {
  const typed = { service: ' mysql ', ports: '3306, tcp-metrics:9104', network: 'us-east1-b' };
  assert.deepEqual(parseJoinForm(form(typed)), {
    ok: true,
    request: {
      name: 'mysql-2-vm',
      namespace: 'default',
      service: 'mysql',
      ports: ['3306', 'tcp-metrics:9104'],
      serviceAccount: 'default',
      network: 'us-east1-b',
      ttlSeconds: 900,
    },
  });
  assert.equal(parseJoinForm(form({})).ok, true, 'a machine without a service');
});

const WRONG: readonly (readonly [what: string, facts: Partial<JoinForm>, problem: RegExp])[] = [
  ['no name', { name: ' ' }, /needs a name/],
  ['a name that is none', { name: 'MySQL 2' }, /Not a name/],
  ['a name with markup', { name: '<img src=x>' }, /Not a name/],
  ['a namespace with a dot', { namespace: 'a.b' }, /Not a namespace/],
  ['a service without a port', { service: 'mysql' }, /needs a port/],
  ['a port without a service', { ports: '3306' }, /belong to a service/],
  ['port 0', { service: 'mysql', ports: '0' }, /“0” is no port/],
  ['port 65536', { service: 'mysql', ports: 'tcp:65536' }, /is no port/],
  ['a port in words', { service: 'mysql', ports: '3306 mysql' }, /“mysql” is no port/],
  ['half a minute', { minutes: '0.5' }, /Whole minutes/],
  ['two days', { minutes: '2880' }, /Whole minutes/],
  ['an account that is none', { serviceAccount: 'a/b' }, /Not a service account/],
];

for (const [what, facts, problem] of WRONG) {
  test(`refuses ${what}`, () => {
    const parsed = parseJoinForm(form(facts));
    assert(!parsed.ok);
    assert.match(Object.values(parsed.problems).join('\n'), problem);
  });
}
