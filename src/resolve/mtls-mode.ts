// Which ways of being spoken to a port has: the one rule that the server's filter chains and the
// metadata of its endpoints both follow, so that no client is told to use a way that is not there.
import { assertNever } from '#base/assert-never.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { isInspected, mayBeHttp } from './first-speaker.ts';
import type { PortContent } from './first-speaker.ts';
import type { ChainKind, ChainPort } from './names.ts';

/**
 * The filter chains of a port. A change of mode only adds chains or takes some away, and never
 * changes one that stays: so DISABLE or PERMISSIVE → STRICT ends plaintext sessions (after the
 * drain time) and no others.
 *
 * Where Envoy does not look for TLS a port can be one thing only, and PERMISSIVE must go on
 * accepting plaintext; such a port is encrypted by STRICT.
 *
 * TLS of the application's own is handed through, except where requests are declared: those would
 * then not be seen.
 */
export function chainKinds(
  mode: MtlsMode,
  port: ChainPort,
  content: PortContent = 'tcp',
): readonly ChainKind[] {
  const canTellTls = port === 'passthrough' || isInspected(port);
  const mtls: readonly ChainKind[] = content === 'auto' ? ['mtls', 'mtls_http'] : ['mtls'];
  const plain: readonly ChainKind[] = isSniffed(port, content)
    ? ['plain', 'plain_http']
    : ['plain'];
  const tls: readonly ChainKind[] = content === 'http' || !canTellTls ? [] : ['tls'];
  switch (mode) {
    case 'STRICT':
      return mtls;
    case 'PERMISSIVE':
      return canTellTls ? [...mtls, ...plain, ...tls] : plain;
    case 'DISABLE':
      return [...plain, ...tls];
    default:
      return assertNever(mode);
  }
}

/** May Envoy look for HTTP in plaintext that comes to the port? */
const isSniffed = (port: ChainPort, content: PortContent): boolean =>
  content === 'auto' && port !== 'passthrough' && mayBeHttp(port);

/**
 * Is HTTP looked for in a workload's plaintext? Where some port that takes plaintext does not say
 * what it speaks; and unless another is declared as bytes: the inspector sees the connections of
 * all ports, and holds up (for the inspection's timeout) whoever begins with letters and sends no
 * line. Such a workload's plaintext requests are carried as bytes instead.
 */
export function looksForRequests(
  ports: readonly {
    readonly port: number;
    readonly content: PortContent;
    readonly mode: MtlsMode;
  }[],
): boolean {
  const inPlaintext = ports.filter(({ mode }) => mode !== 'STRICT');
  return (
    inPlaintext.some(({ port, content }) => isSniffed(port, content)) &&
    inPlaintext.every(({ port, content }) => content !== 'tcp' || !mayBeHttp(port))
  );
}

/** May a client that has the choice use mesh TLS to this port? */
export const takesMeshTls = (mode: MtlsMode, port: number): boolean =>
  chainKinds(mode, port).includes('mtls');
