import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { parseRegistration, type RegisterWords } from './request.ts';

type Flags = Partial<RegisterWords['flags']>;

const parse = (typed: string, flags: Flags = {}) => {
  const all = { label: [], 'service-account': undefined, protocol: 'tcp', ...flags } as const;
  return parseRegistration({ operands: typed.split(' '), flags: all }, 'default');
};

test("the story's words", () => {
  assert.deepEqual(parse('postgresql-1-vm 10.128.0.14 5432'), {
    name: 'postgresql-1-vm',
    namespace: 'default',
    address: '10.128.0.14',
    ports: [{ port: 5432, name: 'tcp', protocol: 'tcp', isProtocolInName: true }],
    serviceAccount: 'postgresql-1-vm',
    labels: { app: 'postgresql-1-vm', version: 'v1' },
  });
});

test('ports get names that say their protocol, unless they have one', () => {
  const rows: readonly [string, Flags, string][] = [
    ['5432', {}, '5432 tcp tcp'],
    ['5432', { protocol: 'http' }, '5432 http http'],
    ['5432 5433', {}, '5432 tcp-5432 tcp, 5433 tcp-5433 tcp'],
    ['9000:tcp 8080:http-admin', {}, '9000 tcp tcp, 8080 http-admin http'],
    ['5432:database', {}, '5432 database tcp, by appProtocol'],
    ['8080:web', { protocol: 'http2' }, '8080 web http2, by appProtocol'],
  ];
  for (const [words, flags, expected] of rows) {
    const said = parse(`x 10.0.0.1 ${words}`, flags).ports.map(
      ({ port, name, protocol, isProtocolInName }) =>
        `${port} ${name} ${protocol}${isProtocolInName ? '' : ', by appProtocol'}`,
    );
    assert.equal(said.join(', '), expected, words);
  }
});

test('labels add to app and version, or take their place', () => {
  const { labels } = parse('x 10.0.0.1 80', { label: ['app=y,example.org/team=a', 'version='] });
  assert.deepEqual(labels, { app: 'y', version: '', 'example.org/team': 'a' });
});

test('what cannot be registered is named', () => {
  const rows: readonly [string, string, Flags?][] = [
    ['Postgres 10.0.0.1 80', '"Postgres" is no name for a service'],
    ['a.b 10.0.0.1 80', '"a.b" is no name for a service'],
    [`${'a'.repeat(64)} 10.0.0.1 80`, 'is no name for a service'],
    ['x 10.0.0.999 80', '"10.0.0.999" is no IP address'],
    ['x db.example.org 80', '"db.example.org" is no IP address'],
    ['x 127.0.0.1 80', '127.0.0.1 is no address by which others reach the machine'],
    ['x ::1 80', '::1 is no address by which others reach the machine'],
    ['x 239.1.1.1 80', '239.1.1.1 is no address by which others reach the machine'],
    ['x 10.0.0.1 0', '"0" is no port, such as 5432 or 8080:http'],
    ['x 10.0.0.1 65536', '"65536" is no port'],
    ['x 10.0.0.1 80:', '"80:" is no port'],
    ['x 10.0.0.1 80:HTTP', '"80:HTTP" is no port'],
    ['x 10.0.0.1 80 80', 'port 80 is named twice'],
    ['x 10.0.0.1 80:tcp 81:tcp', 'two ports are called tcp'],
    ['x 10.0.0.1 53:udp', 'port 53 is UDP, which the mesh does not carry'],
    ['x 10.0.0.1 80', '"team" is no label KEY=VALUE', { label: ['team'] }],
    ['x 10.0.0.1 80', '"A_" is no name for a service account', { 'service-account': 'A_' }],
  ];
  for (const [words, expected, flags] of rows) {
    assert.throws(
      () => parse(words, flags),
      (error) => {
        assert(error instanceof OperatorError && error.code === 'USAGE', words);
        assert(error.message.includes(expected), `${words}: ${error.message}`);
        return true;
      },
    );
  }
});
