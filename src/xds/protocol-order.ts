// Make before break: in which order changes of different types go out, so that nothing ever refers
// to what is not there (Envoy docs, "Eventual consistency considerations").
import type { DueKind, Source, Subscription } from './protocol-subscription.ts';
import {
  CLUSTER_TYPE,
  ENDPOINTS_TYPE,
  LISTENER_TYPE,
  ROUTES_TYPE,
  VIRTUAL_HOST_TYPE,
} from './type-urls.ts';

/**
 * Each type may refer to those before it: updates go out in this order, removals in the reverse and
 * after all updates. Types that are not listed (secrets, extensions) refer to nothing and are
 * waited for by whoever needs them.
 */
const ORDER: readonly string[] = [
  CLUSTER_TYPE,
  ENDPOINTS_TYPE,
  LISTENER_TYPE,
  ROUTES_TYPE,
  VIRTUAL_HOST_TYPE,
];

/** The subscriptions of a stream: those that wait for each other, in order, and the others. */
export type Queue = {
  readonly ordered: readonly Subscription[];
  readonly free: readonly Subscription[];
};

export function queueOf(subscriptions: Iterable<Subscription>): Queue {
  const all = [...subscriptions];
  const rank = ({ typeUrl }: Subscription): number => ORDER.indexOf(typeUrl);
  return {
    ordered: all.filter((one) => rank(one) >= 0).toSorted((a, b) => rank(a) - rank(b)),
    free: all.filter((one) => rank(one) < 0),
  };
}

export type Turn = { readonly subscription: Subscription; readonly kind: DueKind };

/**
 * The next response to send, or undefined when nothing is due or what is due must wait: for the
 * answer to a response of its own type, or of one that has to come first.
 */
export function nextTurn({ ordered, free }: Queue, source: Source): Turn | undefined {
  const updates = ordered.find((subscription) => subscription.isDue('updates', source));
  if (updates && !updates.isInFlight) return { subscription: updates, kind: 'updates' };
  for (const subscription of free) {
    if (subscription.isInFlight) continue;
    if (subscription.isDue('updates', source)) return { subscription, kind: 'updates' };
    if (subscription.isDue('removals', source)) return { subscription, kind: 'removals' };
  }
  if (updates) return undefined;
  const removals = ordered.findLast((subscription) => subscription.isDue('removals', source));
  return removals && !removals.isInFlight
    ? { subscription: removals, kind: 'removals' }
    : undefined;
}
