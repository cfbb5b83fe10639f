// RBAC's policy rules: what one rule covers.
import type { Attributes } from './authorizer.ts';

export type PolicyRule = {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** `pods`, `pods/log`, `*`, `*\/status` */
  readonly resources?: readonly string[];
  /** Only objects of these names; empty: of any. */
  readonly resourceNames?: readonly string[];
  /** Paths outside of resources; a trailing `*` matches all that begins so. */
  readonly nonResourceURLs?: readonly string[];
};

export function ruleCovers(rule: PolicyRule, attributes: Attributes): boolean {
  if (!includesOrAll(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResource) return coversPath(rule.nonResourceURLs ?? [], attributes.path);
  const { resourceNames = [] } = rule;
  return (
    includesOrAll(rule.apiGroups ?? [], attributes.group) &&
    coversResource(rule.resources ?? [], attributes.resource, attributes.subresource) &&
    (resourceNames.length === 0 || resourceNames.includes(attributes.name))
  );
}

function includesOrAll(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value);
}

function coversResource(
  resources: readonly string[],
  resource: string,
  subresource: string,
): boolean {
  if (subresource === '') return includesOrAll(resources, resource);
  return (
    includesOrAll(resources, `${resource}/${subresource}`) || resources.includes(`*/${subresource}`)
  );
}

function coversPath(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path,
  );
}
