import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { writePolicy } from './policy.ts';

const REF = { kind: 'AuthorizationPolicy', namespace: 'default', name: 'pg-allow' };
const ROW = {
  from: 'wl:old/legacy',
  to: 'wl:default/db',
  port: 5432,
  openConnections: 2,
  after: 'DENY: no rule matches\u001b[31m',
};

type Sent = readonly [method: string, path: string, body: unknown, headers: unknown];

/** A console that has the policy in this version; empty: it has none. */
function consoleWith(version: string, endedSessions?: object) {
  const sent: Sent[] = [];
  const printed: string[] = [];
  const api: Parameters<typeof writePolicy>[0] = {
    get: async () => {
      await Promise.resolve();
      if (version !== '') return { resourceVersion: version };
      throw new OperatorError('NOT_FOUND', 'there is none', { remedy: '' });
    },
    send: async (...words) => {
      await Promise.resolve();
      const [method, path, body, headers] = words;
      sent.push([method, path, body, headers]);
      return path.endsWith(':preview') ? { refused: [ROW] } : { endedSessions };
    },
  };
  return { api, sent, printed, print: (text: string) => void printed.push(text) };
}

test('a new policy is written where there is none, and whom it refuses is said first', async () => {
  const left = { server: 'WorkloadEntry/default/db', sessions: 1, problem: 'p', remedy: 'r' };
  const { api, sent, printed, print } = consoleWith('', { ended: 2, resetting: 1, left: [left] });
  const flags = { mode: 'confirm', ttl: '90s', 'end-sessions': true } as const;
  await writePolicy(api, { flags, print }, { ref: REF, yaml: 'kind: x' });
  const path = '/api/v1/policies/AuthorizationPolicy/default/pg-allow?mode=confirm&ttl=90';
  const body = { yaml: 'kind: x', endsOpenConnections: true };
  assert.deepEqual(sent[1], ['PUT', path, body, { 'if-none-match': '*' }]);
  assert.deepEqual(printed, [
    'refuses from their next connection on:',
    '  wl:old/legacy → wl:default/db:5432, 2 open: DENY: no rule matches\uFFFD[31m',
    'applied; undone in 90 s unless: isthmus policy keep AuthorizationPolicy pg-allow -n default',
    'sessions ended: 2',
    'cut at their next packet: 1',
    'left at WorkloadEntry/default/db: 1: p; r',
  ]);
});

test('what is there is deleted in the version that was seen, and sessions stay', async () => {
  const { api, sent, printed, print } = consoleWith('7');
  const flags = { mode: 'keep', ttl: '2m', 'end-sessions': false } as const;
  await writePolicy(api, { flags, print }, { ref: REF, yaml: '' });
  assert.deepEqual(sent[1]?.slice(2), [{ endsOpenConnections: false }, { 'if-match': '"7"' }]);
  assert.equal(sent[1]?.[0], 'DELETE');
  assert(!printed.join().includes('sessions'));
});
