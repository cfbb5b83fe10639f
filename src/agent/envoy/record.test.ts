import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disowned, parseRecord, parseStartTicks, planEnvoy, type EnvoyRecord } from './record.ts';

const RECORD: EnvoyRecord = {
  pid: 4711,
  startTicks: '100',
  bootId: 'boot',
  adminPort: 15000,
  essence: 'e',
  launch: 'l',
};

test('what becomes of the Envoy that is written down', () => {
  const table: readonly (readonly [
    EnvoyRecord | undefined,
    boolean,
    { essence: string; launch: string },
    object,
  ])[] = [
    [undefined, false, RECORD, { kind: 'start' }],
    [RECORD, false, RECORD, { kind: 'start' }],
    [RECORD, true, RECORD, { kind: 'adopt', record: RECORD, isOutdated: false }],
    [
      RECORD,
      true,
      { essence: 'e', launch: 'x' },
      { kind: 'adopt', record: RECORD, isOutdated: true },
    ],
    [RECORD, true, { essence: 'x', launch: 'l' }, { kind: 'replace', record: RECORD }],
  ];
  for (const [record, isRunning, wanted, plan] of table) {
    assert.deepEqual(planEnvoy(record, isRunning, wanted), plan);
  }
});

test('an Envoy whose workload was leaving is replaced', () => {
  assert.equal(planEnvoy(disowned(RECORD), true, RECORD).kind, 'replace');
});

test('a record is read back as it was written; a broken one is none', () => {
  assert.deepEqual(parseRecord(JSON.stringify(RECORD)), RECORD);
  const broken = ['', '{', 'null', '[]', '{"pid":4711}', JSON.stringify({ ...RECORD, pid: 1 })];
  for (const text of broken) assert.equal(parseRecord(text), undefined, text);
  assert.equal(parseRecord(undefined), undefined);
});

test('the start of a process is field 22, whatever its name; a zombie has ended', () => {
  const fields = Array.from({ length: 50 }, (_, index) => index + 3);
  const stat = (name: string, state: string): string =>
    `4711 (${name}) ${[state, ...fields.slice(1)].join(' ')}`;
  assert.equal(parseStartTicks(stat('envoy', 'S')), '22');
  assert.equal(parseStartTicks(stat('a) S (b c', 'R')), '22');
  assert.equal(parseStartTicks(stat('envoy', 'Z')), undefined);
  assert.equal(parseStartTicks(''), undefined);
});
