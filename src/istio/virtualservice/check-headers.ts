// Istio's rules for the headers that a route sets, adds and removes.
import type { Reading } from '../schema/reading.ts';
import type { Headers } from './http-schema.ts';

export function checkHeaders(headers: Headers | undefined, at: Reading): void {
  for (const side of ['request', 'response'] as const) {
    const operations = headers?.[side];
    if (operations === undefined) continue;
    const place = at.property(side);
    for (const name of ['set', 'add'] as const) {
      for (const [header, value] of Object.entries(operations[name] ?? {})) {
        const entry = place.property(name).key(header);
        checkName(header, side === 'request', entry);
        if (!isFormat(value)) {
          entry.refuse(
            `Invalid value: ${at.quote(value)}: % must be doubled, or begin an operator`,
          );
        }
      }
    }
    for (const [index, header] of (operations.remove ?? []).entries()) {
      checkName(header, false, place.property('remove').item(index));
    }
  }
}

/** Envoy's own fields (`:path`) are not to be touched, and the host only where it is sent on. */
function checkName(header: string, mayBeHost: boolean, at: Reading): void {
  const isHost = /^(host|:authority)$/i.test(header);
  if (header === '') at.refuse('Invalid value: a header has a name');
  else if (isHost ? !mayBeHost : header.startsWith(':')) {
    at.refuse(`Forbidden: ${at.quote(header)} cannot be changed here`);
  } else if (!/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)) {
    at.refuse(`Invalid value: ${at.quote(header)}: not a header's name`);
  }
}

/** Envoy's operators that stand alone. */
export const OPERATORS: ReadonlySet<string> = new Set(
  `
  BYTES_RECEIVED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
  DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT
  DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
  DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_FINGERPRINT_256
  DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN
  DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT
  DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DURATION HOSTNAME
  PROTOCOL REQUESTED_SERVER_NAME REQUEST_DURATION RESPONSE_CODE RESPONSE_CODE_DETAILS
  RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG ROUTE_NAME START_TIME STREAM_ID
  UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_HOST UPSTREAM_LOCAL_ADDRESS
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_PEER_SUBJECT UPSTREAM_PROTOCOL
  UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
  UPSTREAM_TRANSPORT_FAILURE_REASON VIRTUAL_CLUSTER_NAME`
    .trim()
    .split(/\s+/),
);

/** Those that must say of what. */
export const OPERATORS_OF: ReadonlySet<string> = new Set([
  'CLUSTER_METADATA',
  'DYNAMIC_METADATA',
  'FILTER_STATE',
  'REQ',
  'RESP',
  'TRAILER',
  'UPSTREAM_METADATA',
]);

/** `%NAME%`, `%NAME(what)%`, either with `:length`. */
const OPERATOR = /%([A-Z][A-Z0-9_]*)(?:\(([^()%\0\r\n]+)\))?(?::\d{1,4})?%/g;

/**
 * Would Envoy take the value as a format (`%REQ(NAME)%`)? It refuses the whole table otherwise.
 * Operators that would tell strangers of the gateway's own environment are not among those known.
 */
export function isFormat(value: string): boolean {
  let isKnown = true;
  const rest = value.replaceAll('%%', '').replaceAll(OPERATOR, (_, name: string, of?: string) => {
    isKnown &&= of === undefined ? OPERATORS.has(name) : OPERATORS_OF.has(name);
    return '';
  });
  return isKnown && !/[%\0\r\n]/.test(rest);
}
