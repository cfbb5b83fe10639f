// `?at=<ms>`: what was, in place of what is.
import type { Clock } from '#base/clock.ts';
import type { Moment } from '../past/store.ts';
import type { MeshView } from '../view/mesh-view.ts';
import { numberParameter } from './parameters.ts';

/**
 * @returns undefined: it is now that was asked for, or nothing is remembered
 * @throws ApiRefusal 400
 */
export function momentOf(
  query: URLSearchParams,
  { view, clock }: { readonly view: Pick<MeshView, 'momentAt'>; readonly clock: Clock },
): Moment | undefined {
  const atMs = numberParameter(query, 'at');
  return atMs === undefined || atMs >= clock.nowMs() ? undefined : view.momentAt(atMs);
}
