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

export type Turn = { readonly subscription: Subscription; readonly kind: DueKind };

/**
 * The next response to send, or undefined when nothing is due or what is due must wait: for the
 * answer to a response of its own type, or of one that has to come first.
 */
export function nextTurn(
  subscriptions: ReadonlyMap<string, Subscription>,
  source: Source,
): Turn | undefined {
  const ordered = ORDER.flatMap((typeUrl) => subscriptions.get(typeUrl) ?? []);
  const updates = ordered.find((subscription) => subscription.isDue('updates', source));
  if (updates && !updates.isInFlight) return { subscription: updates, kind: 'updates' };
  for (const [typeUrl, subscription] of subscriptions) {
    if (subscription.isInFlight || ORDER.includes(typeUrl)) continue;
    if (subscription.isDue('updates', source)) return { subscription, kind: 'updates' };
    if (subscription.isDue('removals', source)) return { subscription, kind: 'removals' };
  }
  if (updates) return undefined;
  const removals = ordered.findLast((subscription) => subscription.isDue('removals', source));
  return removals && !removals.isInFlight
    ? { subscription: removals, kind: 'removals' }
    : undefined;
}
