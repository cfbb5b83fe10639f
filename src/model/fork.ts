// Another mesh of the same objects, in which a change of them can be tried: nothing that is done to
// it shows in the mesh that it was made of, and what was read once is shared, not read again.
import { Graph } from './graph.ts';
import { createInputs } from './inputs.ts';
import type { Inputs } from './inputs.ts';
import type { Source } from './source.ts';

export type Fork<M> = {
  readonly mesh: M;
  /**
   * Makes it what the other mesh is now, whatever was tried in it, a little at a time: a whole mesh
   * at once would take the time that proxies wait for theirs.
   */
  readonly catchUp: () => Generator<void, void, void>;
};

/** Objects that are taken over at once. */
const TURN_OBJECTS = 200;

export function forkOf<M extends { commit(): void }>(
  origin: Inputs,
  create: (graph: Graph, inputs: Inputs) => M,
): Fork<M> {
  const graph = new Graph({ onFailures: () => undefined }); // the other mesh reports them
  const own = createInputs(graph);
  const mesh = create(graph, own);
  return {
    mesh,
    *catchUp() {
      let count = 0;
      for (const [from, to] of pairs(origin, own)) {
        for (const write of differences(from, to)) {
          write();
          count += 1;
          if (count % TURN_OBJECTS !== 0) continue;
          mesh.commit();
          yield;
        }
      }
      mesh.commit();
    },
  };
}

type AnySource = Pick<Source<unknown>, 'entries' | 'get' | 'delete' | 'latest'> & {
  set(key: string, value: unknown): void;
};

/** What there is few of first, and last what names the most. */
function* pairs(origin: Inputs, own: Inputs): Generator<readonly [AnySource, AnySource]> {
  const targets = new Map<string, AnySource>(Object.entries(own));
  for (const [name, from] of Object.entries(origin)) {
    const to = targets.get(name);
    if (to) yield [from, to];
  }
}

/** What one source is to be told to be as another; each is shared, so that equal is the same. */
function* differences(from: AnySource, to: AnySource): Generator<() => void> {
  // as a whole before anything is written: between two writes the other may change
  const wanted = new Map(from.entries());
  const extra = [...to.entries()].map(([key]) => key).filter((key) => !wanted.has(key));
  for (const key of extra) yield () => to.delete(key);
  for (const [key, value] of wanted) {
    if (to.latest(key) !== value) yield () => to.set(key, value);
  }
}
