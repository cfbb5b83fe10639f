// Credentials of Gateways: are they there, and are they certificates?
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, GATEWAY, POD, SECRET } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, renderSelector, selectorPath, selects, specOf } from '../selectors.ts';
import { isServerCredential } from '../server-credential.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import { splitName } from '../snapshot.ts';
import type { Snapshot } from '../snapshot.ts';

const invalidCredential = messageType({
  code: 'IST0161',
  name: 'InvalidGatewayCredential',
  level: 'Error',
  says: (gateway: string, namespace: string) =>
    `The credential referenced by the Gateway ${gateway} in namespace ${namespace} is ` +
    'invalid, which can cause the traffic not to work as expected.',
});

export const gatewaySecrets: Analyzer = {
  name: 'gateway.SecretAnalyzer',
  description: "Checks a gateway's referenced secrets for correctness",
  finds: [invalidCredential, referencedResourceNotFound],
  *run(snapshot) {
    for (const gateway of snapshot.of(GATEWAY)) {
      const selector = textMapOf(specOf(gateway)['selector']);
      const pod = snapshot.of(POD).find((it) => selects(selector, labelsOf(it)));
      if (pod !== undefined && pod.namespace !== '') {
        yield* problemsOf(gateway, pod.namespace, snapshot);
        continue;
      }
      const place = at(gateway, ...selectorPath(selector, 'spec', 'selector'));
      yield message(referencedResourceNotFound, place, 'selector', renderSelector(selector));
    }
  },
};

/** Secrets are looked for beside the gateway's workload, not beside the Gateway. */
function* problemsOf(gateway: Resource, namespace: string, snapshot: Snapshot): Iterable<Message> {
  for (const [index, server] of objectsAt(specOf(gateway), 'servers').entries()) {
    const credential = textAt(fieldsOf(server['tls']), 'credentialName');
    if (credential === '') continue;
    const place = at(gateway, 'spec', 'servers', index, 'tls', 'credentialName');
    const wanted = splitName(credential, namespace);
    const secret = snapshot.find(SECRET, wanted.namespace, wanted.name);
    if (secret === undefined) {
      yield message(referencedResourceNotFound, place, 'credentialName', credential);
    } else if (!isServerCredential(secret.object)) {
      yield message(invalidCredential, place, gateway.name, namespace);
    }
  }
}
