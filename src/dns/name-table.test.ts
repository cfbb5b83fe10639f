import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameTable, type NameQuotas } from './name-table.ts';
import type { NameRecord } from './zone.ts';

const at = (address: string): NameRecord => ({ kind: 'addresses', ipv4: [address], ipv6: [] });
const ABSENT: NameRecord = { kind: 'absent' };
const never = new AbortController().signal;

function createTable(quotas: Partial<NameQuotas> = {}) {
  const wanted: string[] = [];
  const table = new NameTable(
    {
      subscribe: (name) => void wanted.push(`+${name}`),
      unsubscribe: (name) => void wanted.push(`-${name}`),
    },
    quotas,
  );
  table.setConnected(true);
  return { table, wanted };
}

test('a name is asked for once, whoever wants it, and then kept fresh', async () => {
  const { table, wanted } = createTable();
  const answers = Promise.all([table.learn('a', never), table.learn('a', never)]);
  table.apply('a', at('10.0.0.1'));
  assert.deepEqual(await answers, [at('10.0.0.1'), at('10.0.0.1')]);
  table.apply('a', at('10.0.0.2'));
  assert.deepEqual(await table.learn('a', never), at('10.0.0.2'));
  table.apply('a', ABSENT);
  assert.deepEqual(table.held('a'), ABSENT);
  table.apply('a', at('10.0.0.3'));
  assert.deepEqual(table.held('a'), at('10.0.0.3'));
  assert.deepEqual(wanted, ['+a']);
});

test('who cannot wait is told so; the answer still serves the next', async () => {
  const { table, wanted } = createTable();
  const impatient = new AbortController();
  const answer = table.learn('a', impatient.signal);
  impatient.abort();
  assert.deepEqual(await answer, { kind: 'unreachable' });
  table.apply('a', at('10.0.0.1'));
  assert.deepEqual(table.held('a'), at('10.0.0.1'));
  assert.deepEqual(wanted, ['+a']);
});

test('while the control plane is away, what is held stays and nothing new is waited for', async () => {
  const { table, wanted } = createTable();
  const [a, b] = [table.learn('a', never), table.learn('b', never)];
  table.apply('a', at('10.0.0.1'));
  table.setConnected(false);
  assert.deepEqual(await a, at('10.0.0.1'));
  assert.deepEqual(await b, { kind: 'unreachable' });
  assert.deepEqual(await table.learn('c', never), { kind: 'unreachable' });
  assert.deepEqual(await table.learn('a', never), at('10.0.0.1'));
  assert.deepEqual(table.entries, [['a', at('10.0.0.1')]], 'to subscribe to anew');
  assert.deepEqual(wanted, ['+a', '+b']);
});

test('names that mean nothing cannot push out those in use', async () => {
  const { table, wanted } = createTable({ namesMax: 2, absentMax: 2 });
  const learn = async (name: string, record: NameRecord): Promise<void> => {
    const answer = table.learn(name, never);
    table.apply(name, record);
    await answer;
  };
  await learn('a', at('10.0.0.1'));
  await learn('b', at('10.0.0.2'));
  for (const name of ['x1', 'x2', 'x3', 'x4']) await learn(name, ABSENT);
  assert.deepEqual(table.held('a'), at('10.0.0.1')); // and now the more recently used
  await learn('c', at('10.0.0.3'));
  assert.equal(table.held('b'), undefined);
  assert.deepEqual(table.held('a'), at('10.0.0.1'));
  assert.deepEqual(
    wanted.filter((entry) => entry.startsWith('-')),
    ['-x1', '-x2', '-b'],
  );
});

test('only so many names are asked for at a time', async () => {
  const { table, wanted } = createTable({ pendingMax: 1 });
  const first = table.learn('a', never);
  assert.deepEqual(await table.learn('b', never), { kind: 'unreachable' });
  table.apply('a', ABSENT);
  await first;
  assert.deepEqual(wanted, ['+a']);
});

test('wildcards are taken unasked, other names nobody wants are not', () => {
  const { table } = createTable();
  table.apply('*.example.com', at('10.0.0.1'));
  table.apply('a.example.com', at('10.0.0.2'));
  assert.deepEqual(table.held('*.example.com'), at('10.0.0.1'));
  assert.equal(table.held('a.example.com'), undefined);
});

test('what was kept over a restart is answered without a connection, within the quota', () => {
  const subscription = { subscribe: () => undefined, unsubscribe: () => undefined };
  const table = new NameTable(subscription, { namesMax: 1 });
  table.restore([
    ['x', ABSENT],
    ['a', at('10.0.0.1')],
    ['b', at('10.0.0.2')],
  ]);
  assert.deepEqual(table.entries, [['a', at('10.0.0.1')]]);
  table.apply('a', at('10.0.0.3'));
  assert.deepEqual(table.held('a'), at('10.0.0.3'), 'and kept fresh');
});
