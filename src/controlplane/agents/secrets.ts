// What may be shown of a configuration: everything but secrets. Agents leave them out, too; this
// does not rely on it.
import { isRecord } from '#kube/objects.ts';

const SECRET =
  /^(private_?key|password|session_?ticket_?keys|hmac_?secret|token_?secret|client_?secret|hmac)$/i;
const SECRET_DUMP = 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump';
const CREDENTIAL = /^(authorization|cookie|set-cookie|x-api-key)$/i;
const PEM_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const REDACTED = '[redacted]';

export function withoutSecretsIn(value: unknown): unknown {
  if (typeof value === 'string') return PEM_KEY.test(value) ? REDACTED : value;
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isRecord(item) && item['@type'] === SECRET_DUMP))
      .map(withoutSecretsIn);
  }
  if (!isRecord(value)) return value;
  // a header that is added: its name is one field, its value another
  const isCredential = typeof value['key'] === 'string' && CREDENTIAL.test(value['key']);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET.test(key) || (isCredential && key !== 'key') ? REDACTED : withoutSecretsIn(inner),
    ]),
  );
}
