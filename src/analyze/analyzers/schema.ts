// What the API server and the validating webhook would say of each object, and advise about it.
import { assertNever } from '#base/assert-never.ts';
import { GATEWAY_API_KINDS, parseGatewayApiObject } from '#istio/gatewayapi/kinds.ts';
import { KINDS } from '#istio/kinds.ts';
import { renderViolation } from '#istio/object.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { renderWarning } from '#istio/warnings/warning.ts';
import type { Warning } from '#istio/warnings/warning.ts';
import { warningsOf } from '#istio/warnings/warnings.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { parsePath } from '../path.ts';
import { at } from '../resource.ts';
import type { Resource } from '../resource.ts';

const schemaValidationError = messageType({
  code: 'IST0106',
  name: 'SchemaValidationError',
  level: 'Error',
  says: (problem: string) => `Schema validation error: ${problem}`,
});

const schemaWarning = messageType({
  code: 'IST0133',
  name: 'SchemaWarning',
  level: 'Warning',
  says: (problem: string) => `Schema validation warning: ${problem}`,
});

const unreachableRule = messageType({
  code: 'IST0130',
  name: 'VirtualServiceUnreachableRule',
  level: 'Warning',
  says: (rule: string, reason: string) => `VirtualService rule ${rule} not used (${reason}).`,
});

const ineffectiveMatch = messageType({
  code: 'IST0131',
  name: 'VirtualServiceIneffectiveMatch',
  level: 'Info',
  says: (rule: string, match: string, duplicate: string) =>
    `VirtualService rule ${rule} match ${match} is not used (duplicate/overlapping match in ` +
    `rule ${duplicate}).`,
});

/** Istio calls a Gateway of Kubernetes so, too. */
const GATEWAY_NAMES: ReadonlyMap<string, string> = new Map([
  ['gateway.networking.k8s.io', 'Kubernetes'],
]);
const ALL_KINDS = [...KINDS, ...GATEWAY_API_KINDS];

/** One for each kind, as in Istio, so that they can be chosen alone. */
export const schemas: readonly Analyzer[] = ALL_KINDS.map(({ type: { group, kind } }) => ({
  name: `schema.ValidationAnalyzer.${GATEWAY_NAMES.get(group) ?? ''}${kind}`,
  description: `Runs schema validation as an analyzer on '${kind}' resources`,
  finds: [schemaValidationError, schemaWarning, unreachableRule, ineffectiveMatch],
  *run(snapshot) {
    for (const resource of snapshot.of(`${group}/${kind}`)) {
      yield* violations(resource);
      for (const warning of warningsOf(resource.object)) yield adviceOf(resource, warning);
    }
  },
}));

function* violations(resource: Resource): Iterable<Message> {
  const result = parseIstioObject(resource.object) ?? parseGatewayApiObject(resource.object);
  if (result === undefined || result.ok) return;
  for (const violation of result.violations) {
    const place = at(resource, ...parsePath(violation.field));
    yield message(schemaValidationError, place, renderViolation(violation));
  }
}

function adviceOf(resource: Resource, warning: Warning): Message {
  const place = at(resource, ...parsePath(warning.field));
  switch (warning.kind) {
    case 'advice':
      return message(schemaWarning, place, renderWarning(warning));
    case 'unreachable-rule':
      return message(unreachableRule, place, warning.rule, warning.reason);
    case 'ineffective-match':
      return message(ineffectiveMatch, place, warning.rule, warning.match, warning.duplicate);
    default:
      return assertNever(warning);
  }
}
