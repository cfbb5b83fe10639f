// TLS without anything to verify the server by.
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, DESTINATION_RULE, fullName } from '../resource.ts';
import { specOf } from '../selectors.ts';

const unverifiedServer = messageType({
  code: 'IST0128',
  name: 'NoServerCertificateVerificationDestinationLevel',
  level: 'Warning',
  says: (of: UnverifiedServer) => words(of),
});

const unverifiedServerPort = messageType({
  code: 'IST0129',
  name: 'NoServerCertificateVerificationPortLevel',
  level: 'Warning',
  says: (of: UnverifiedServer, port: string) => `${words(of)} at port ${port}`,
});

type UnverifiedServer = {
  readonly rule: string;
  readonly namespace: string;
  readonly mode: string;
  readonly host: string;
};

function words({ rule, namespace, mode, host }: UnverifiedServer): string {
  return (
    `DestinationRule ${rule} in namespace ${namespace} has TLS mode set to ${mode} but no ` +
    `caCertificates are set to validate server identity for host: ${host}`
  );
}

export const caCertificates: Analyzer = {
  name: 'destinationrule.CaCertificateAnalyzer',
  description: 'Checks if caCertificates is set when TLS mode is SIMPLE/MUTUAL',
  finds: [unverifiedServer, unverifiedServerPort],
  *run(snapshot) {
    for (const rule of snapshot.of(DESTINATION_RULE)) {
      const spec = specOf(rule);
      const hasSelector = spec['workloadSelector'] !== undefined;
      const said = { rule: fullName(rule), namespace: rule.namespace, host: textAt(spec, 'host') };
      const policy = fieldsOf(spec['trafficPolicy']);
      const tls = fieldsOf(policy['tls']);
      if (isUnverified(tls, hasSelector)) {
        const place = at(rule, 'spec', 'trafficPolicy', 'tls', 'caCertificates');
        yield message(unverifiedServer, place, { ...said, mode: textAt(tls, 'mode') });
      }
      for (const [index, setting] of objectsAt(policy, 'portLevelSettings').entries()) {
        const tls = fieldsOf(setting['tls']);
        if (!isUnverified(tls, hasSelector)) continue;
        const path = ['spec', 'trafficPolicy', 'portLevelSettings', index, 'tls', 'caCertificates'];
        const port = `number:${numberAt(fieldsOf(setting['port']), 'number') ?? 0}`;
        const how = { ...said, mode: textAt(tls, 'mode') };
        yield message(unverifiedServerPort, at(rule, ...path), how, port);
      }
    }
  },
};

/** A credential of the client's own namespace has the authority's certificate with it. */
function isUnverified(tls: Fields, hasSelector: boolean): boolean {
  const mode = textAt(tls, 'mode');
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return false;
  const hasCredential = textAt(tls, 'credentialName') !== '' && hasSelector;
  return textAt(tls, 'caCertificates') === '' && !hasCredential;
}
