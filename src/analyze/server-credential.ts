// Is a Secret what a gateway can serve TLS with? Istio's keys and kubernetes.io/tls's.
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';

/** Certificate and key, in the order in which Istio looks for them. */
const KEYS = [
  ['cert', 'key'],
  ['tls.crt', 'tls.key'],
] as const;

/** RFC 7468; the content is DER, which begins with a SEQUENCE. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----\s+(M[A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;

export function isServerCredential(secret: KubeObject): boolean {
  const names = KEYS.find((pair) => pair.every((name) => contentOf(secret, name) !== ''));
  return names !== undefined && CERTIFICATE.test(contentOf(secret, names[0]));
}

/** `stringData` stands for `data` in files. Empty: not there, or no base64. */
function contentOf(secret: KubeObject, name: string): string {
  const plain = textAt(fieldsOf(secret['stringData']), name);
  return plain || decode(textAt(fieldsOf(secret['data']), name));
}

/** What is not base64 is no content; bytes stand for themselves, which PEM's are. */
function decode(base64: string): string {
  try {
    return atob(base64.replaceAll(/\s/g, ''));
  } catch {
    return '';
  }
}
