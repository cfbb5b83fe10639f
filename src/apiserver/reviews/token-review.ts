// TokenReview: is this token good, for whom does it speak?
import type { TokenSigner } from '../auth/jwt.ts';
import { ISSUER, verifyToken } from '../auth/service-account-token.ts';
import type { Review } from '../http/special.ts';
import { defineTransient } from '../kinds/define.ts';
import { listAt, objectAt, stringAt } from '../object.ts';

const TOKEN_REVIEW = defineTransient({
  api: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  type: 'authn.TokenReview',
  scope: 'Cluster',
});

export function tokenReview(signer: TokenSigner): Review {
  return {
    served: TOKEN_REVIEW,
    answer(question, { backend }) {
      const spec = objectAt(question, 'spec');
      const asked = listAt(spec, 'audiences').filter((one) => typeof one === 'string');
      const verified = verifyToken(stringAt(spec, 'token'), asked.length === 0 ? [ISSUER] : asked, {
        signer,
        store: backend.store,
        nowMs: backend.clock.nowMs(),
      });
      const status = verified
        ? { authenticated: true, user: verified.user, audiences: verified.audiences }
        : { user: {}, error: 'invalid bearer token' };
      return { metadata: {}, spec: { audiences: asked }, status };
    },
  };
}
