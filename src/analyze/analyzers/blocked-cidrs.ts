// Keys of tokens are fetched from wherever a RequestAuthentication says, unless ranges are blocked.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { DEPLOYMENT, fullName, REQUEST_AUTHENTICATION } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, specOf } from '../selectors.ts';

const jwksUnrestricted = messageType({
  code: 'IST0175',
  name: 'JwksUriFetchUnrestricted',
  level: 'Warning',
  says: (count: number, names: string) =>
    `BLOCKED_CIDRS_IN_JWKS_URIS is not configured but ${count} RequestAuthentication ` +
    `resource(s) exist (${names}). Consider configuring it to restrict JWKS URI fetches to ` +
    'trusted networks.',
});

const SETTING = 'BLOCKED_CIDRS_IN_JWKS_URIS';
const NAMES_MAX = 5;

export const blockedCidrs: Analyzer = {
  name: 'authn.BlockedCIDRsAnalyzer',
  description:
    'Checks that BLOCKED_CIDRS_IN_JWKS_URIS is configured on istiod when RequestAuthentication ' +
    'resources exist',
  finds: [jwksUnrestricted],
  *run(snapshot) {
    const names = snapshot.of(REQUEST_AUTHENTICATION).map(fullName);
    if (names.length === 0) return;
    const rest = names.length - NAMES_MAX;
    const listed = names.slice(0, NAMES_MAX).join(', ');
    const text = rest > 0 ? `${listed}, and ${rest} more` : listed;
    for (const deployment of snapshot.of(DEPLOYMENT)) {
      if (labelsOf(deployment)['app'] !== 'istiod' || hasSetting(deployment)) continue;
      yield message(jwksUnrestricted, deployment, names.length, text);
    }
  },
};

function hasSetting(deployment: Resource): boolean {
  const containers = objectsAt(fieldsOf(specOf(deployment), 'template', 'spec'), 'containers');
  const variables = containers.flatMap((container) => objectsAt(container, 'env'));
  return variables.some((it) => textAt(it, 'name') === SETTING && textAt(it, 'value') !== '');
}
