// Pods: defaults, what may change after creation, and how long one lives on when deleted.
import type { JsonObject, KubeObject } from '../object.ts';
import {
  isSameJson,
  numberAt,
  objectAt,
  objectsAt,
  stringAt,
  withFallbacks,
  without,
} from '../object.ts';
import type { SelectableFields } from '../selectors/field-selector.ts';
import type { Violation } from '../violation.ts';
import { forbidden } from '../violation.ts';
import type { Behaviour } from './kind.ts';
import { podSpecWithDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-rules.ts';

export const POD: Behaviour = {
  defaults(draft) {
    // of Pods alone: in templates Kubernetes leaves it open
    draft['spec'] = { enableServiceLinks: true, ...podSpecWithDefaults(objectAt(draft, 'spec')) };
  },
  prepareCreate(draft) {
    draft['spec'] = withAccount(objectAt(draft, 'spec'));
    draft['status'] = { phase: 'Pending', qosClass: qosClassOf(objectAt(draft, 'spec')) };
  },
  prepareUpdate(draft, previous) {
    // What the server and the scheduler filled in need not be repeated.
    const { serviceAccountName, serviceAccount, nodeName } = objectAt(previous, 'spec');
    draft['spec'] = withFallbacks(objectAt(draft, 'spec'), {
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      ...(serviceAccount !== undefined && { serviceAccount }),
      ...(nodeName !== undefined && { nodeName }),
    });
  },
  validate: (pod) => validatePodSpec(objectAt(pod, 'spec'), 'spec'),
  validateUpdate,
  returnsDeleted: true,
  gracePeriodSeconds,
};

/** Every pod speaks for some service account. */
function withAccount(spec: JsonObject): JsonObject {
  const name = stringAt(spec, 'serviceAccountName') || 'default';
  return { ...spec, serviceAccountName: name, serviceAccount: name };
}

/**
 * A pod that runs nowhere, or no longer, goes at once; for any other the node must say that it has
 * ended, by a DELETE of its own with a grace period of 0.
 */
function gracePeriodSeconds(pod: KubeObject): number | undefined {
  const spec = objectAt(pod, 'spec');
  const phase = stringAt(objectAt(pod, 'status'), 'phase');
  if (stringAt(spec, 'nodeName') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return numberAt(spec, 'terminationGracePeriodSeconds') ?? 0;
}

function validateUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  const [before, after] = [objectAt(previous, 'spec'), objectAt(next, 'spec')];
  const isBound = stringAt(before, 'nodeName') !== '';
  const isMoved = isBound && before['nodeName'] !== after['nodeName'];
  if (!isMoved && isSameJson(fixedPart(before), fixedPart(after))) return [];
  const why =
    'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [forbidden('spec', why)];
}

const CHANGEABLE = [
  'activeDeadlineSeconds',
  'tolerations',
  'terminationGracePeriodSeconds',
  'nodeName',
];

/** A spec without what may change. Binding to a node happens once, from empty to a name. */
function fixedPart(spec: JsonObject): JsonObject {
  const withoutImages = (field: string) =>
    objectsAt(spec, field).map((container) => without(container, 'image'));
  return {
    ...without(spec, ...CHANGEABLE),
    containers: withoutImages('containers'),
    initContainers: withoutImages('initContainers'),
  };
}

/** BestEffort without any request or limit, Guaranteed when every one is set and equal. */
function qosClassOf(spec: JsonObject): string {
  const resources = objectsAt(spec, 'containers').map((one) => objectAt(one, 'resources'));
  const isSet = (part: JsonObject) => Object.keys(part).length > 0;
  const hasAny = resources.some(
    (one) => isSet(objectAt(one, 'requests')) || isSet(objectAt(one, 'limits')),
  );
  if (!hasAny) return 'BestEffort';
  const isGuaranteed = resources.every((one) => {
    const limits = objectAt(one, 'limits');
    const requests = { ...limits, ...objectAt(one, 'requests') };
    const hasBoth = limits['cpu'] !== undefined && limits['memory'] !== undefined;
    return hasBoth && isSameJson(requests, limits);
  });
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

const fromSpec = (field: string) => (pod: KubeObject) => stringAt(objectAt(pod, 'spec'), field);
const fromStatus = (field: string) => (pod: KubeObject) => stringAt(objectAt(pod, 'status'), field);

export const POD_FIELDS: SelectableFields = new Map([
  ['spec.nodeName', fromSpec('nodeName')],
  ['spec.restartPolicy', fromSpec('restartPolicy')],
  ['spec.schedulerName', fromSpec('schedulerName')],
  ['spec.serviceAccountName', fromSpec('serviceAccountName')],
  ['spec.hostNetwork', (pod) => String(objectAt(pod, 'spec')['hostNetwork'] === true)],
  ['status.phase', fromStatus('phase')],
  ['status.podIP', fromStatus('podIP')],
  ['status.nominatedNodeName', fromStatus('nominatedNodeName')],
]);
