import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshEvent } from '../api/types.ts';
import { Inbox, type FeedEvent, type Taken } from './inbox.ts';

const gone = (revision: number): FeedEvent => ({
  revision,
  event: { type: 'edge.gone', id: String(revision) },
});
const sample = (revision: number): FeedEvent => ({
  revision,
  event: { type: 'sample', atMs: revision, samples: [] },
});
const reset: MeshEvent = { type: 'reset', reason: 'test' };

const loadedAt = (revision: number): Inbox => {
  const inbox = new Inbox();
  inbox.loaded(revision);
  return inbox;
};

const seen = ({ events, isSnapshotNeeded }: Taken): string =>
  events.map(({ revision, event }) => (event.type === 'sample' ? 's' : revision)).join(' ') +
  (isSnapshotNeeded ? ' !' : '');

test('events in order are taken as they come', () => {
  const inbox = loadedAt(4);
  assert.equal(seen(inbox.take([gone(5), gone(6)])), '5 6');
  assert.equal(seen(inbox.take([gone(7)])), '7');
});

test('events before the snapshot wait for it, and what is in it is left out', () => {
  const inbox = new Inbox();
  assert.equal(seen(inbox.take([gone(3), gone(4), gone(5)])), '');
  assert.equal(seen(inbox.loaded(4)), '4 5');
});

test('several events of one revision are all taken', () => {
  assert.equal(seen(loadedAt(4).take([gone(5), gone(5), gone(6)])), '5 5 6');
});

test('a step that is missing asks for the snapshot, once what came before is applied', () => {
  assert.equal(seen(loadedAt(4).take([gone(5), gone(7), gone(8)])), '5 !');
});

test('what was already taken is not taken again; samples, which have no revision, are', () => {
  const inbox = loadedAt(9);
  assert.equal(seen(inbox.take([gone(3), sample(3), gone(10)])), 's 10');
});

test('a reset asks for the snapshot', () => {
  assert.equal(seen(loadedAt(4).take([{ revision: 4, event: reset }])), ' !');
});

test('a pause holds back and gives all; loading meanwhile loses nothing', () => {
  const inbox = loadedAt(4);
  inbox.pause();
  assert.equal(seen(inbox.take([gone(5)])), '');
  assert.equal(inbox.held, 1);
  inbox.loading();
  assert.equal(seen(inbox.take([gone(6), gone(7)])), '');
  assert.equal(seen(inbox.loaded(6)), '');
  assert.equal(seen(inbox.resume()), '6 7');
});

test('a pause that is too long for memory ends with a snapshot', () => {
  const inbox = loadedAt(0);
  inbox.pause();
  inbox.take(Array.from({ length: 20_000 }, (_, index) => gone(index + 1)));
  inbox.take([gone(20_001)]);
  assert.equal(inbox.held, 20_001);
  assert(inbox.hasLost);
  assert.equal(seen(inbox.resume()), ' !');
  assert.equal(inbox.held, 0);
});

test('samples are no changes: of a pause the last second of each edge is left', () => {
  const inbox = loadedAt(4);
  const moved = (index: number, atMs: number): FeedEvent => ({
    revision: 4,
    event: { type: 'sample', atMs, samples: [[index, atMs, 0, 0, 0, 0, 0, 0]] },
  });
  inbox.pause();
  inbox.take([moved(1, 1000), moved(2, 1000)]);
  inbox.take([gone(5), moved(1, 2000)]);
  assert.equal(inbox.held, 1);
  const { events } = inbox.resume();
  assert.deepEqual(
    events.map(({ event }) => (event.type === 'sample' ? event.samples : event.type)),
    [
      'edge.gone',
      [
        [1, 2000, 0, 0, 0, 0, 0, 0],
        [2, 1000, 0, 0, 0, 0, 0, 0],
      ],
    ],
  );
});

test('what is let go of a pause is loaded anew', () => {
  const inbox = loadedAt(4);
  inbox.letGo(); // of what goes on there is nothing to let go
  assert.equal(seen(inbox.take([gone(5)])), '5');
  inbox.pause();
  inbox.take([gone(6)]);
  inbox.letGo();
  inbox.take([gone(7)]);
  assert.equal(inbox.held, 2);
  assert.equal(seen(inbox.resume()), ' !');
});
