// One certificate behind two Gateways: HTTP/2 clients reuse a connection of the one for the other.
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, fullName, GATEWAY } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { goList, selects, specOf } from '../selectors.ts';

const duplicateCertificate = messageType({
  code: 'IST0138',
  name: 'GatewayDuplicateCertificate',
  level: 'Warning',
  says: (gateways: readonly string[]) =>
    `Duplicate certificate in multiple gateways ${goList(gateways)} may cause 404s if clients ` +
    're-use HTTP2 connections.',
});

export const gatewayCertificates: Analyzer = {
  name: 'gateway.CertificateAnalyzer',
  description: 'Checks a gateway certificate',
  finds: [duplicateCertificate],
  *run(snapshot) {
    const gateways = snapshot.of(GATEWAY);
    for (const gateway of gateways) {
      const selector = textMapOf(specOf(gateway)['selector']);
      for (const other of gateways) {
        if (other === gateway || !selects(selector, textMapOf(specOf(other)['selector']))) continue;
        if (!haveSameCertificate(gateway, other)) continue;
        const names = [fullName(gateway), fullName(other)];
        yield message(duplicateCertificate, at(gateway, 'metadata', 'name'), names);
      }
    }
  },
};

function haveSameCertificate(gateway: Resource, other: Resource): boolean {
  const mine = settingsOf(gateway);
  return settingsOf(other).some((theirs) => mine.some((tls) => isSame(tls, theirs)));
}

const settingsOf = (gateway: Resource): readonly Fields[] =>
  objectsAt(specOf(gateway), 'servers').map((server) => fieldsOf(server['tls']));

/** By credential, or by file of certificate and of key. */
function isSame(a: Fields, b: Fields): boolean {
  const equal = (name: string): boolean =>
    textAt(a, name) !== '' && textAt(a, name) === textAt(b, name);
  const hasCredential = textAt(a, 'credentialName') !== '' || textAt(b, 'credentialName') !== '';
  if (hasCredential) return equal('credentialName');
  return equal('serverCertificate') && equal('privateKey');
}
