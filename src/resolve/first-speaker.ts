// Who speaks first on a port? A proxy that waits for the client's first byte, be it to tell TLS
// from plaintext or to authorize before it dials, hangs where the server is to speak first.
import { isHttp, TCP_PORTS } from '#istio/core/protocol.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { TlsTermination } from '#istio/gateway/server-tls.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { InboundPort } from '#model/workload.ts';

export type FirstSpeaker = 'client' | 'server' | 'unknown';

const CLIENT_FIRST: ReadonlySet<Protocol> = new Set<Protocol>([
  'grpc',
  'grpc-web',
  'http',
  'http-proxy',
  'http2',
  'https',
  'mongo',
  'redis',
  'tls',
]);

/** What people call their ports where Istio knows no protocol: the name up to its first `-`. */
const CLIENT_FIRST_NAMES = new Set(
  'amqp cassandra kafka ldap memcached mssql postgres postgresql psql'.split(' '),
);
const SERVER_FIRST_NAMES = new Set('ftp imap nats pop3 smtp ssh vnc'.split(' '));

/**
 * Registered ports (IANA) that say more than a name like `tcp` or `db` does: DNS, HTTP, LDAP,
 * HTTPS, LDAPS, SQL Server, Oracle, PostgreSQL, AMQP, Redis, PgBouncer, Cassandra, Kafka,
 * memcached, MongoDB.
 */
const CLIENT_FIRST_PORTS: ReadonlySet<number> = new Set([
  53, 80, 389, 443, 636, 1433, 1521, 5432, 5671, 5672, 6379, 6432, 9042, 9092, 11_211, 27_017,
]);

/**
 * Ports on which Envoy does not look for TLS at all (`filter_disabled`), so that a server's
 * greeting is never held up: FTP, SSH, SMTP, POP3, NNTP, IMAP, submission, MySQL, NATS, VNC.
 *
 * The list is part of the listener, and changing it would cut every session of the listener: it is
 * fixed here, for good. Ports whose clients speak first (53, 27017) gain nothing by being on it,
 * and lose: without looking, one port cannot take both plaintext and mesh TLS (`mtls-mode.ts`).
 */
export const UNINSPECTED_PORTS: readonly number[] = [
  21, 22, 25, 110, 119, 143, 587, 3306, 4222, 5900,
];

/**
 * Ports on which Envoy does not look for HTTP in plaintext either: the same, and those of databases
 * and queues whose clients speak first, of which some begin as a request would (AMQP). So nothing
 * that is known not to be HTTP ever waits to be told so. Fixed, for the same reason.
 */
export const NEVER_HTTP_PORTS: readonly number[] = [...TCP_PORTS].toSorted((a, b) => a - b);

/** What a port carries: bytes, requests, or whichever the client begins with. */
export type PortContent = 'tcp' | 'http' | 'auto';

export function portContent(port: number, protocol: Protocol): PortContent {
  if (isHttp(protocol)) return 'http';
  return protocol === 'auto' && isInspected(port) ? 'auto' : 'tcp';
}

/** TLS that ends at the proxy is out of the way of what the port declares. */
export function inboundContent(
  { port, protocol, termination }: Pick<InboundPort, 'port' | 'protocol' | 'termination'>,
  mode: MtlsMode,
): PortContent {
  if (!endsTls(termination, mode)) return portContent(port, protocol);
  return protocol === 'https' ? 'http' : 'tcp';
}

/** Only where mesh TLS is off, as in Istio. */
export const endsTls = (
  termination: TlsTermination | undefined,
  mode: MtlsMode,
): termination is TlsTermination => termination !== undefined && mode === 'DISABLE';

export const mayBeHttp = (port: number): boolean => !NEVER_HTTP_PORTS.includes(port);

export const isInspected = (port: number): boolean => !UNINSPECTED_PORTS.includes(port);

/** @param options.port the workload's own port; `name` is the service's for it */
export function firstSpeaker(options: {
  readonly port: number;
  readonly protocol: Protocol;
  readonly name: string;
}): FirstSpeaker {
  const { port, protocol, name } = options;
  const word = name.toLowerCase().split('-', 1)[0] ?? '';
  if (protocol === 'mysql' || SERVER_FIRST_NAMES.has(word)) return 'server';
  if (CLIENT_FIRST.has(protocol) || CLIENT_FIRST_NAMES.has(word)) return 'client';
  if (!isInspected(port)) return 'server';
  return CLIENT_FIRST_PORTS.has(port) ? 'client' : 'unknown';
}
