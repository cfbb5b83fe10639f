// Does a server take what a client speaks? The one table for Reach and for previews.
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { takesMeshTls } from '#resolve/mtls-mode.ts';
import type { ClientTls } from './outbound.ts';

/**
 * - `no-proxy`: mesh TLS, and nothing stands before the server that would take it
 * - `not-mutual`: the server takes mesh TLS only (STRICT), and this is none
 * - `switched-off`: mesh TLS, which the server does not take (DISABLE)
 * - `not-looked-for`: mesh TLS, to a port where Envoy cannot look for it
 */
export type TlsMismatch = 'no-proxy' | 'not-mutual' | 'switched-off' | 'not-looked-for';

/** @param mode what the server demands; undefined: no proxy stands before it */
export function tlsMismatch(
  tls: ClientTls,
  { mode, port }: { readonly mode: MtlsMode | undefined; readonly port: number },
): TlsMismatch | undefined {
  if (mode === undefined) return tls === 'mTLS' ? 'no-proxy' : undefined;
  if (tls !== 'mTLS') return mode === 'STRICT' ? 'not-mutual' : undefined;
  if (mode === 'DISABLE') return 'switched-off';
  return takesMeshTls(mode, port) ? undefined : 'not-looked-for';
}
