// Which ways of being spoken to a port has: the one rule that the server's filter chains and the
// metadata of its endpoints both follow, so that no client is told to use a way that is not there.
import { assertNever } from '#base/assert-never.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { isInspected } from './first-speaker.ts';
import type { ChainKind, ChainPort } from './names.ts';

/**
 * The filter chains of a port. A change of mode only adds chains or takes some away, and never
 * changes one that stays: so DISABLE or PERMISSIVE → STRICT ends plaintext sessions (after the
 * drain time) and no others.
 *
 * Where Envoy does not look for TLS a port can be one thing only, and PERMISSIVE must go on
 * accepting plaintext; such a port is encrypted by STRICT.
 */
export function chainKinds(mode: MtlsMode, port: ChainPort): readonly ChainKind[] {
  const canTellTls = port === 'passthrough' || isInspected(port);
  switch (mode) {
    case 'STRICT':
      return ['mtls'];
    case 'PERMISSIVE':
      return canTellTls ? ['mtls', 'plain', 'tls'] : ['plain'];
    case 'DISABLE':
      return canTellTls ? ['plain', 'tls'] : ['plain'];
    default:
      return assertNever(mode);
  }
}

/** May a client that has the choice use mesh TLS to this port? */
export const takesMeshTls = (mode: MtlsMode, port: number): boolean =>
  chainKinds(mode, port).includes('mtls');
