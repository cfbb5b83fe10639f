// Steps that creating and changing an object have in common.
import { hasRules, RULES_NOT_CHECKED, validateRules } from '../cel/rules.ts';
import { resourceOf } from '../kinds/kind.ts';
import { validateMetadata } from '../metadata-validation.ts';
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import { isSameJson, without } from '../object.ts';
import { validateValue } from '../schema/validate.ts';
import { invalidObject } from '../status.ts';
import type { StatusError } from '../status.ts';
import type { ObjectKey } from '../store/store.ts';
import type { Violation } from '../violation.ts';
import type { Scope } from './scope.ts';

export function keyIn({ served, namespace }: Scope, name: string): ObjectKey {
  const { kind } = served;
  return { resource: resourceOf(kind), namespace: kind.isNamespaced ? namespace : '', name };
}

export function invalidIn(
  { served }: Scope,
  name: string,
  violations: readonly Violation[],
): StatusError {
  return invalidObject(served.kind, name, violations);
}

/**
 * What can be said of the new state alone, and what a custom kind has to say of the change.
 *
 * @param previous the state that it replaces; absent for a new object
 */
export function validateState(
  scope: Scope,
  object: KubeObject,
  previous?: KubeObject,
): readonly Violation[] {
  const { kind, version } = scope.served;
  const metadata = validateMetadata(object.metadata, kind.nameRule);
  if (!kind.isCustom) return [...metadata, ...(kind.behaviour.validate?.(object) ?? [])];
  const structural = validateValue(version.schema, object);
  if (structural.length === 0) {
    return [...metadata, ...validateRules(version.schema, object, previous)];
  }
  const rest = hasRules(version.schema) ? [RULES_NOT_CHECKED] : [];
  return [...metadata, ...structural, ...rest];
}

/** @throws StatusError Invalid when there are violations */
export function requireValid(scope: Scope, name: string, violations: readonly Violation[]): void {
  if (violations.length > 0) throw invalidIn(scope, name, violations);
}

/** What a change of counts as a new generation: all that users want, nothing that is observed. */
export function desiredState(object: KubeObject): JsonObject {
  return without(object, 'apiVersion', 'kind', 'metadata', 'status');
}

/** Equal but for what the server itself writes into every new state. */
export function isSameState(next: Draft, previous: KubeObject): boolean {
  return isSameJson(comparable(next), comparable(previous));
}

function comparable(object: KubeObject): JsonObject {
  const metadata = without(object.metadata, 'resourceVersion', 'managedFields');
  return { ...without(object, 'apiVersion', 'kind'), metadata: withoutEmpty(metadata) };
}

/** `labels: {}` and no labels are the same. */
function withoutEmpty(metadata: JsonObject): JsonObject {
  const entries = Object.entries(metadata).filter(
    ([, value]) => typeof value !== 'object' || value === null || Object.keys(value).length > 0,
  );
  return Object.fromEntries(entries);
}
