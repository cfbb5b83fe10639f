// Machines and Pods that were turned away before they had a name: `GET /api/v1/join-refusals`,
// newest first. Whoever joins with a token of ours has a join, and its steps say what went wrong;
// who comes with a service account's token, as the files of `isthmus vm files` do, has none.
import type { IdentityEvent } from '#api/identity.ts';
import type { Clock } from '#base/clock.ts';
import type { Past } from '../../past/past.ts';
import { ok, type ApiRoute } from '../route.ts';

export type RefusalParts = {
  readonly past: Pick<Past, 'certificateEvents'>;
  readonly clock: Clock;
};

const SHOWN_MAX = 50;

export const joinRefusalsRoute = ({ past, clock }: RefusalParts): ApiRoute => ({
  method: 'GET',
  path: '/api/v1/join-refusals',
  allow: { verb: 'get', resource: 'joins' },
  handle: () => {
    const refused: readonly IdentityEvent[] = past
      .certificateEvents(clock.nowMs())
      .filter(({ kind }) => kind === 'refused')
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, SHOWN_MAX);
    return Promise.resolve(ok(refused));
  },
});
