// From what Envoy says of a connection or a request to what it is counted as. Pure.
import type { AccessLogTag } from '#base/access-log-tags.ts';
import { LOG_NAME, NOBODYS, NOBODYS_ROUTE } from '#base/access-log-tags.ts';
import { peerName } from '#base/peer-name.ts';
import type { CallKind, Party } from '#telemetry/report.ts';

/** One end of a TLS session, as Envoy logs it; empty where there is none. */
export type CertificateFacts = { readonly spiffeId: string; readonly subject: string };

/** What an entry says, whatever it is of. Addresses without a port; empty where there is none. */
export type CallFacts = {
  readonly logName: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The TLS session with the downstream. */
  readonly downstreamPeer: CertificateFacts;
  readonly downstreamLocal: CertificateFacts;
  readonly sni: string;
  readonly downstreamRemoteAddress: string;
  readonly downstreamLocalAddress: string;
  readonly upstreamRemoteAddress: string;
  readonly upstreamLocalAddress: string;
  /** Of a request: its status, 0 without a response. Undefined of a connection. */
  readonly responseCode: number | undefined;
  /** Of a request: which route took it; empty of a connection. */
  readonly routeName: string;
};

/** @param self the workload's own certificate */
export function callKind(facts: CallFacts, self: CertificateFacts): CallKind {
  const tag = (name: AccessLogTag): string => said(facts.tags[name]);
  const isInbound = facts.logName === LOG_NAME.inboundTcp || facts.logName === LOG_NAME.inboundHttp;
  const ends = isInbound ? inboundEnds(facts) : outboundEnds(facts, self);
  const isMutual = ends.source.principal !== '' && ends.destination.principal !== '';
  const [host = '', name = '', namespace = ''] = tag('service').split('|');
  const service = { host, name, namespace };
  const protocol = protocolOf(facts);
  return {
    reporter: isInbound ? 'destination' : 'source',
    ...ends,
    service: isInbound ? serviceCalled(facts.sni, service) : serviceMeant(facts, service),
    protocol,
    security: isMutual ? 'mutual_tls' : 'none',
    responseFlags: tag('response_flags') || '-',
    responseCode: facts.responseCode === undefined ? '' : String(facts.responseCode),
    grpcStatus: protocol === 'grpc' ? tag('grpc_status') : '',
  };
}

type Ends = Pick<CallKind, 'source' | 'destination'>;
type Service = CallKind['service'];

function inboundEnds(facts: CallFacts): Ends {
  const { downstreamPeer, downstreamLocal } = facts;
  return {
    source: party(downstreamPeer, facts.downstreamRemoteAddress),
    destination: party(downstreamLocal, facts.downstreamLocalAddress),
  };
}

/**
 * Without a session of TLS both ends are known by address, as the other side sees it. Without any
 * connection (it could not be made) the client at least is known: it is the workload itself.
 */
function outboundEnds(facts: CallFacts, self: CertificateFacts): Ends {
  const { tags, upstreamLocalAddress, upstreamRemoteAddress } = facts;
  const peer: CertificateFacts = {
    spiffeId: said(tags['upstream_peer_uri']),
    subject: said(tags['upstream_peer_subject']),
  };
  const isConnected = upstreamLocalAddress !== '';
  const local = peer.spiffeId !== '' || !isConnected ? self : NO_CERTIFICATE;
  const source = party(local, upstreamLocalAddress);
  return {
    source: peer.spiffeId === '' ? { ...source, principal: '' } : source,
    destination: party(peer, upstreamRemoteAddress),
  };
}

const NO_CERTIFICATE: CertificateFacts = { spiffeId: '', subject: '' };

const party = ({ spiffeId, subject }: CertificateFacts, address: string): Party => ({
  peer: peerName({ spiffeId, subject, address }),
  principal: spiffeId,
});

/**
 * Where Envoy has chosen nobody there is no service's tag: then the cluster's name tells it. What
 * no service is behind is named as Istio's metrics do.
 */
function serviceMeant({ tags, routeName }: CallFacts, declared: Service): Service {
  if (declared.name !== '') return declared;
  const cluster = said(tags['upstream_cluster']);
  const [, host] = /^outbound\|\d+\|[^|]*\|(.+)$/.exec(cluster) ?? [];
  if (host !== undefined) return serviceOf(host, declared);
  const isLed = (where: 'out' | 'nowhere'): boolean =>
    cluster === NOBODYS[where] || routeName === NOBODYS_ROUTE[where];
  const name = isLed('nowhere') ? NOBODYS.nowhere : isLed('out') ? NOBODYS.out : '';
  return { host: '', name, namespace: '' };
}

/**
 * A client of the mesh says in its hello which service it means: of several on one port that is the
 * one. Of a Service the name follows from the host; of a host beyond Kubernetes it is the host.
 */
function serviceCalled(sni: string, declared: Service): Service {
  const host = /^outbound_\.[0-9]+_\.[^.]*_\.(.+)$/.exec(sni)?.[1];
  return host === undefined || host === declared.host ? declared : serviceOf(host, declared);
}

function serviceOf(host: string, declared: Service): Service {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc\./.exec(host) ?? [];
  return { host, name: name ?? host, namespace: namespace ?? declared.namespace };
}

function protocolOf({ responseCode, tags }: CallFacts): CallKind['protocol'] {
  if (responseCode === undefined) return 'tcp';
  return said(tags['content_type']).startsWith('application/grpc') ? 'grpc' : 'http';
}

/** Envoy writes `-` for what there is not. */
const said = (text: string | undefined): string => (text === undefined || text === '-' ? '' : text);
