// A RequestAuthentication is checked and kept: requests are not looked into yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkTargets } from '../policy-target.ts';
import { requestAuthenticationKind } from './schema.ts';

export const parseRequestAuthentication: ParseUnused = (object) =>
  parseObject(requestAuthenticationKind, object, (spec, _, at) => {
    checkTargets(spec, at);
    for (const [index, rule] of (spec.jwtRules ?? []).entries()) {
      if (rule.issuer ?? rule.jwksUri ?? rule.jwks_uri) continue;
      const place = at.property('jwtRules').item(index);
      place.refuse('Required value: one of issuer and jwksUri must be set');
    }
    return UNUSED;
  });
