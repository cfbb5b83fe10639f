import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { parseApiServerConfig } from './config.ts';

test('only the data folder must be given', () => {
  const config = parseApiServerConfig(['--data-dir', '/d']);
  assert.equal(config.dataDir, '/d');
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 6443 });
  assert.equal(config.serviceCidr, '10.96.0.0/16');
  assert.deepEqual(parseApiServerConfig([], { ISTHMUS_APISERVER_DATA_DIR: '/d' }), config);
});

test('flags say otherwise, and ranges lose their host bits', () => {
  const config = parseApiServerConfig([
    '--data-dir=/d',
    '--listen=[::1]:0',
    '--service-cidr=10.1.2.3/20',
    '--tls-san=a.example',
    '--tls-san=10.0.0.9',
  ]);
  assert.deepEqual(config.listen, { host: '::1', port: 0 });
  assert.equal(config.serviceCidr, '10.1.0.0/20');
  assert.deepEqual(config.tlsNames, ['a.example', '10.0.0.9']);
});

const REFUSED: readonly (readonly [string, readonly string[], string])[] = [
  ['no data folder', [], 'USAGE'],
  ['an unknown flag', ['--data-dir', '/d', '--lisen', 'x'], 'USAGE'],
  ['a host name to listen on', ['--data-dir', '/d', '--listen', 'a.example:1'], 'CONFIG_INVALID'],
  ['a port that is none', ['--data-dir', '/d', '--listen', '127.0.0.1:99999'], 'CONFIG_INVALID'],
  ['a range too small', ['--data-dir', '/d', '--service-cidr', '10.0.0.0/30'], 'CONFIG_INVALID'],
  ['a range too large', ['--data-dir', '/d', '--service-cidr', '0.0.0.0/0'], 'CONFIG_INVALID'],
  ['an IPv6 range', ['--data-dir', '/d', '--service-cidr', 'fd00::/16'], 'CONFIG_INVALID'],
];

for (const [what, argv, code] of REFUSED) {
  test(`refused with a remedy: ${what}`, () => {
    assert.throws(
      () => parseApiServerConfig(argv),
      (error) => error instanceof OperatorError && error.code === code && error.remedy !== '',
    );
  });
}
