import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostPort, readFlags } from './flags.ts';
import { OperatorError } from './operator-error.ts';

const spec = { options: { listen: { type: 'string' } }, usage: 'isthmus thing' } as const;

test('known flags have values', () => {
  assert.equal(readFlags(['--listen', 'a'], spec).values.listen, 'a');
});

test('an unknown flag or a stray word is named', () => {
  for (const argv of [['--lisen', 'a'], ['a'], ['--listen']]) {
    assert.throws(
      () => readFlags(argv, spec),
      (error) =>
        error instanceof OperatorError && error.code === 'USAGE' && /thing/.test(error.remedy),
    );
  }
});

test('addresses and ports', () => {
  assert.deepEqual(parseHostPort('--l', '127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseHostPort('--l', '[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseHostPort('--l', 'istiod.istio-system.svc:15012', 'name'), {
    host: 'istiod.istio-system.svc',
    port: 15012,
  });
  const wrong = [
    '',
    '80',
    ':80',
    '127.0.0.1',
    '127.0.0.1:65536',
    'name:80',
    '::1:80',
    '[::1]',
    '-a:1',
  ];
  for (const text of wrong) {
    assert.throws(() => parseHostPort('--l', text), { code: 'CONFIG_INVALID' }, text);
  }
});
