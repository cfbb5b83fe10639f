// Deployments and ReplicaSets: a template of pods and how many of them.
import { fieldOf } from '../field-path.ts';
import { validateLabels } from '../metadata-validation.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import {
  isJsonObject,
  isSameJson,
  numberAt,
  objectAt,
  stringAt,
  withFallbacks,
} from '../object.ts';
import { labelSelectorOf, matchesLabels } from '../selectors/label-selector.ts';
import type { Violation } from '../violation.ts';
import { invalid, notSupported, required } from '../violation.ts';
import type { Behaviour, ScalePaths } from './kind.ts';
import { podSpecWithDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-rules.ts';

export const WORKLOAD_SCALE: ScalePaths = {
  specReplicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  labelSelector: undefined,
};

const STRATEGIES = ['Recreate', 'RollingUpdate'];

export const REPLICA_SET: Behaviour = {
  defaults(draft) {
    draft['spec'] = { replicas: 1, ...specWithTemplate(objectAt(draft, 'spec')) };
  },
  validate: (object) => validateWorkload(objectAt(object, 'spec')),
  validateUpdate: validateSelectorUpdate,
};

export const DEPLOYMENT: Behaviour = {
  defaults(draft) {
    const spec = specWithTemplate(objectAt(draft, 'spec'));
    draft['spec'] = {
      ...withFallbacks(spec, {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      }),
      strategy: strategyWithDefaults(objectAt(spec, 'strategy')),
    };
  },
  validate(object) {
    const spec = objectAt(object, 'spec');
    const strategy = stringAt(objectAt(spec, 'strategy'), 'type');
    return [
      ...validateWorkload(spec),
      ...(STRATEGIES.includes(strategy)
        ? []
        : [notSupported('spec.strategy.type', strategy, STRATEGIES)]),
    ];
  },
  validateUpdate: validateSelectorUpdate,
};

function specWithTemplate(spec: JsonObject): JsonObject {
  const template = objectAt(spec, 'template');
  const podSpec = podSpecWithDefaults(objectAt(template, 'spec'));
  const metadata = objectAt(template, 'metadata');
  return { ...spec, template: { ...template, metadata, spec: podSpec } };
}

function strategyWithDefaults(strategy: JsonObject): JsonObject {
  const type = stringAt(strategy, 'type') || 'RollingUpdate';
  if (type !== 'RollingUpdate') return { ...strategy, type };
  const limits = { maxUnavailable: '25%', maxSurge: '25%' };
  return { type, rollingUpdate: { ...limits, ...objectAt(strategy, 'rollingUpdate') } };
}

function validateWorkload(spec: JsonObject): Violation[] {
  const selector = spec['selector'];
  const template = objectAt(spec, 'template');
  const labels = textMap(objectAt(objectAt(template, 'metadata'), 'labels'));
  const replicas = numberAt(spec, 'replicas') ?? 0;
  const policy = stringAt(objectAt(template, 'spec'), 'restartPolicy');
  return [
    ...(replicas < 0
      ? [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]
      : []),
    ...validateSelector(selector, labels),
    ...validateLabels(labels, 'spec.template.metadata.labels'),
    ...validatePodSpec(objectAt(template, 'spec'), 'spec.template.spec'),
    ...(policy === 'Always'
      ? []
      : [notSupported('spec.template.spec.restartPolicy', policy, ['Always'])]),
  ];
}

function validateSelector(
  selector: Json | undefined,
  labels: { readonly [key: string]: string },
): Violation[] {
  if (!isJsonObject(selector)) return [required('spec.selector')];
  const requirements = labelSelectorOf(selector);
  if (requirements.length === 0) {
    return [invalid('spec.selector', selector, 'empty selector is invalid for deployment')];
  }
  if (matchesLabels(requirements, labels)) return [];
  const at = fieldOf('spec.template.metadata', 'labels');
  return [invalid(at, labels, '`selector` does not match template `labels`')];
}

function validateSelectorUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  const selector = objectAt(next, 'spec')['selector'];
  if (isSameJson(selector, objectAt(previous, 'spec')['selector'])) return [];
  return [invalid('spec.selector', selector, 'field is immutable')];
}

function textMap(object: JsonObject): { [key: string]: string } {
  const entries = Object.entries(object).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value] as const] : [],
  );
  return Object.fromEntries(entries);
}
