// "Verify yourself": what to type on a machine of the mesh to see the server's certificate without
// believing this page, and the last handshake that was observed.
import type { MeshEdge, MeshNode } from '../../api/types.ts';

export type Proof = {
  /** For a shell on a machine whose connections no proxy of the mesh takes. */
  readonly command: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
};

/**
 * The server's address and port are asked as its Envoy is asked by other Envoys: with the mesh's
 * ALPN, and without a certificate of our own, so that no key is needed. Servers that insist on one
 * show theirs before they refuse.
 */
export function proofOf(edge: MeshEdge, server: MeshNode | undefined): Proof {
  const { version, cipher, clientIdentity, serverIdentity } = edge.encryption;
  const address = server?.instances[0]?.address || server?.addresses[0] || 'ADDRESS';
  const known = (value: string): string => (value === '' ? 'unknown' : value);
  return {
    command: proofCommand(address, edge.port),
    facts: [
      { name: 'TLS', value: known(version.replace('TLSv', 'TLS ')) },
      { name: 'Cipher', value: known(cipher) },
      { name: 'Client', value: known(clientIdentity) },
      { name: 'Server', value: known(serverIdentity) },
    ],
  };
}

/** For a shell; a test types it on the lab and compares. */
export const proofCommand = (address: string, port: number): string =>
  [
    `openssl s_client -connect ${hostPort(address, port)} -alpn istio </dev/null 2>/dev/null`,
    `openssl x509 -noout -serial -enddate -ext subjectAltName`,
  ].join(' | ');

const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
