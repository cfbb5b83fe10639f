// What the ring keeps, for how long, over a restart, and in how much memory.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { noDurations } from '#base/durations.ts';
import type { StoredEdge } from '#telemetry/flows/edge-record.ts';
import { Edges } from '#telemetry/flows/edges.ts';
import { Pending, type Talker } from '#telemetry/flows/pending.ts';
import { noQuantities, OPENED, TO_SERVER } from '#telemetry/flows/quantities.ts';
import { decodeChunk, decodeJournal, encodeChunk, encodeJournal, newPoint } from './points.ts';
import { History } from './history.ts';
import { readSlices, ROWS_AT_ONCE } from './read.ts';
import { seriesOf, stepsFor } from './series.ts';
import { StepSums } from './step-sums.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3600_000;
const MINUTE_MS = 60_000;

class Disk implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'flows-'));
  readonly path = join(this.folder, 'flows.db');
  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

const edgeOf = (index: number, seenMs: number): StoredEdge => ({
  id: `edge-${index}`,
  index,
  from: `wl:default/client-${index % 100}`,
  to: 'wl:default/server',
  port: index,
  protocol: 'tcp',
  application: '',
  service: 'server.default.svc.cluster.local',
  firstSeenMs: seenMs,
  lastSeenMs: seenMs,
});
const talkerOf = (edge: number): Talker => ({
  id: edge,
  edge,
  clientIdentity: 'spiffe://td/ns/default/sa/client',
  serverIdentity: 'spiffe://td/ns/default/sa/server',
  service: 'server.default.svc.cluster.local',
});

/** One connection and so many bytes on an edge. */
function carry(history: History, edge: number, bytes: number, atMs: number): void {
  const pending = new Pending();
  pending.edges.set(edge, edgeOf(edge, atMs));
  const talker = talkerOf(edge);
  pending.talkers.set(talker.id, talker);
  const sums = noQuantities();
  sums[TO_SERVER] = bytes;
  sums[OPENED] = 1;
  pending.count(talker, atMs, sums);
  pending.reporters.set('Pod/default/a', { key: 'Pod/default/a', epoch: 'run', sequence: 7 });
  history.store(pending, () => [], atMs);
  history.tick(atMs, [{ edge, open: 2 }]);
}

function read(history: History, fromMs: number, toMs: number, nowMs: number) {
  const query = { of: { edge: 'edge-1' }, fromMs, toMs };
  const { stored, told } = stepsFor(query, nowMs);
  const sums = new StepSums(told, () => true);
  const wanted = { edges: [1], span: query, step: stored };
  for (const rows of readSlices(history, wanted, sums)) assert(rows <= ROWS_AT_ONCE);
  const uptimes = history.uptimes(query);
  const silences = history.silences(1, query);
  return seriesOf({ sums: sums.finish(), uptimes, silences, firstSeenMs: 0 }, query, told);
}

const sum = (column: readonly (number | null)[]): number =>
  column.reduce<number>((total, value) => total + (value ?? 0), 0);

describe('history', () => {
  test('a restart keeps everything, folded or not', () => {
    using disk = new Disk();
    {
      using history = new History(disk.path);
      carry(history, 1, 1000, NOW_MS - 5 * MINUTE_MS);
      while (history.fold(NOW_MS));
      carry(history, 1, 500, NOW_MS);
    }
    assert.equal(statSync(disk.path).mode & 0o777, 0o600);
    using history = new History(disk.path);
    assert.deepEqual(history.reporter('Pod/default/a'), {
      key: 'Pod/default/a',
      epoch: 'run',
      sequence: 7,
    });
    assert.equal(history.edgeById('edge-1')?.index, 1);
    assert.deepEqual(history.talker(talkerOf(1)), talkerOf(1));
    assert.equal(history.newEdgeIndex(), 2);
    const series = read(history, NOW_MS - 10 * MINUTE_MS, NOW_MS + 1000, NOW_MS);
    assert.equal(series.stepSeconds, 1);
    assert.equal(sum(series.toServerBytes), 1500);
    const [talked] = history.talkedTo({ fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS });
    assert.equal(talked?.toServerBytes, 1500);
    assert.equal(talked?.connections, 2);
  });

  test('a second isthmusd on the same folder is refused, with words', () => {
    using disk = new Disk();
    using _first = new History(disk.path);
    assert.throws(() => new History(disk.path), { code: 'STORE_FAILED' });
  });

  test('seconds for an hour, ten seconds for a day, who talked to whom for a week', () => {
    using history = new History(':memory:');
    carry(history, 1, 1000, NOW_MS);
    const fold = (nowMs: number): void => {
      while (history.fold(nowMs));
      history.prune(nowMs);
    };
    const span = [NOW_MS - MINUTE_MS, NOW_MS + MINUTE_MS] as const;
    fold(NOW_MS + 30 * MINUTE_MS);
    assert.equal(read(history, ...span, NOW_MS + 30 * MINUTE_MS).stepSeconds, 1);
    fold(NOW_MS + 2 * HOUR_MS);
    const later = read(history, ...span, NOW_MS + 2 * HOUR_MS);
    assert.equal(later.stepSeconds, 10);
    assert.equal(sum(later.toServerBytes) * 10, 1000);
    fold(NOW_MS + 26 * HOUR_MS);
    assert.equal(sum(read(history, ...span, NOW_MS + 26 * HOUR_MS).toServerBytes), 0);
    const week = { fromMs: NOW_MS, toMs: NOW_MS + 1 };
    assert.equal(history.talkedTo(week)[0]?.toServerBytes, 1000);
    fold(NOW_MS + (7 * 24 + 2) * HOUR_MS);
    assert.deepEqual(history.talkedTo(week), []);
    assert.equal(history.edgeById('edge-1'), undefined);
  });

  test('nothing known is null, nothing carried is 0', () => {
    using history = new History(':memory:');
    carry(history, 1, 1000, NOW_MS);
    for (let second = 1; second <= 5; second++) history.tick(NOW_MS + second * 1000, []);
    const series = read(history, NOW_MS - 2000, NOW_MS + 8000, NOW_MS + 8000);
    const expected = [null, null, 1000, 0, 0, 0, 0, 0, null, null];
    assert.deepEqual(series.toServerBytes, expected);
    assert.deepEqual(series.open, [null, null, 2, 0, 0, 0, 0, 0, null, null]);
  });

  test('while nobody reports an edge nothing is known of it', () => {
    using disk = new Disk();
    const at = (second: number): number => NOW_MS + second * 1000;
    {
      using history = new History(disk.path);
      carry(history, 1, 1000, NOW_MS);
      for (let second = 1; second <= 8; second++) {
        const silence = { edge: 1, atMs: at(second - 1), isOver: second > 4 };
        history.tick(at(second), [], second === 3 || second === 7 ? [silence] : []);
      }
      const series = read(history, NOW_MS, at(9), at(9));
      assert.deepEqual(series.toServerBytes, [1000, 0, 0, null, null, null, 0, 0, 0]);
      history.tick(at(9), [], [{ edge: 1, atMs: at(9), isOver: false }]);
    }
    using history = new History(disk.path);
    for (let second = 10; second <= 12; second++) history.tick(at(second), []);
    const after = read(history, at(8), at(13), at(13));
    assert.deepEqual(after.toServerBytes, [0, 0, 0, 0, 0]);
  });

  test('what comes late goes where it belongs, folded or not', () => {
    using history = new History(':memory:');
    carry(history, 1, 1000, NOW_MS);
    while (history.fold(NOW_MS + MINUTE_MS));
    carry(history, 1, 50, NOW_MS);
    const before = read(history, NOW_MS, NOW_MS + 1000, NOW_MS + MINUTE_MS);
    while (history.fold(NOW_MS + 2 * MINUTE_MS));
    const after = read(history, NOW_MS, NOW_MS + 1000, NOW_MS + 2 * MINUTE_MS);
    assert.deepEqual([before.toServerBytes, after.toServerBytes], [[1050], [1050]]);
  });

  test('points outlive their bytes', () => {
    const sums = Float64Array.of(1, 2 ** 52, 0, 127, 128, 16_384, 3);
    const source = noDurations();
    source[0] = 1;
    source[23] = 70_000;
    const destination = noDurations();
    destination[8] = 2;
    const point = { sums, open: 0, durations: { source, destination } };
    const entries = [
      { edge: 300, talker: 5, point },
      { edge: 1, talker: 0, point: { ...newPoint(), open: 7 } },
      { edge: 2, talker: 1, point: { ...point, open: undefined, durations: { destination } } },
    ];
    assert.deepEqual([...decodeJournal(encodeJournal(entries))], entries);
    const chunk = new Map([
      [0, newPoint()],
      [59, point],
    ]);
    assert.deepEqual(decodeChunk(encodeChunk(chunk)), chunk);
  });

  test('what an earlier isthmusd wrote, before there were durations, is read', () => {
    // place 5: bytes to the server and back, requests, and 3 open connections
    const written = Uint8Array.of(5, 0b101_0011, 200, 1, 9, 4, 3);
    const point = { ...newPoint(), sums: Float64Array.of(200, 9, 0, 0, 4, 0, 0), open: 3 };
    assert.deepEqual(decodeChunk(written), new Map([[5, point]]));
    assert.deepEqual(encodeChunk(new Map([[5, point]])), written);
  });

  test('forty thousand edges stay below 64 MB', { timeout: 60_000 }, () => {
    using disk = new Disk();
    const before = memoryBytes();
    using history = new History(disk.path);
    const names = {
      nodeOf: () => undefined,
      dialledNode: () => undefined,
      applicationOf: () => '',
    };
    const edges = new Edges({ store: history, names });
    for (let edge = 1; edge <= 40_000; edge += 5000) {
      const pending = new Pending();
      for (let each = edge; each < edge + 5000; each++) {
        const stored = edgeOf(each, NOW_MS);
        edges.restore(stored);
        pending.edges.set(each, stored);
        const talker = talkerOf(each);
        pending.talkers.set(each, talker);
        pending.count(talker, NOW_MS + edge, Float64Array.of(1000, 1000, 1, 0, 0, 0));
      }
      history.store(pending, () => [], NOW_MS + edge);
      edges.takeFresh(); // as each second does
      edges.takeGone();
      if (history.isFoldDue) while (history.fold(NOW_MS + edge + HOUR_MS));
    }
    read(history, NOW_MS, NOW_MS + HOUR_MS, NOW_MS + HOUR_MS);
    const bytes = memoryBytes() - before;
    assert(edges.size <= 5000, `${edges.size} edges in memory`);
    assert(bytes < 64e6, `${Math.round(bytes / 1e6)} MB`);
  });
});

/** After a collection: what is really held. */
function memoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
