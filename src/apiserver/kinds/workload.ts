// Deployments and ReplicaSets: a template of pods and how many of them. And what all kinds with
// such a template have in common.
import { fieldOf } from '../field-path.ts';
import { validateLabels } from '../metadata-validation.ts';
import type { Draft, Json, JsonObject, KubeObject } from '../object.ts';
import { isJsonObject, isSameJson, objectAt, stringAt, withFallbacks } from '../object.ts';
import { labelSelectorOf, matchesLabels } from '../selectors/label-selector.ts';
import type { Violation } from '../violation.ts';
import { forbidden, invalid, notSupported, required } from '../violation.ts';
import type { Behaviour } from './kind.ts';
import { podSpecWithDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-rules.ts';

const STRATEGIES = ['Recreate', 'RollingUpdate'];

export const REPLICA_SET: Behaviour = {
  defaults(draft) {
    draft['spec'] = { replicas: 1, ...specWithTemplate(objectAt(draft, 'spec')) };
  },
  validate: (object) => validateWorkload(objectAt(object, 'spec'), 'deployment', 'ReplicaSet'),
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
      ...validateWorkload(spec, 'deployment', 'ReplicaSet'),
      ...validateChoice('spec.strategy.type', strategy, STRATEGIES),
    ];
  },
  validateUpdate: validateSelectorUpdate,
};

/** A spec whose pods' template has what Kubernetes fills into one. */
export function specWithTemplate(spec: JsonObject): JsonObject {
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

/**
 * What pods that are to run for ever need: a selector that finds them, and a template of them.
 *
 * @param what the kind in messages about the selector, as Kubernetes words them
 * @param kind in those about the pods
 */
export function validateWorkload(spec: JsonObject, what: string, kind: string): Violation[] {
  const labels = templateLabels(spec);
  return [
    ...validateAmount('spec.replicas', spec['replicas']),
    ...validateSelector(spec['selector'], labels, what),
    ...validateTemplate(spec, 'spec'),
    ...validateRunsForEver(spec, kind),
  ];
}

/** @param path of the spec that the template is in */
export function validateTemplate(spec: JsonObject, path: string): Violation[] {
  const template = fieldOf(path, 'template');
  return [
    ...validateLabels(templateLabels(spec), fieldOf(template, 'metadata.labels')),
    ...validatePodSpec(objectAt(objectAt(spec, 'template'), 'spec'), fieldOf(template, 'spec')),
  ];
}

export function validateRunsForEver(spec: JsonObject, kind: string): Violation[] {
  const path = 'spec.template.spec';
  const pod = objectAt(objectAt(spec, 'template'), 'spec');
  const why = `activeDeadlineSeconds in ${kind} is not Supported`;
  return [
    ...validateChoice(`${path}.restartPolicy`, stringAt(pod, 'restartPolicy'), ['Always']),
    ...(pod['activeDeadlineSeconds'] === undefined
      ? []
      : [forbidden(`${path}.activeDeadlineSeconds`, why)]),
  ];
}

export function validateChoice(
  path: string,
  value: string,
  choices: readonly string[],
): Violation[] {
  return choices.includes(value) ? [] : [notSupported(path, value, choices)];
}

/** A number that is there must not be negative. */
export function validateAmount(path: string, value: Json | undefined): Violation[] {
  if (typeof value !== 'number' || value >= 0) return [];
  return [invalid(path, value, 'must be greater than or equal to 0')];
}

function validateSelector(
  selector: Json | undefined,
  labels: { readonly [key: string]: string },
  what: string,
): Violation[] {
  if (!isJsonObject(selector)) return [required('spec.selector')];
  const requirements = labelSelectorOf(selector);
  if (requirements.length === 0) {
    return [invalid('spec.selector', selector, `empty selector is invalid for ${what}`)];
  }
  if (matchesLabels(requirements, labels)) return [];
  return [mismatch(labels)];
}

export function mismatch(labels: { readonly [key: string]: string }): Violation {
  const at = 'spec.template.metadata.labels';
  return invalid(at, labels, '`selector` does not match template `labels`');
}

export function validateSelectorUpdate(next: KubeObject, previous: KubeObject): Violation[] {
  return validateFixed(['selector'], next, previous);
}

/** Fields of the spec that stay as they were made. */
export function validateFixed(
  fields: readonly string[],
  next: KubeObject,
  previous: KubeObject,
): Violation[] {
  const [before, after] = [objectAt(previous, 'spec'), objectAt(next, 'spec')];
  return fields
    .filter((field) => !isSameJson(after[field], before[field]))
    .map((field) => invalid(fieldOf('spec', field), after[field], 'field is immutable'));
}

/** An object without labels of its own gets those of its pods. */
export function labelLikeItsPods(draft: Draft, labels: { readonly [key: string]: string }): void {
  const isBare = Object.keys(draft.metadata.labels ?? {}).length === 0;
  if (isBare && Object.keys(labels).length > 0) draft.metadata.labels = labels;
}

/** The labels of a template's pods. */
export function templateLabels(spec: JsonObject): { [key: string]: string } {
  const labels = objectAt(objectAt(objectAt(spec, 'template'), 'metadata'), 'labels');
  const entries = Object.entries(labels).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value] as const] : [],
  );
  return Object.fromEntries(entries);
}
