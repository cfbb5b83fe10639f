import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDatabaseFailure } from './database-failure.ts';
import { titleOf } from './titles.ts';

const failure = (message: string, code?: string): Error =>
  Object.assign(new Error(message), { code });

test('each failure is one sentence that names the target and a remedy', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [failure('connect ECONNREFUSED', 'ECONNREFUSED'), /^nothing listens on db:5432: is Postgre/],
    [failure('connect', 'EHOSTUNREACH'), /^db:5432 cannot be reached: does a firewall/],
    [failure('getaddrinfo', 'ENOTFOUND'), /^the name in db:5432 is not known here/],
    [failure('timeout expired'), /^db:5432 did not answer in time/],
    [failure('read', 'ECONNRESET'), /^db:5432 closed the connection: is PostgreSQL running/],
    [failure('Connection terminated unexpectedly'), /^db:5432 closed the connection/],
    [failure('Client has encountered a connection error'), /^db:5432 closed the connection/],
    [
      failure('password authentication failed', '28P01'),
      /^PostgreSQL at db:5432 says: .* \(28P01\)$/,
    ],
    [new AggregateError([failure('x', 'ECONNREFUSED')]), /^nothing listens/],
    ['odd', /^PostgreSQL at db:5432 says: odd$/],
  ];
  for (const [error, sentence] of rows) {
    const text = describeDatabaseFailure(error, 'db:5432');
    assert.match(text, sentence);
    assert.doesNotMatch(text, /\n|undefined/);
  }
});

test('every row has a title of its own, and the first is Fun Home', () => {
  assert.equal(titleOf(1), 'Fun Home');
  const titles = Array.from({ length: 500 }, (_, index) => titleOf(index + 1));
  assert.equal(new Set(titles).size, titles.length);
});
