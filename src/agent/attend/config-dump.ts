// Envoy's configuration as it may leave the machine: without anything that is a secret.

/** Bytes of one part of the answer. */
const PART_BYTES = 64 << 10;

/** Envoy leaves out most of them by itself; this does not rely on it. */
const SECRET_KEYS =
  /^(private_key|password|session_ticket_keys|hmac_secret|token_secret|client_secret|hmac)$/;
const SECRET_DUMP = 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump';
const REDACTED = '[redacted]';

/** @returns undefined when the text is no JSON */
export function withoutSecrets(text: string): string | undefined {
  let dump: unknown;
  try {
    dump = JSON.parse(text);
  } catch {
    return undefined;
  }
  return JSON.stringify(redact(dump));
}

function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isSecretDump(item)).map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEYS.test(key) ? REDACTED : redact(inner),
    ]),
  );
}

const isSecretDump = (item: unknown): boolean =>
  typeof item === 'object' && item !== null && '@type' in item && item['@type'] === SECRET_DUMP;

export function* partsOf(text: string): Generator<Uint8Array, void, undefined> {
  const bytes = Buffer.from(text, 'utf8');
  for (let start = 0; start < bytes.length; start += PART_BYTES) {
    yield bytes.subarray(start, start + PART_BYTES);
  }
}

export type Stat = { readonly name: string; readonly value: number };

export const STATS_MAX = 5_000;

/** `name: 17` lines; histograms, which have no single value, are left out. */
export function parseStats(text: string): readonly Stat[] {
  return [...text.matchAll(/^(\S[^\n]*): (\d{1,20})$/gm)]
    .slice(0, STATS_MAX)
    .map(([, name = '', value]) => ({ name, value: Number(value) }));
}
