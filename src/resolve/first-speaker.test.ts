import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Protocol } from '#istio/core/protocol.ts';
import { firstSpeaker, isInspected } from './first-speaker.ts';

const ROWS: readonly (readonly [number, Protocol, string, ReturnType<typeof firstSpeaker>])[] = [
  [5432, 'tcp', 'tcp', 'client'],
  [5432, 'auto', '', 'client'],
  [9999, 'tcp', 'tcp', 'unknown'],
  [9999, 'auto', 'postgres', 'client'],
  [9999, 'auto', 'Postgres-main', 'client'],
  [9999, 'http', 'http', 'client'],
  [9999, 'tcp', 'mysql-x', 'unknown'], // Istio makes the protocol of such a name, not we
  [9999, 'mysql', 'db', 'server'],
  [5432, 'mysql', 'db', 'server'],
  [5432, 'tcp', 'smtp', 'server'],
  [3306, 'tcp', 'tcp', 'server'],
  [3306, 'tls', 'tls', 'client'],
  [22, 'auto', '', 'server'],
  [27_017, 'mongo', 'mongo', 'client'],
];

for (const [port, protocol, name, speaker] of ROWS) {
  test(`${port} ${protocol} "${name}": ${speaker} speaks first`, () => {
    assert.equal(firstSpeaker({ port, protocol, name }), speaker);
  });
}

test('ports whose clients speak first are looked into, or they could not be encrypted', () => {
  assert(isInspected(5432) && isInspected(53) && isInspected(27_017));
  assert(!isInspected(3306) && !isInspected(25));
});
