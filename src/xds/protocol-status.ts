// What a stream has been sent and what it made of it, for `proxy-status` and for whoever must know
// that a change has arrived.
import { ABSENT } from './protocol-subscription.ts';
import type { Entry, Rejection, Subscription } from './protocol-subscription.ts';

export type TypeStatus = {
  readonly typeUrl: string;
  readonly isWildcard: boolean;
  readonly nameCount: number;
  /** Names whose last version the client has taken. */
  readonly acknowledgedCount: number;
  /** Names with something still to be sent. */
  readonly dueCount: number;
  readonly rejections: readonly Rejection[];
};

export type ResourceStatus = {
  readonly typeUrl: string;
  readonly name: string;
  /** What was sent last; undefined: nothing yet, or that it does not exist. */
  readonly version: string | undefined;
  readonly isAcknowledged: boolean;
  readonly rejection: string | undefined;
};

export function typeStatus(subscription: Subscription): TypeStatus {
  const { typeUrl, wildcard, entries, dueCount, rejections } = subscription;
  const acknowledged = entries.values().filter((entry) => subscription.isAcknowledged(entry));
  return {
    typeUrl,
    isWildcard: wildcard !== undefined,
    nameCount: entries.size,
    acknowledgedCount: acknowledged.reduce((count) => count + 1, 0),
    dueCount,
    rejections: [...rejections.values()],
  };
}

export function resourceStatus(entry: Entry): ResourceStatus {
  const { name, subscription, told } = entry;
  return {
    typeUrl: subscription.typeUrl,
    name,
    version: told === ABSENT ? undefined : told,
    isAcknowledged: subscription.isAcknowledged(entry),
    rejection: subscription.rejections.get(name)?.message,
  };
}
