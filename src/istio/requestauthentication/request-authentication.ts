// A RequestAuthentication as the mesh uses it: whose tokens a workload takes for good, where it
// looks for them, and what it hands on of them.
import type { KubeObject } from '#kube/objects.ts';
import { durationMs } from '../duration.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkTargets, policyTargets } from '../policy-target.ts';
import type { PolicyTargetReference } from '../policy-target.ts';
import type { Reading } from '../schema/reading.ts';
import { isKeySetOrKey, parseKeySet } from './key-set.ts';
import { requestAuthenticationKind } from './schema.ts';
import type { RequestAuthenticationSpec } from './schema.ts';

export type JwtRule = {
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: JwtKeys;
  /** Where tokens are looked for; nowhere said: `Authorization: Bearer`, parameter access_token. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** Does the application see the token? */
  readonly isForwarded: boolean;
  /** The payload, base64url, in this header; empty: not told. */
  readonly outputPayloadToHeader: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Claims whose text is a list of words, besides `scope` and `permission`. */
  readonly spaceDelimitedClaims: readonly string[];
};

/** Where the keys are that tokens are signed with: a JSON Web Key Set (RFC 7517). */
export type JwtKeys =
  | { readonly kind: 'inline'; readonly jwks: string }
  | { readonly kind: 'remote'; readonly source: JwksSource };

export type JwksSource = {
  /** Of the key set; or, where `isDiscovery`, of the issuer's description that names it. */
  readonly uri: string;
  /** OpenID Connect Discovery 1.0, section 4: for issuers that say nothing of their keys. */
  readonly isDiscovery: boolean;
  readonly timeoutMs: number;
};

export type RequestAuthentication = ParsedMeta & {
  /** Empty: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>>;
  readonly targets: readonly PolicyTargetReference[];
  readonly rules: readonly JwtRule[];
  readonly remarks: readonly Violation[];
};

/** Istio's for fetching keys. */
const TIMEOUT_MS = 5000;

export function parseRequestAuthentication(object: KubeObject): ParseResult<RequestAuthentication> {
  return parseObject(requestAuthenticationKind, object, (spec, meta, at) => {
    checkTargets(spec, at);
    for (const [index, rule] of (spec.jwtRules ?? []).entries()) {
      const keys = at.property('jwtRules').item(index).property('jwks');
      if ((rule.jwks ?? '') !== '' && !isKeySetOrKey(rule.jwks ?? '')) {
        keys.refuse('Invalid value: not a JSON Web Key Set');
      }
      const place = at.property('jwtRules').item(index);
      checkHeaders(rule, place);
      if (rule.issuer ?? rule.jwksUri ?? rule.jwks_uri) continue;
      place.refuse('Required value: one of issuer and jwksUri must be set');
    }
    return {
      ...meta,
      selector: spec.selector?.matchLabels ?? {},
      targets: policyTargets(spec),
      rules: (spec.jwtRules ?? []).map(jwtRuleOf),
      remarks: remarksOf(spec, at),
    };
  });
}

/** A set without a key is good, and nobody has a good token. */
function remarksOf({ jwtRules = [] }: RequestAuthenticationSpec, at: Reading): Violation[] {
  return jwtRules.flatMap(({ jwks = '' }, index) =>
    jwks === '' || parseKeySet(jwks)
      ? []
      : {
          field: at.property('jwtRules').item(index).property('jwks').field,
          message: 'no JSON Web Key Set with a key: every token of the issuer is refused',
        },
  );
}

type JwtRuleSpec = NonNullable<RequestAuthenticationSpec['jwtRules']>[number];

/** RFC 9110: what a field's name is made of. Envoy refuses other names, and all rules with them. */
const HEADER_NAME = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;

function checkHeaders(rule: JwtRuleSpec, at: Reading): void {
  const { fromHeaders = [], outputPayloadToHeader = '' } = rule;
  const message = 'Invalid value: must be the name of a header';
  for (const [index, { name, prefix = '' }] of fromHeaders.entries()) {
    const place = at.property('fromHeaders').item(index);
    if (!HEADER_NAME.test(name)) place.property('name').refuse(message);
    if (/[\0\r\n]/.test(prefix)) {
      place.property('prefix').refuse('Invalid value: must be part of one line');
    }
  }
  if (outputPayloadToHeader !== '' && !HEADER_NAME.test(outputPayloadToHeader)) {
    at.property('outputPayloadToHeader').refuse(message);
  }
}

function jwtRuleOf(rule: JwtRuleSpec): JwtRule {
  return {
    issuer: rule.issuer ?? '',
    audiences: rule.audiences ?? [],
    keys: keysOf(rule),
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = '' }) => ({ name, prefix })),
    fromParams: rule.fromParams ?? [],
    fromCookies: rule.fromCookies ?? [],
    isForwarded: rule.forwardOriginalToken ?? false,
    outputPayloadToHeader: rule.outputPayloadToHeader ?? '',
    outputClaimToHeaders: rule.outputClaimToHeaders ?? [],
    spaceDelimitedClaims: rule.spaceDelimitedClaims ?? [],
  };
}

function keysOf(rule: JwtRuleSpec): JwtKeys {
  const { issuer = '', jwks = '', timeout = '' } = rule;
  if (jwks !== '') return { kind: 'inline', jwks };
  const uri = rule.jwksUri ?? rule.jwks_uri;
  const timeoutMs = durationMs(timeout) ?? TIMEOUT_MS;
  const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const source = { uri: uri ?? discovery, isDiscovery: uri === undefined, timeoutMs };
  return { kind: 'remote', source };
}
