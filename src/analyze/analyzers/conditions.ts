// Conditions in a status that say that something did not work.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import {
  AUTHORIZATION_POLICY,
  GRPC_ROUTE,
  HTTP_ROUTE,
  KUBE_GATEWAY,
  SERVICE,
  SERVICE_ENTRY,
  WORKLOAD_ENTRY,
} from '../resource.ts';
import type { Resource } from '../resource.ts';

const negativeCondition = messageType({
  code: 'IST0171',
  name: 'NegativeConditionStatus',
  level: 'Warning',
  says: (type: string, reason: string, text: string) =>
    `A condition with a negative status is present: type=${type}, reason=${reason}, ` +
    `message=${text}.`,
});

const WAYPOINT = ['istio.io/WaypointBound'];
const ROUTE = ['Accepted', 'Programmed', 'ResolvedRefs'];

/** Conditions whose being False is bad news, by kind. */
const NEGATIVE: ReadonlyMap<string, readonly string[]> = new Map([
  [SERVICE, WAYPOINT],
  [SERVICE_ENTRY, WAYPOINT],
  [WORKLOAD_ENTRY, WAYPOINT],
  [AUTHORIZATION_POLICY, ['ZtunnelAccepted', 'WaypointAccepted']],
  [KUBE_GATEWAY, ROUTE],
  [HTTP_ROUTE, ROUTE],
  [GRPC_ROUTE, ROUTE],
]);

export const conditions: Analyzer = {
  name: 'conditions.ConditionAnalyzer',
  description: 'Checks for negative status conditions on resources',
  finds: [negativeCondition],
  *run(snapshot) {
    for (const [type, names] of NEGATIVE) {
      for (const resource of snapshot.of(type)) {
        for (const condition of conditionsOf(resource)) {
          if (!isNegative(condition, names)) continue;
          const [name, reason] = [textAt(condition, 'type'), textAt(condition, 'reason')];
          yield message(negativeCondition, resource, name, reason, textAt(condition, 'message'));
        }
      }
    }
  },
};

/** Routes have a status for each parent. */
function conditionsOf({ object }: Resource): readonly Fields[] {
  const status = fieldsOf(object.status);
  const ofParents = objectsAt(status, 'parents').flatMap((it) => objectsAt(it, 'conditions'));
  return [...objectsAt(status, 'conditions'), ...ofParents];
}

function isNegative(condition: Fields, names: readonly string[]): boolean {
  const name = textAt(condition, 'type');
  if (!names.includes(name)) return false;
  const isPartial = name === 'WaypointAccepted' && condition['reason'] === 'PartiallyInvalid';
  return condition['status'] === 'False' || isPartial;
}
