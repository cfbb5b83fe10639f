// Events are news: an hour after they were said last they go (kube-apiserver's --event-ttl).
import { textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { EVENT } from '#kube/resources.ts';
import { NOTHING_TO_DO, ownKey, type Controller, type Plan } from './controller.ts';
import { refOfKey } from './reader.ts';

const LIFETIME_MS = 3_600_000;

export const EVENT_EXPIRY: Controller = {
  name: 'event-expiry',
  triggers: [{ type: EVENT, keysOf: ownKey }],
  async plan(key, reader, { nowMs }) {
    const event = await reader.get(EVENT, refOfKey(key));
    return event ? planExpiry(event, nowMs) : NOTHING_TO_DO;
  },
};

export function planExpiry(event: KubeObject, nowMs: number): Plan {
  const leftMs = lastSaidMs(event) + LIFETIME_MS - nowMs;
  if (leftMs > 0) return { writes: [], againMs: leftMs };
  return { writes: [{ verb: 'remove', type: EVENT, object: event }] };
}

/** Old and new Events say it in different fields; one that says nothing counts from its birth. */
function lastSaidMs(event: KubeObject): number {
  const times = [
    textAt(event, 'lastTimestamp'),
    textAt(event, 'eventTime'),
    event.metadata.creationTimestamp ?? '',
  ];
  return Math.max(0, ...times.map((text) => Date.parse(text)).filter((ms) => !Number.isNaN(ms)));
}
