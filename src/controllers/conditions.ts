// Conditions in an object's status: one for each type, with the time of its last change.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { timestamp } from '#kube/event-recorder.ts';
import type { KubeObject } from '#kube/objects.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

export type Condition = {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  /** When the status changed last. */
  readonly lastTransitionTime: string;
  /** When anything of it was written last; Deployments have it. */
  readonly lastUpdateTime?: string;
};

export type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What `status.conditions` holds. */
export function conditionsOf({ status }: KubeObject): readonly Condition[] {
  return objectsAt(fieldsOf(status), 'conditions').map((condition) => {
    const lastUpdateTime = textAt(condition, 'lastUpdateTime');
    return {
      type: textAt(condition, 'type'),
      status: statusOf(textAt(condition, 'status')),
      reason: textAt(condition, 'reason'),
      message: textAt(condition, 'message'),
      lastTransitionTime: textAt(condition, 'lastTransitionTime'),
      ...(lastUpdateTime !== '' && { lastUpdateTime }),
    };
  });
}

const statusOf = (text: string): ConditionStatus =>
  text === 'True' || text === 'False' ? text : 'Unknown';

export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

/** The conditions with this one in its place; unchanged when it says nothing new. */
export function withCondition(
  conditions: readonly Condition[],
  next: NewCondition,
  nowMs: number,
): readonly Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const isSame =
    before?.status === next.status &&
    before.reason === next.reason &&
    before.message === next.message;
  if (isSame) return conditions;
  const now = timestamp(nowMs);
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : now;
  const changed = { ...next, lastTransitionTime };
  if (!before) return [...conditions, changed];
  return conditions.map((one) => (one === before ? changed : one));
}

export function withoutCondition(
  conditions: readonly Condition[],
  type: string,
): readonly Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}
