// Routes by a token's claims on gateways that do not look at tokens.
import { fieldsOf, objectsAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { fullName, GATEWAY, POD, REQUEST_AUTHENTICATION, VIRTUAL_SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, policySelector, selects, specOf } from '../selectors.ts';
import { splitName } from '../snapshot.ts';
import type { Snapshot } from '../snapshot.ts';

const claimRouteWithoutAuthentication = messageType({
  code: 'IST0149',
  name: 'JwtClaimBasedRoutingWithoutRequestAuthN',
  level: 'Error',
  says: (key: string, gateway: string, pod: string) =>
    `The virtual service uses the JWT claim based routing (key: ${key}) but found no request ` +
    `authentication for the gateway (${gateway}) pod (${pod}). The request authentication must ` +
    'first be applied for the gateway pods to validate the JWT token and make the claims ' +
    'available for routing.',
});

/** A "header" that stands for a claim: `@request.auth.claims.groups`, `@request.auth.claims[a]`. */
const CLAIM = /^@request\.auth\.claims(\..+|\[.+\])$/i;

export const claimRoutes: Analyzer = {
  name: 'virtualservice.JWTClaimRouteAnalyzer',
  description:
    'Checks the VirtualService using JWT claim based routing has corresponding ' +
    'RequestAuthentication',
  finds: [claimRouteWithoutAuthentication],
  *run(snapshot) {
    for (const service of snapshot.of(VIRTUAL_SERVICE)) {
      const key = firstClaim(service);
      if (key === undefined) continue;
      for (const name of textsAt(specOf(service), 'gateways')) {
        const named = splitName(name, service.namespace);
        const gateway = snapshot.find(GATEWAY, named.namespace, named.name);
        if (name === 'mesh' || gateway === undefined) continue;
        for (const pod of podsWithoutAuthentication(gateway, snapshot)) {
          const type = claimRouteWithoutAuthentication;
          yield message(type, service, key, fullName(gateway), pod.name);
        }
      }
    }
  },
};

function firstClaim(service: Resource): string | undefined {
  const matches = objectsAt(specOf(service), 'http').flatMap((it) => objectsAt(it, 'match'));
  const names = matches.flatMap(({ headers, withoutHeaders }) => [
    ...Object.keys(fieldsOf(headers)),
    ...Object.keys(fieldsOf(withoutHeaders)),
  ]);
  return names.find((name) => CLAIM.test(name));
}

function podsWithoutAuthentication(gateway: Resource, snapshot: Snapshot): readonly Resource[] {
  const selector = textMapOf(specOf(gateway)['selector']);
  return snapshot.of(POD).filter((pod) => {
    const labels = labelsOf(pod);
    if (!selects(selector, labels)) return false;
    const namespaces = new Set(['istio-system', pod.namespace]);
    return !snapshot
      .of(REQUEST_AUTHENTICATION)
      .some((it) => namespaces.has(it.namespace) && selects(policySelector(it) ?? {}, labels));
  });
}
