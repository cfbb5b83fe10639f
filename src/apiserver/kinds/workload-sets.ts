// StatefulSets, DaemonSets and ReplicationControllers. They are kept, as for any client that reads
// or writes them; nothing here runs their pods.
import { nameProblem } from '../metadata-validation.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import {
  isJsonObject,
  isSameJson,
  objectAt,
  objectsAt,
  stringAt,
  withFallbacks,
  without,
} from '../object.ts';
import type { Violation } from '../violation.ts';
import { forbidden, invalid, required } from '../violation.ts';
import type { Behaviour } from './kind.ts';
import {
  labelLikeItsPods,
  mismatch,
  specWithTemplate,
  templateLabels,
  validateAmount,
  validateChoice,
  validateRunsForEver,
  validateSelectorUpdate,
  validateTemplate,
  validateWorkload,
} from './workload.ts';

const STRATEGIES = ['RollingUpdate', 'OnDelete'];
const ORDERS = ['OrderedReady', 'Parallel'];
const RETENTIONS = ['Retain', 'Delete'];

export const STATEFUL_SET: Behaviour = {
  defaults(draft) {
    const spec = specWithTemplate(objectAt(draft, 'spec'));
    const retention = objectAt(spec, 'persistentVolumeClaimRetentionPolicy');
    const claims = objectsAt(spec, 'volumeClaimTemplates').map((claim) => claimWithDefaults(claim));
    draft['spec'] = {
      ...withFallbacks(spec, {
        replicas: 1,
        serviceName: '',
        podManagementPolicy: 'OrderedReady',
        revisionHistoryLimit: 10,
      }),
      updateStrategy: strategyWithDefaults(objectAt(spec, 'updateStrategy'), { partition: 0 }),
      persistentVolumeClaimRetentionPolicy: withFallbacks(retention, {
        whenDeleted: 'Retain',
        whenScaled: 'Retain',
      }),
      ...(claims.length > 0 && { volumeClaimTemplates: claims }),
    };
  },
  validate(object) {
    const spec = objectAt(object, 'spec');
    const rolling = objectAt(objectAt(spec, 'updateStrategy'), 'rollingUpdate');
    const retention = objectAt(spec, 'persistentVolumeClaimRetentionPolicy');
    const retentionPath = 'spec.persistentVolumeClaimRetentionPolicy';
    return [
      ...validateWorkload(withClaims(spec), 'statefulset', 'StatefulSet'),
      ...validateServiceName(spec),
      ...validateChoice('spec.podManagementPolicy', stringAt(spec, 'podManagementPolicy'), ORDERS),
      ...validateStrategy(spec),
      ...validateAmount('spec.updateStrategy.rollingUpdate.partition', rolling['partition']),
      ...validateAmount('spec.ordinals.start', objectAt(spec, 'ordinals')['start']),
      ...['whenDeleted', 'whenScaled'].flatMap((field) =>
        validateChoice(`${retentionPath}.${field}`, stringAt(retention, field), RETENTIONS),
      ),
    ];
  },
  validateUpdate(next, previous) {
    if (isSameJson(fixedPart(next), fixedPart(previous))) return [];
    const why =
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    return [forbidden('spec', why)];
  },
};

export const DAEMON_SET: Behaviour = {
  defaults(draft) {
    const spec = specWithTemplate(objectAt(draft, 'spec'));
    const limits = { maxUnavailable: 1, maxSurge: 0 };
    draft['spec'] = {
      ...withFallbacks(spec, { revisionHistoryLimit: 10 }),
      updateStrategy: strategyWithDefaults(objectAt(spec, 'updateStrategy'), limits),
    };
  },
  validate(object) {
    const spec = objectAt(object, 'spec');
    const strategy = stringAt(objectAt(spec, 'updateStrategy'), 'type');
    return [
      ...validateWorkload(spec, 'daemonset', 'DaemonSet'),
      ...validateChoice('spec.updateStrategy.type', strategy, STRATEGIES),
    ];
  },
  validateUpdate: validateSelectorUpdate,
};

/** Before there were selectors with expressions: equal labels only, the template's unless said. */
export const REPLICATION_CONTROLLER: Behaviour = {
  defaults(draft) {
    const spec = specWithTemplate(objectAt(draft, 'spec'));
    const labels = templateLabels(spec);
    const hasSelector = Object.keys(objectAt(spec, 'selector')).length > 0;
    draft['spec'] = {
      ...withFallbacks(spec, { replicas: 1 }),
      ...(!hasSelector && Object.keys(labels).length > 0 && { selector: labels }),
    };
    labelLikeItsPods(draft, labels);
  },
  validate(object) {
    const spec = objectAt(object, 'spec');
    return [
      ...validateAmount('spec.replicas', spec['replicas']),
      ...validateEqualLabels(spec),
      ...validateTemplate(spec, 'spec'),
      ...validateRunsForEver(spec, 'ReplicationController'),
    ];
  },
};

function validateEqualLabels(spec: JsonObject): Violation[] {
  const selector = objectAt(spec, 'selector');
  const labels = templateLabels(spec);
  const pairs = Object.entries(selector);
  if (pairs.length === 0) return [required('spec.selector')];
  return pairs.every(([key, value]) => labels[key] === value) ? [] : [mismatch(labels)];
}

function strategyWithDefaults(strategy: JsonObject, limits: JsonObject): JsonObject {
  const type = stringAt(strategy, 'type') || 'RollingUpdate';
  if (type !== 'RollingUpdate') return { ...strategy, type };
  return { type, rollingUpdate: { ...limits, ...objectAt(strategy, 'rollingUpdate') } };
}

function validateServiceName(spec: JsonObject): Violation[] {
  const name = stringAt(spec, 'serviceName');
  const problem = name === '' ? undefined : nameProblem('label', name);
  return problem === undefined ? [] : [invalid('spec.serviceName', name, problem)];
}

function validateStrategy(spec: JsonObject): Violation[] {
  const strategy = objectAt(spec, 'updateStrategy');
  const type = stringAt(strategy, 'type');
  const rolling = strategy['rollingUpdate'];
  const path = 'spec.updateStrategy';
  return [
    ...validateChoice(`${path}.type`, type, STRATEGIES),
    ...(type === 'OnDelete' && isJsonObject(rolling)
      ? [
          invalid(
            `${path}.rollingUpdate`,
            rolling,
            "only allowed for updateStrategy 'RollingUpdate'",
          ),
        ]
      : []),
  ];
}

function claimWithDefaults(claim: JsonObject): JsonObject {
  return {
    ...claim,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    spec: withFallbacks(objectAt(claim, 'spec'), { volumeMode: 'Filesystem' }),
    status: withFallbacks(objectAt(claim, 'status'), { phase: 'Pending' }),
  };
}

/** As its pods will be: what is claimed for each of them can be mounted like any other volume. */
function withClaims(spec: JsonObject): JsonObject {
  const template = objectAt(spec, 'template');
  const pod = objectAt(template, 'spec');
  const volumes = objectsAt(pod, 'volumes');
  const claimed = objectsAt(spec, 'volumeClaimTemplates')
    .map((claim) => stringAt(objectAt(claim, 'metadata'), 'name'))
    .filter((name) => !volumes.some((volume) => volume['name'] === name))
    .map((name) => ({ name }));
  return {
    ...spec,
    template: { ...template, spec: { ...pod, volumes: [...volumes, ...claimed] } },
  };
}

/** Of a StatefulSet's spec. */
function fixedPart(object: KubeObject): JsonObject {
  return without(
    objectAt(object, 'spec'),
    'replicas',
    'ordinals',
    'template',
    'updateStrategy',
    'revisionHistoryLimit',
    'persistentVolumeClaimRetentionPolicy',
    'minReadySeconds',
  );
}
