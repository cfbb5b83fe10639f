// From what Envoy says of a connection or a request to whose traffic it is. Pure.
import { isIP } from 'node:net';
import { isNobodys } from '#base/access-log-tags.ts';
import type { CallKind } from '#telemetry/report.ts';
import type { CallFacts } from '../call-kind.ts';
import type { WireFacts } from './wire-facts.ts';

/** All that names one kind of traffic; `isthmus.v1.FlowEdge` without its number. */
export type EdgeFacts = {
  readonly isDestination: boolean;
  readonly clientPeer: string;
  readonly clientPrincipal: string;
  readonly serverPeer: string;
  readonly serverPrincipal: string;
  readonly dialled: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'http' | 'grpc';
  /** Or Istio's name of what nobody's calls are led to (base/access-log-tags.ts). */
  readonly serviceHost: string;
  readonly security: 'mutual' | 'tls' | 'none' | '';
  readonly tlsVersion: string;
  readonly tlsCipher: string;
};

/** Both ends of the connection between the two workloads, `address:port`; empty: not known. */
export type Addresses = { readonly client: string; readonly server: string };

/** The server's port is its own, also where the client dialled a service's. */
export function edgeFacts(kind: CallKind, facts: CallFacts, wire: WireFacts): EdgeFacts {
  const isDestination = kind.reporter === 'destination';
  const isReached = isDestination || facts.upstreamRemoteAddress !== '';
  const port = isDestination || !isReached ? wire.downstreamLocalPort : wire.upstreamRemotePort;
  return {
    isDestination,
    clientPeer: kind.source.peer ?? '',
    clientPrincipal: kind.source.principal,
    serverPeer: isReached ? (kind.destination.peer ?? '') : '',
    serverPrincipal: kind.destination.principal,
    dialled: isReached ? '' : facts.downstreamLocalAddress,
    port,
    protocol: kind.protocol,
    serviceHost: kind.service.host || (isNobodys(kind.service.name) ? kind.service.name : ''),
    ...sessionOf(kind, facts, wire),
  };
}

type Session = Pick<EdgeFacts, 'security' | 'tlsVersion' | 'tlsCipher'>;

function sessionOf(kind: CallKind, facts: CallFacts, wire: WireFacts): Session {
  const isDestination = kind.reporter === 'destination';
  const said = facts.tags['upstream_tls_version'] ?? '-';
  const tlsVersion = isDestination ? wire.tlsVersion : said === '-' ? '' : said;
  const tlsCipher = isDestination ? wire.tlsCipher : '';
  const isConnected = isDestination || facts.upstreamLocalAddress !== '';
  if (!isConnected) return { security: '', tlsVersion: '', tlsCipher: '' };
  if (kind.security === 'mutual_tls') return { security: 'mutual', tlsVersion, tlsCipher };
  // handed through by its name: a session of others, of which this proxy sees the hello and no end
  if (tlsVersion === '' && facts.sni !== '') return { security: '', tlsVersion, tlsCipher };
  return { security: tlsVersion === '' ? 'none' : 'tls', tlsVersion, tlsCipher };
}

/** The same at both ends, unless something between them translates addresses. */
export function connectionAddresses(
  { reporter }: CallKind,
  facts: CallFacts,
  wire: WireFacts,
): Addresses {
  return reporter === 'destination'
    ? {
        client: hostPort(facts.downstreamRemoteAddress, wire.downstreamRemotePort),
        server: hostPort(facts.downstreamLocalAddress, wire.downstreamLocalPort),
      }
    : {
        client: hostPort(facts.upstreamLocalAddress, wire.upstreamLocalPort),
        server: hostPort(facts.upstreamRemoteAddress, wire.upstreamRemotePort),
      };
}

function hostPort(address: string, port: number): string {
  if (address === '') return '';
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
