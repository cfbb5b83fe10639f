// What controllers ask about Pods.
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { conditionOf } from './conditions.ts';
import { isDeleting } from './owners.ts';

export const nodeNameOf = ({ spec }: KubeObject): string => textAt(fieldsOf(spec), 'nodeName');
export const phaseOf = ({ status }: KubeObject): string => textAt(fieldsOf(status), 'phase');

/** Its containers have ended for good. */
export function hasEnded(pod: KubeObject): boolean {
  const phase = phaseOf(pod);
  return phase === 'Succeeded' || phase === 'Failed';
}

/** It runs or will run: neither ended nor asked to end. */
export function isActive(pod: KubeObject): boolean {
  return !hasEnded(pod) && !isDeleting(pod);
}

export function isReady(pod: KubeObject): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

/** Since when it is ready, in milliseconds since the Unix epoch; undefined when it is not. */
export function readySinceMs(pod: KubeObject): number | undefined {
  const condition = conditionOf(pod, 'Ready');
  if (condition?.status !== 'True') return undefined;
  const sinceMs = Date.parse(condition.lastTransitionTime);
  return Number.isNaN(sinceMs) ? 0 : sinceMs;
}

/**
 * How long until it counts as available: ready for `minReadySeconds` without a break. 0 when it
 * does, undefined when time alone will not make it so.
 */
export function availableInMs(
  pod: KubeObject,
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  const sinceMs = readySinceMs(pod);
  if (sinceMs === undefined) return undefined;
  if (minReadySeconds === 0) return 0; // whatever the clocks of nodes say
  return Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs);
}
