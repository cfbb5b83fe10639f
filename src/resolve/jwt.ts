// Whose token a request carries: RequestAuthentication as Envoy's JWT filter, the same on every
// port of a workload. A bad token is refused (401); a request without one passes, for whether it
// may is authorization's to say, by the claims that the filter leaves in metadata.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import type {
  JwtProviderSchema,
  JwtRequirementSchema,
} from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { parseKeySet } from '#istio/requestauthentication/key-set.ts';
import type { JwtKeys, JwtRule } from '#istio/requestauthentication/request-authentication.ts';
import { JWT_PAYLOAD } from './http-rbac-match.ts';
import { httpFilterName } from './inbound-names.ts';
import { packed } from './message.ts';

type Provider = MessageInitShape<typeof JwtProviderSchema>;
type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

export type JwtInput = {
  readonly rules: readonly JwtRule[];
  /** The fetched keys of a remote source, by its URI; undefined: there are none (yet). */
  readonly jwksOf: (uri: string) => string | undefined;
  /** Are routes chosen by claims? Then anew, once these are known. */
  readonly clearsRouteCache: boolean;
};

/**
 * A key that nobody has the other half of: a point of P-256 whose x is the SHA-256 of "isthmus:
 * nobody has this key 1". Envoy refuses a set without a good key, and with it the tokens of all
 * other issuers; with this one in each set, a set of bad keys refuses its own issuer's alone.
 */
export const NOBODYS_KEY = {
  kty: 'EC',
  crv: 'P-256',
  kid: 'isthmus-nobody',
  x: 'xSit12ovZl98ILcB29c93fgUhN1srP9sSi3_SkngFy4',
  y: '46JSiKwY87kMyXx3bggE3dpCz1-ZWB_vkm6MIOFGCbo',
} as const;
/** Claims whose text is always a list of words. */
const SPACE_DELIMITED = ['permission', 'scope'];

/** undefined: no token means anything here. */
export function buildJwt(
  input: JwtInput,
): MessageInitShape<typeof TypedExtensionConfigSchema> | undefined {
  const { rules } = input;
  if (rules.length === 0) return undefined;
  const ordered = rules.toSorted((a, b) =>
    a.issuer < b.issuer ? -1 : a.issuer > b.issuer ? 1 : 0,
  );
  const names = ordered.map((_, index) => `origins-${index}`);
  return {
    name: httpFilterName('jwt'),
    typedConfig: packed(JwtAuthenticationSchema, {
      providers: Object.fromEntries(
        ordered.map((rule, index) => [names[index], providerOf(rule, input)]),
      ),
      rules: [
        {
          match: { pathSpecifier: { case: 'prefix', value: '/' } },
          requirementType: { case: 'requires', value: requirementOf(names) },
        },
      ],
      bypassCorsPreflight: true,
    }),
  };
}

/**
 * Of each issuer: a good token or none. Where several issuers' tokens stand in one place, a good
 * one of any of them will do, although it is a bad one to all the others.
 */
function requirementOf(names: readonly string[]): Requirement {
  const [first, ...others] = names.map((name) => anyOf([goodToken(name), NO_TOKEN]));
  if (first !== undefined && others.length === 0) return first;
  const each = names.map((name) => anyOf([goodToken(name), NO_TOKEN]));
  const all: Requirement = {
    requiresType: { case: 'requiresAll', value: { requirements: each } },
  };
  return anyOf([...names.map(goodToken), all]);
}

const goodToken = (value: string): Requirement => ({
  requiresType: { case: 'providerName', value },
});
const NO_TOKEN: Requirement = { requiresType: { case: 'allowMissing', value: {} } };
const anyOf = (requirements: Requirement[]): Requirement => ({
  requiresType: { case: 'requiresAny', value: { requirements } },
});

function providerOf(
  rule: JwtRule,
  { jwksOf, clearsRouteCache: clearRouteCache }: JwtInput,
): Provider {
  const { issuer, audiences, isForwarded, spaceDelimitedClaims } = rule;
  return {
    issuer,
    audiences: [...audiences],
    forward: isForwarded,
    forwardPayloadHeader: rule.outputPayloadToHeader,
    payloadInMetadata: JWT_PAYLOAD,
    clearRouteCache,
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...SPACE_DELIMITED, ...spaceDelimitedClaims])].toSorted(),
    },
    claimToHeaders: rule.outputClaimToHeaders.map(({ header: headerName, claim: claimName }) => ({
      headerName,
      claimName,
    })),
    fromHeaders: rule.fromHeaders.map(({ name, prefix: valuePrefix }) => ({ name, valuePrefix })),
    fromParams: [...rule.fromParams],
    fromCookies: [...rule.fromCookies],
    jwksSourceSpecifier: {
      case: 'localJwks',
      value: { specifier: { case: 'inlineString', value: keySet(rule.keys, jwksOf) } },
    },
  };
}

function keySet(keys: JwtKeys, jwksOf: JwtInput['jwksOf']): string {
  const text = keys.kind === 'inline' ? keys.jwks : jwksOf(keys.source.uri);
  const known = text === undefined ? [] : (parseKeySet(text) ?? []);
  return JSON.stringify({ keys: [...known, NOBODYS_KEY] });
}
