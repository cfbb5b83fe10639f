import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '#api/graph.ts';
import { meshOf } from '#model/mesh-of.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { FakeFlows } from '../view/fake-flows.ts';
import { MeshView } from '../view/mesh-view.ts';
import { NO_AGENTS } from '../view/nothing.ts';
import { feedEvents } from './event-feed.ts';
import type { ServerSentEvent, SseStream } from './route.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const moved = (edge: number, bytes: number): Sample => [edge, bytes, 0, 1, 0, 0, 0, 0];

/** Reads only when it is told to. */
class SlowReader implements SseStream {
  readonly sent: ServerSentEvent[] = [];
  isFree = true;
  readonly #end = new AbortController();
  #drained = Promise.withResolvers<void>();

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  send(event: ServerSentEvent): boolean {
    assert(!this.ended.aborted);
    this.sent.push(event);
    return this.isFree;
  }

  drained(): Promise<void> {
    return this.#drained.promise;
  }

  drain(): void {
    this.isFree = true;
    this.#drained.resolve();
    this.#drained = Promise.withResolvers();
  }

  end(): void {
    this.#end.abort();
    this.#drained.resolve();
  }
}

async function feeding(since: (view: MeshView) => number | undefined, eventsMax = 100) {
  const flows = new FakeFlows();
  const clock = new FakeClock(NOW);
  const mesh = meshOf('kind: Namespace\nmetadata: { name: default }');
  const view = new MeshView({
    mesh,
    flows,
    agents: NO_AGENTS,
    xds: { status: () => [] },
    certificateOf: () => undefined,
    joins: () => [],
    clock,
    eventsMax,
  });
  const stop = new AbortController();
  const running = view.run(stop.signal);
  const gone = (count: number): void => {
    for (let index = 0; index < count; index += 1) view.publish({ type: 'edge.gone', id: 'x' });
  };
  gone(3);
  flows.rates.set(1, moved(1, 10));
  const reader = new SlowReader();
  const feed = feedEvents(
    reader,
    Object.assign(view, { samples: flows.samples, nowMs: () => clock.nowMs() }),
    since(view),
  );
  const settled = async (): Promise<readonly string[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return reader.sent.splice(0).map(({ type, id, json }) => {
      const from = view.revision;
      if (type === 'sample') return `sample ${JSON.stringify(JSON.parse(json).samples)}`;
      return `${type} ${Number(id) - from}`;
    });
  };
  const end = async (): Promise<void> => {
    reader.end();
    await feed;
    stop.abort();
    await running;
  };
  return { view, flows, reader, settled, gone, end };
}

const FIRST = 'sample [[1,10,0,1,0,0,0,0]]';

test('begins where the client is, then all rates, then what comes', async () => {
  const { settled, gone, flows, end } = await feeding((view) => view.revision - 2);
  assert.deepEqual(await settled(), ['edge.gone -1', 'edge.gone 0', FIRST]);
  flows.tick(NOW, moved(2, 20));
  gone(1);
  assert.deepEqual(await settled(), ['edge.gone 0', 'sample [[2,20,0,1,0,0,0,0]]']);
  await end();
});

test('without a revision the present is the beginning', async () => {
  const { settled, end } = await feeding(() => undefined);
  assert.deepEqual(await settled(), [FIRST]);
  await end();
});

test('what is too long ago, and what never was, is a reason to begin anew', async () => {
  for (const since of [1, 2 ** 40]) {
    const { settled, gone, end } = await feeding(() => since, 2);
    assert.deepEqual(await settled(), ['reset 0', FIRST]);
    gone(1);
    assert.deepEqual(await settled(), ['edge.gone 0']);
    await end();
  }
});

test('for who reads slowly nothing is kept: events wait in the log, rates are the last', async () => {
  const { settled, gone, flows, reader, end } = await feeding(() => undefined);
  await settled();
  reader.isFree = false;
  gone(1);
  assert.deepEqual(await settled(), ['edge.gone 0']);
  gone(3);
  flows.tick(NOW, moved(1, 11));
  flows.tick(NOW, moved(2, 21));
  assert.deepEqual(await settled(), []);
  reader.drain();
  assert.deepEqual(await settled(), [
    'edge.gone -2',
    'edge.gone -1',
    'edge.gone 0',
    'sample [[1,11,0,1,0,0,0,0],[2,21,0,1,0,0,0,0]]',
  ]);
  await end();
});

test('who is behind by more than is remembered begins anew', async () => {
  const { settled, gone, reader, end } = await feeding(() => undefined, 5);
  await settled();
  reader.isFree = false;
  gone(1);
  await settled();
  gone(9);
  reader.drain();
  assert.deepEqual(await settled(), ['reset 0']);
  await end();
});
