// The socket under a gRPC client: TCP or Unix, with TLS 1.3 or in clear text.
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export type GrpcTarget =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

export type GrpcClientTls = {
  /** PEM: who may have signed the server's certificate. */
  readonly ca: string | readonly string[];
  /** The name that the server's certificate must carry (and the SNI). */
  readonly serverName: string;
  /** Takes whatever certificate comes: only for asking what is verified by other means. */
  readonly isUnverified?: true;
  /** PEM: the client's certificate with intermediates, and its key. */
  readonly cert?: string;
  readonly key?: string;
};

/** Starts connecting; what fails is told by the socket's 'error'. */
export function connectSocket(target: GrpcTarget, tls: GrpcClientTls | undefined): Socket {
  if (!tls) return 'path' in target ? connectTcp(target.path) : connectTcp(target);
  const { ca, serverName, cert, key, isUnverified } = tls;
  return connectTls({
    ...target,
    ca: typeof ca === 'string' ? ca : [...ca],
    servername: serverName,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.3',
    rejectUnauthorized: isUnverified !== true,
    ...(cert !== undefined && key !== undefined && { cert, key }),
  });
}

/** The `:authority` of calls; a Unix socket has no name that could matter. */
export function authorityOf(target: GrpcTarget, tls: GrpcClientTls | undefined): string {
  if ('path' in target) return 'http://localhost';
  const host = tls?.serverName ?? (target.host.includes(':') ? `[${target.host}]` : target.host);
  return `${tls ? 'https' : 'http'}://${host}:${target.port}`;
}
