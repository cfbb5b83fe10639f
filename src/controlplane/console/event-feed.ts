// One client's share of the mesh's events: from where it is, as fast as it reads. Nothing is queued
// for it here: what it has not read is still in the log, or lost to it, and then it is told so.
import type { MeshEvent } from '#api/events.ts';
import type { Sample } from '#api/graph.ts';
import type { FlowTick } from '#telemetry/flows/flows.ts';
import type { MeshView } from '../view/mesh-view.ts';
import type { SseStream } from './route.ts';

export type FeedView = Pick<MeshView, 'after' | 'tick' | 'onChange' | 'revision'> & {
  /** All edges' last, for who has missed some. */
  samples(): readonly Sample[];
  nowMs(): number;
};

/**
 * Until the stream ends.
 *
 * @param since the last revision that the client has seen; undefined: the present
 */
export async function feedEvents(
  stream: SseStream,
  view: FeedView,
  since: number | undefined,
): Promise<void> {
  let revision = since ?? view.revision;
  let ticks = -1; // the first samples are all there are
  let wake = Promise.withResolvers<void>();
  using subscriptions = new DisposableStack();
  subscriptions.defer(view.onChange(() => wake.resolve()));
  const isOver = (): boolean => stream.ended.aborted;
  stream.ended.addEventListener('abort', () => wake.resolve(), { once: true });
  while (!isOver()) {
    wake = Promise.withResolvers();
    let isFree = true;
    for (let next = view.after(revision); next !== undefined && isFree;) {
      if (next === 'lost') {
        revision = view.revision;
        isFree = sendEvent(stream, { type: 'reset', reason: LOST }, revision);
      } else {
        ({ revision } = next);
        isFree = stream.send({ id: String(revision), type: next.type, json: next.json });
      }
      next = view.after(revision);
    }
    if (isFree && view.tick.count !== ticks) {
      isFree = sendSamples(stream, view, ticks);
      ticks = view.tick.count;
    }
    if (isFree) await wake.promise;
    else await stream.drained();
  }
}

const LOST = 'what was missed is not remembered any more';

function sendEvent(stream: SseStream, event: MeshEvent, revision: number): boolean {
  return stream.send({ id: String(revision), type: event.type, json: JSON.stringify(event) });
}

/** The last second's, or all of them when a second was missed. Samples have no revision. */
function sendSamples(stream: SseStream, view: FeedView, ticks: number): boolean {
  const { count, last } = view.tick;
  const isNext = last !== undefined && count === ticks + 1;
  const atMs = last?.atMs ?? view.nowMs();
  const samples = isNext ? last.samples : view.samples();
  if (samples.length === 0) return true;
  const json = isNext ? encodedOnce(last) : encode(atMs, samples);
  return stream.send({ type: 'sample', json });
}

const encode = (atMs: number, samples: readonly Sample[]): string =>
  JSON.stringify({ type: 'sample', atMs, samples } satisfies MeshEvent);

/** A second's samples are the same for everybody. */
const encodings = new WeakMap<FlowTick, string>();

function encodedOnce(tick: FlowTick): string {
  const json = encodings.get(tick) ?? encode(tick.atMs, tick.samples);
  encodings.set(tick, json);
  return json;
}
