// security.istio.io RequestAuthentication: the single source of the kind.
import { REQUEST_AUTHENTICATION } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { duration, istioStatus, workloadSelector } from '../kind-parts.ts';
import { ONE_TARGET, targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, list, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const named = () => string({ lengthMin: 1 });

const jwksUri = () =>
  string({
    lengthMin: 1,
    lengthMax: 2048,
    rules: [
      {
        cel: 'url(self).getScheme() in ["http", "https"]',
        message: 'url must have scheme http:// or https://',
        holds: (self) => /^https?:\/\/[^\s\p{Cc}\\]+$/iu.test(self),
      },
    ],
  });

const jwtRule = object(
  {
    issuer: named(),
    audiences: list(named()),
    jwksUri: jwksUri(),
    // a spelling of Istio's first version, still accepted
    jwks_uri: jwksUri(),
    jwks: string(),
    fromHeaders: list(object({ name: named(), prefix: string() }, { required: ['name'] })),
    fromParams: list(named()),
    outputPayloadToHeader: string(),
    forwardOriginalToken: boolean(),
    outputClaimToHeaders: list(
      object(
        { header: string({ lengthMin: 1, pattern: /^[-_A-Za-z0-9]+$/ }), claim: named() },
        { required: ['header', 'claim'] },
      ),
    ),
    timeout: duration(),
    fromCookies: list(named()),
    spaceDelimitedClaims: list(named(), { itemsMax: 64 }),
  },
  {
    rules: [
      {
        cel: '(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1',
        message: 'only one of jwks or jwksUri can be set',
        holds: (self) =>
          [self.jwksUri, self.jwks_uri, self.jwks].filter((field) => field !== undefined).length <=
          1,
      },
    ],
  },
);

export const requestAuthenticationSpec = object(
  {
    selector: workloadSelector(),
    targetRef,
    targetRefs: list(targetRef, { itemsMax: 16 }),
    jwtRules: list(jwtRule, { itemsMax: 4096 }),
  },
  { rules: [ONE_TARGET] },
);

export type RequestAuthenticationSpec = Static<typeof requestAuthenticationSpec>;

export const requestAuthenticationKind: Kind<RequestAuthenticationSpec> = {
  type: REQUEST_AUTHENTICATION,
  singular: 'requestauthentication',
  shortNames: ['ra'],
  categories: ['istio-io', 'security-istio-io'],
  versions: ['v1', 'v1beta1'],
  columns: [],
  spec: requestAuthenticationSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
