// Advice about a server's TLS settings: of Gateways and of Sidecars' ingress listeners.
import { objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

/** What BoringSSL knows by name. */
const CIPHER_SUITES = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

const SERVER_CERTIFICATES_MAX = 2;

export function tlsWarnings(tls: Fields, field: string): readonly Warning[] {
  const mode = textAt(tls, 'mode') || 'PASSTHROUGH';
  return [
    ...versionWarnings(tls, field),
    ...cipherWarnings(textsAt(tls, 'cipherSuites'), `${field}.cipherSuites`),
    ...certificateWarnings(tls, mode, field),
  ];
}

function versionWarnings(tls: Fields, field: string): readonly Warning[] {
  const isOld = ['TLSV1_0', 'TLSV1_1'].includes(textAt(tls, 'minProtocolVersion'));
  if (!isOld || textsAt(tls, 'cipherSuites').length > 0) return [];
  const message =
    'TLS version below TLSV1_2 require setting compatible ciphers as by default they no longer ' +
    'include compatible ciphers.';
  return [advice(`${field}.minProtocolVersion`, message)];
}

function cipherWarnings(suites: readonly string[], field: string): readonly Warning[] {
  const unknown = suites.filter((suite) => !isCipherSuite(suite));
  const known = suites.filter(isCipherSuite);
  const repeated = known.filter((suite, index) => known.indexOf(suite) < index);
  const sets = { invalid: unknown, duplicate: repeated };
  return Object.entries(sets).flatMap(([which, all]) => {
    const list = [...new Set(all)].toSorted().join(' ');
    return all.length === 0 ? [] : [advice(field, `ignoring ${which} cipher suites: [${list}]`)];
  });
}

/** Expressions (`!aNULL`, `[A|B]`) are OpenSSL's affair. */
const isCipherSuite = (suite: string): boolean =>
  suite === '' || suite === 'ALL' || !/^[\p{L}\p{N}]/u.test(suite) || CIPHER_SUITES.has(suite);

function certificateWarnings(tls: Fields, mode: string, field: string): readonly Warning[] {
  const certificates = objectsAt(tls, 'tlsCertificates');
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') {
    const names = ['caCrl', 'serverCertificate', 'privateKey', 'caCertificates', 'credentialName'];
    const hasAny =
      names.some((name) => textAt(tls, name) !== '') ||
      textsAt(tls, 'credentialNames').length + certificates.length > 0;
    const message = `${mode} mode does not use certificates, they will be ignored`;
    return hasAny ? [advice(field, message)] : [];
  }
  const hasCredential =
    textAt(tls, 'credentialName') !== '' || textsAt(tls, 'credentialNames').length > 0;
  const isFew = certificates.length <= SERVER_CERTIFICATES_MAX;
  if (mode === 'ISTIO_MUTUAL' || hasCredential || isFew) return [];
  const words = `${mode === 'SIMPLE' ? 'SIMPLE' : 'MUTUAL'} TLS can support up to`;
  return [advice(`${field}.tlsCertificates`, `${words} 2 server certificates`)];
}
