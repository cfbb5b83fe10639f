// Keeps a command's picture of the mesh up to date: the snapshot, its events, and both again when
// what came between was lost.
import type { Snapshot } from '#api/graph.ts';
import { backoffDelayMs } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { MeshApi } from '../mesh-api/client.ts';
import { foreignAnswer } from '../isthmusd.ts';
import { isMeshEvent, isSnapshot, MeshState } from './state.ts';

const RETRY = { firstMs: 1000, maxMs: 30_000 };

export type Moment =
  /** `what` has just come: a second's samples, or some other change. */
  | { readonly state: MeshState; readonly what: 'snapshot' | 'samples' | 'change' }
  /** The feed is lost, and tried again. The state is as it was. */
  | { readonly state: MeshState; readonly what: 'lost'; readonly problem: string };

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE when the answer is none of this version's */
export async function fetchSnapshot(api: Pick<MeshApi, 'get' | 'url'>): Promise<Snapshot> {
  const answer = await api.get('/api/v1/snapshot');
  if (isSnapshot(answer)) return answer;
  throw foreignAnswer(api.url);
}

/**
 * Until the signal is aborted. What fails at the beginning is thrown; later it is told and tried
 * again, unless it was refused.
 */
export async function* followMesh(
  api: MeshApi,
  parts: { readonly clock: Clock; readonly random: () => number; readonly signal: AbortSignal },
): AsyncGenerator<Moment, void, undefined> {
  const { clock, random, signal } = parts;
  let state: MeshState | undefined;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    let problem = 'the stream has ended';
    try {
      for await (const moment of followOnce(api)) {
        ({ state } = moment);
        attempt = 0;
        yield moment;
      }
    } catch (error) {
      if (signal.aborted) return;
      const isLoss = error instanceof OperatorError && error.code === 'CONTROL_PLANE_UNREACHABLE';
      if (!isLoss || !state) throw error;
      problem = error.message;
    }
    if (state) yield { state, what: 'lost', problem };
    await clock.sleep(backoffDelayMs(attempt, random(), RETRY), signal).catch(() => undefined);
  }
}

/** Ends with the stream, or when its events do not go on from the snapshot. */
async function* followOnce(api: MeshApi): AsyncGenerator<Moment, void, undefined> {
  const snapshot = await fetchSnapshot(api);
  const state = new MeshState(snapshot);
  yield { state, what: 'snapshot' };
  for await (const { type, data } of api.events('/api/v1/events', { since: snapshot.revision })) {
    if (!isMeshEvent(type, data)) continue;
    if (!state.apply(data)) return;
    yield { state, what: data.type === 'sample' ? 'samples' : 'change' };
  }
}
