// Istio's rules for an AuthorizationPolicy that its schema cannot say.
import { parseRange } from '#base/ip.ts';
import { DRY_RUN } from '../kind.ts';
import { refuseUnless } from '../kind-parts.ts';
import type { ParsedMeta } from '../object.ts';
import { checkTargets } from '../policy-target.ts';
import type { Reading } from '../schema/reading.ts';
import { conditionProblem, isServiceAccount, isTextPattern } from './condition.ts';
import type {
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from './schema.ts';

/** What Go's strconv.ParseBool takes. */
const BOOLEAN = /^(1|t|T|true|True|TRUE|0|f|F|false|False|FALSE)$/;
const PORT = /^\d{1,5}$/;

export function checkAuthorizationPolicy(
  spec: AuthorizationPolicySpec,
  meta: ParsedMeta,
  at: Reading,
): void {
  checkDryRun(spec, meta, at);
  checkAction(spec, at);
  checkTargets(spec, at);
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    const place = at.property('rules').item(index);
    checkRule(rule, place);
    if (spec.action === 'CUSTOM') checkCustomRule(rule, place);
  }
}

function checkDryRun({ action = 'ALLOW' }: AuthorizationPolicySpec, meta: ParsedMeta, at: Reading) {
  const dryRun = meta.annotations[DRY_RUN];
  if (dryRun === undefined) return;
  const place = at.sibling('metadata').property('annotations').key(DRY_RUN);
  if (action !== 'ALLOW' && action !== 'DENY') {
    place.refuse(`Forbidden: only ALLOW and DENY can be tried dry, not ${action}`);
  } else if (!BOOLEAN.test(dryRun)) {
    place.refuse(`Invalid value: ${place.quote(dryRun)}: must be true or false`);
  }
}

function checkAction({ action = 'ALLOW', rules, provider }: AuthorizationPolicySpec, at: Reading) {
  const isAimless = rules === undefined && (action === 'DENY' || action === 'CUSTOM');
  if (isAimless) {
    const remedy = 'add an empty rule {} to mean everything';
    at.property('rules').refuse(`Required value: ${action} without rules never applies; ${remedy}`);
  }
  if (action !== 'CUSTOM' && provider !== undefined) {
    at.property('provider').refuse(`Forbidden: only CUSTOM has a provider, not ${action}`);
  }
  if (action === 'CUSTOM' && rules !== undefined && !provider?.name) {
    at.property('provider').property('name').missing();
  }
}

function checkRule({ from, to, when = [] }: AuthorizationRule, at: Reading): void {
  if (from?.length === 0) at.property('from').refuse('Invalid value: must not be empty');
  for (const [index, { source }] of (from ?? []).entries()) {
    const place = at.property('from').item(index).property('source');
    if (source === undefined) place.missing();
    else checkSource(source, place);
  }
  if (to?.length === 0) at.property('to').refuse('Invalid value: must not be empty');
  for (const [index, { operation }] of (to ?? []).entries()) {
    const place = at.property('to').item(index).property('operation');
    if (operation === undefined) place.missing();
    else checkOperation(operation, place);
  }
  for (const [index, condition] of when.entries()) {
    const problem = conditionProblem(condition);
    const place = at.property('when').item(index);
    if (problem !== undefined) place.property(problem.field).refuse(problem.message);
  }
}

function checkSource(source: AuthorizationSource, at: Reading): void {
  checkValues(source, at);
  const blocks = ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const;
  for (const field of blocks) {
    refuseUnless(source[field], at.property(field), {
      isValid: (value) => parseRange(value) !== undefined,
      message: 'must be an IP address or a CIDR',
    });
  }
  for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) {
    refuseUnless(source[field], at.property(field), {
      isValid: isServiceAccount,
      message: 'must be serviceAccount or namespace/serviceAccount',
    });
  }
  for (const field of ['trustDomains', 'notTrustDomains'] as const) {
    refuseUnless(source[field], at.property(field), {
      isValid: (value) => isTextPattern(value) && !value.includes('/'),
      message: 'must be a trust domain; * only at its beginning or its end',
    });
  }
}

/** What a segment beside templates may be made of (RFC 3986 appendix A, pchar). */
const LITERAL = /^[a-zA-Z0-9-._~%!$&'()+,;:@=]+$/;

/** `{*}` stands for one segment, `{**}` for the rest: nothing templated may follow it. */
function isPathValid(path: string): boolean {
  const segments = path.replace(/^\/+|\/+$/g, '').split('/');
  const isTemplate = path.includes('{*}') || path.includes('{**}');
  const rest = segments.indexOf('{**}');
  return segments.every((segment, index) => {
    const isPart = segment === '{*}' || segment === '{**}';
    if (isPart) return rest < 0 || index <= rest;
    return !/[{}]/.test(segment) && (!isTemplate || LITERAL.test(segment));
  });
}

function checkOperation(operation: AuthorizationOperation, at: Reading): void {
  checkValues(operation, at);
  for (const field of ['ports', 'notPorts'] as const) {
    refuseUnless(operation[field], at.property(field), {
      isValid: (port) => PORT.test(port) && Number(port) <= 65_535,
      message: 'must be a port number',
    });
  }
  for (const field of ['paths', 'notPaths'] as const) {
    refuseUnless(operation[field], at.property(field), {
      isValid: isPathValid,
      message: 'is no path template that is supported',
    });
  }
}

/** At least one field says something, and none says the empty string. */
function checkValues(
  fields: Readonly<Record<string, readonly string[] | undefined>>,
  at: Reading,
): void {
  const said = Object.entries(fields).filter(([, values]) => (values ?? []).length > 0);
  if (said.length === 0) at.refuse('Invalid value: must not be empty');
  for (const [field, values] of said) {
    const message = 'an empty value is not allowed';
    refuseUnless(values, at.property(field), { isValid: (value) => value !== '', message });
  }
}

/** An external authorizer is asked before the peer's identity counts. */
function checkCustomRule({ from = [], when = [] }: AuthorizationRule, at: Reading): void {
  const identities = [
    'namespaces',
    'notNamespaces',
    'serviceAccounts',
    'notServiceAccounts',
    'trustDomains',
    'notTrustDomains',
    'principals',
    'notPrincipals',
    'requestPrincipals',
    'notRequestPrincipals',
  ] as const;
  for (const [index, { source = {} }] of from.entries()) {
    const place = at.property('from').item(index).property('source');
    for (const field of identities) {
      if ((source[field] ?? []).length === 0) continue;
      place.property(field).refuse('Forbidden: not supported with CUSTOM');
    }
  }
  for (const [index, { key }] of when.entries()) {
    if (!/^(source\.(namespace|principal|serviceAccount|trustDomain)$|request\.auth\.)/.test(key))
      continue;
    const place = at.property('when').item(index).property('key');
    place.refuse(`Forbidden: ${place.quote(key)} is not supported with CUSTOM`);
  }
}
