import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_FORM, parseJoinForm, tokenCommand, type JoinForm } from './form.ts';

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
      serviceAccount: 'mysql',
      network: 'us-east1-b',
      address: '',
      gateway: '',
      ttlSeconds: 900,
    },
  });
  assert.equal(parseJoinForm(form({})).ok, true, 'a machine without a service');
  const ownName = parseJoinForm(form({ ports: '3306' }));
  assert(ownName.ok);
  assert.equal(ownName.request.service, 'mysql-2-vm', 'ports are of a service of its own name');
});

test('the same can be asked from a shell', () => {
  const command = (facts: Partial<JoinForm>): string => {
    const parsed = parseJoinForm(form(facts));
    assert(parsed.ok);
    return tokenCommand(parsed.request);
  };
  assert.equal(command({}), 'isthmus vm token mysql-2-vm -n default');
  const typed = {
    service: 'mysql',
    ports: 'tcp-mysql:3306 9104',
    namespace: 'inventory',
    serviceAccount: 'db',
    network: 'us-east1-b',
    gateway: '34.1.2.3',
    minutes: '60',
  };
  assert.equal(
    command(typed),
    'isthmus vm token mysql-2-vm 3306:tcp-mysql 9104 --service mysql -n inventory ' +
      '--service-account db --network us-east1-b --gateway 34.1.2.3 --token-duration 60m',
  );
});

const WRONG: readonly (readonly [what: string, facts: Partial<JoinForm>, problem: RegExp])[] = [
  ['no name', { name: ' ' }, /needs a name/],
  ['a name that is none', { name: 'MySQL 2' }, /Not a name/],
  ['a name with markup', { name: '<img src=x>' }, /Not a name/],
  ['a namespace with a dot', { namespace: 'a.b' }, /Not a namespace/],
  ['a service without a port', { service: 'mysql' }, /needs a port/],
  ['port 0', { service: 'mysql', ports: '0' }, /“0” is no port/],
  ['port 65536', { service: 'mysql', ports: 'tcp:65536' }, /is no port/],
  ['a port in words', { service: 'mysql', ports: '3306 mysql' }, /“mysql” is no port/],
  ['half a minute', { minutes: '0.5' }, /Whole minutes/],
  ['two days', { minutes: '2880' }, /Whole minutes/],
  ['an address with blanks', { gateway: 'a b' }, /Not an address/],
  ['an account that is none', { serviceAccount: 'a/b' }, /Not a service account/],
];

for (const [what, facts, problem] of WRONG) {
  test(`refuses ${what}`, () => {
    const parsed = parseJoinForm(form(facts));
    assert(!parsed.ok);
    assert.match(Object.values(parsed.problems).join('\n'), problem);
  });
}
