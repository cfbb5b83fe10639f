// Does a webhook want to be asked about a request?
import { Budget, evaluate } from '../cel/evaluate.ts';
import { parseExpression } from '#base/cel/parser.ts';
import { CelError, toCel } from '../cel/values.ts';
import { CelSyntaxError } from '#base/cel/lexer.ts';
import type { KubeObject } from '../object.ts';
import type { Backend } from '../registry/scope.ts';
import { matchesLabels } from '../selectors/label-selector.ts';
import type { AdmissionRequest } from './admission.ts';
import type { Webhook, WebhookRule } from './webhook.ts';

/**
 * The version in which the webhook wants to see the object: that of the request, or an equivalent
 * one that its rules name; undefined when it does not want to be asked.
 */
export function matchedVersion(
  webhook: Webhook,
  request: AdmissionRequest,
  backend: Backend,
): string | undefined {
  const { kind, version } = request.scope.served;
  // Webhooks must not be able to lock out the configuration that mends them.
  if (kind.group === 'admissionregistration.k8s.io') return undefined;
  const others = webhook.matchesEquivalent ? kind.versions.map(({ name }) => name) : [];
  const wanted = [version.name, ...others].find((name) =>
    webhook.rules.some((rule) => ruleMatches(rule, request, name)),
  );
  if (wanted === undefined) return undefined;
  if (!matchesNamespace(webhook, request, backend)) return undefined;
  const states = [request.object, request.previous].filter((state) => state !== undefined);
  if (!states.some(({ metadata }) => matchesLabels(webhook.objects, metadata.labels))) {
    return undefined;
  }
  return wanted;
}

function ruleMatches(rule: WebhookRule, { scope, operation }: AdmissionRequest, version: string) {
  const { kind } = scope.served;
  const placement = kind.isNamespaced ? 'Namespaced' : 'Cluster';
  return (
    includesOrAll(rule.operations, operation) &&
    includesOrAll(rule.groups, kind.group) &&
    includesOrAll(rule.versions, version) &&
    (rule.scope === '*' || rule.scope === placement) &&
    rule.resources.some((text) => resourceMatches(text, kind.plural, scope.subresource))
  );
}

function includesOrAll(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value);
}

/** `*` is every resource but no subresource, `*\/*` is everything, `pods/*` all of a pod's parts. */
function resourceMatches(text: string, plural: string, subresource: string): boolean {
  const [resource, part = ''] = text.split('/');
  const isResource = resource === '*' || resource === plural;
  if (!text.includes('/')) return isResource && subresource === '';
  if (part !== '*') return isResource && part === subresource;
  return isResource;
}

/** Namespaces are selected by their own labels; what is in none is selected by every selector. */
function matchesNamespace(
  webhook: Webhook,
  { scope, object, previous, name }: AdmissionRequest,
  { store }: Backend,
): boolean {
  const { kind } = scope.served;
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  if (isNamespace) {
    return matchesLabels(webhook.namespaces, (object ?? previous)?.metadata.labels);
  }
  if (!kind.isNamespaced) return true;
  const key = { resource: 'namespaces', namespace: '', name: scope.namespace };
  const namespace = store.get(key);
  return matchesLabels(webhook.namespaces, namespace?.metadata.labels ?? { name });
}

/**
 * Do the webhook's conditions on the object hold?
 *
 * @throws CelError when one of them cannot be computed
 */
export function conditionsHold(
  { matchConditions }: Webhook,
  states: { readonly object: KubeObject | undefined; readonly previous: KubeObject | undefined },
): boolean {
  if (matchConditions.length === 0) return true;
  const variables = new Map([
    ['object', toCel(states.object, undefined)],
    ['oldObject', toCel(states.previous, undefined)],
  ]);
  const budget = new Budget();
  return matchConditions.every(({ name, expression }) => {
    try {
      return evaluate(parseExpression(expression), variables, budget) === true;
    } catch (error) {
      if (!(error instanceof CelSyntaxError)) throw error;
      throw new CelError(`match condition ${name}: ${error.message}`);
    }
  });
}
