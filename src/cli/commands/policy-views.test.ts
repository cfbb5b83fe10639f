import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listPolicies, previewPolicy } from './policy-views.ts';

const REF = { kind: 'DestinationRule', namespace: 'default', name: 'db' };
const FLOW = {
  from: 'wl:library/inventory',
  to: 'host:db.example.com',
  port: 5432,
  clientIdentity: 'spiffe://x',
  before: 'let out',
  after: 'DENY: nobody is there\u001b[31m',
};
const IMPACT = {
  diagnostics: [{ severity: 'warning', line: 3, column: 1, path: 'spec.host', message: 'typo?' }],
  refused: [FLOW],
  allowed: [],
  moved: [],
  untold: [],
  unchanged: [FLOW, FLOW],
  coverageMs: 2 * 3_600_000,
  note: 'Limits are not judged.',
};
const ROW = {
  kind: 'MeshPolicy',
  namespace: '',
  name: 'default',
  scope: 'mesh',
  targets: ['a/b', 'a/c'],
  effect: 'STRICT',
  allowed: null,
  denied: 3,
  conflicts: ['p goes before it'],
  changedAtMs: 0,
  changedBy: '',
  managedBy: 'Flux',
};

/** A console that answers this, whatever is asked. */
function consoleWith(answer: unknown) {
  const printed: string[] = [];
  const sent: unknown[] = [];
  const answered = async (...words: unknown[]): Promise<unknown> => {
    await Promise.resolve();
    sent.push(words);
    return answer;
  };
  const api = { url: 'http://console', get: answered, send: answered };
  return { api, sent, printed, print: (text: string) => void printed.push(text) };
}

test('the list has a line for each policy, also of the whole mesh', async () => {
  const { api, print, printed } = consoleWith([ROW]);
  await listPolicies(api, { print, flags: { output: 'table' } });
  const [head = '', row = ''] = (printed[0] ?? '').split('\n');
  assert.match(head, /^NAME\s+KIND\s+SCOPE\s+TARGETS\s+EFFECT\s+ALLOWED\s+DENIED\s+REMARKS$/);
  assert.match(
    row,
    /^default\s+MeshPolicy\s+mesh\s+a\/b \+1\s+STRICT\s+-\s+3\s+kept by Flux; p goes before it$/,
  );
  const none = consoleWith([]);
  await listPolicies(none.api, { print: none.print, flags: { output: 'table' } });
  assert.deepEqual(none.printed, ['there are no policies, or none that you may list']);
});

test('a preview says who is refused and what it does not know, and writes nothing', async () => {
  const { api, print, printed, sent } = consoleWith(IMPACT);
  const flags = { window: '24h', output: 'table' } as const;
  const code = await previewPolicy(api, { print, flags }, { ref: REF, yaml: 'kind: x' });
  assert.equal(code, 0);
  assert.deepEqual(sent, [
    ['POST', '/api/v1/policies:preview', { ...REF, yaml: 'kind: x', window: '24h' }],
  ]);
  assert.deepEqual(printed[0]?.split('\n'), [
    'warning at 3:1: spec.host: typo?',
    'will be refused: 1',
    '  inventory.library → db.example.com:5432 as spiffe://x: ' +
      'was let out, then DENY: nobody is there\uFFFD[31m',
    'newly allowed: 0',
    'led elsewhere: 0',
    'cannot tell: 0',
    'unchanged: 2',
    'Limits are not judged.',
    'based on 24h of calls; the mesh has been watched for 2 h: ' +
      'rarer ones, such as a weekly job’s, may not be in it',
  ]);
});

test('of a text with errors only those are said, and the command fails', async () => {
  const error = { severity: 'error', line: 0, column: 0, path: '', message: 'no YAML' };
  const { api, print, printed } = consoleWith({ ...IMPACT, diagnostics: [error], refused: [] });
  const flags = { window: '1h', output: 'table' } as const;
  assert.equal(await previewPolicy(api, { print, flags }, { ref: REF, yaml: 'x' }), 1);
  assert.deepEqual(printed, ['error: no YAML']);
});
