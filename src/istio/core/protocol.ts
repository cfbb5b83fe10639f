// Which protocol a port speaks, by Istio's rules (pkg/config/kube/conversion.go).

/** `auto` says nothing about itself: Istio would look at the first bytes. */
export type Protocol =
  | 'auto'
  | 'grpc'
  | 'grpc-web'
  | 'http'
  | 'http-proxy'
  | 'http2'
  | 'https'
  | 'mongo'
  | 'mysql'
  | 'redis'
  | 'tcp'
  | 'tls'
  | 'udp';

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['grpc', 'grpc'],
  ['grpc-web', 'grpc-web'],
  ['http', 'http'],
  ['http_proxy', 'http-proxy'],
  ['http2', 'http2'],
  ['https', 'https'],
  ['mongo', 'mongo'],
  ['mysql', 'mysql'],
  ['redis', 'redis'],
  ['tcp', 'tcp'],
  ['tls', 'tls'],
  ['udp', 'udp'],
]);

/** Kubernetes' own values of appProtocol (KEP-3726). */
const KUBERNETES_PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['kubernetes.io/h2c', 'http2'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'https'],
]);

/**
 * Port numbers that mean TCP unless the port says more: looking at the first bytes would hold up a
 * server that speaks first, and tell nothing of the others. Istio has 25, 53, 3306 and 27017 only.
 *
 * Server first: FTP, SSH, SMTP, POP3, NNTP, IMAP, submission, MySQL, NATS, VNC. Client first: DNS,
 * LDAP, LDAPS, SQL Server, Oracle, PostgreSQL, AMQPS, AMQP, Redis, PgBouncer, Cassandra, Kafka,
 * memcached, MongoDB.
 *
 * The numbers are part of every proxy's inbound listener (`resolve/first-speaker.ts`): another one
 * would cut every proxy's sessions, once.
 */
export const TCP_PORTS: ReadonlySet<number> = new Set([
  21, 22, 25, 53, 110, 119, 143, 389, 587, 636, 1433, 1521, 3306, 4222, 5432, 5671, 5672, 5900,
  6379, 6432, 9042, 9092, 11_211, 27_017,
]);

/** The protocol of this name, in any case; undefined when there is none. */
export function protocolOf(name: string): Protocol | undefined {
  return PROTOCOLS.get(name.toLowerCase());
}

/** The protocol of a Service's port. */
export function kubeProtocol(port: {
  readonly number: number;
  readonly name: string;
  readonly appProtocol: string;
  /** TCP, UDP or SCTP. */
  readonly transport: string;
}): Protocol {
  if (port.transport === 'UDP') return 'udp';
  const declared =
    port.appProtocol === ''
      ? fromPortName(port.name)
      : (KUBERNETES_PROTOCOLS.get(port.appProtocol) ?? fromPortName(port.appProtocol));
  return declared ?? undeclared(port.number);
}

/** The protocol of a ServiceEntry's port: what it declares, else what its name says. */
export function entryProtocol(port: {
  readonly number: number;
  readonly name: string;
  readonly protocol: string;
}): Protocol {
  const declared = port.protocol === '' ? fromPortName(port.name) : protocolOf(port.protocol);
  return declared ?? undeclared(port.number);
}

const undeclared = (port: number): Protocol => (TCP_PORTS.has(port) ? 'tcp' : 'auto');

/** `<protocol>` or `<protocol>-<suffix>`. UDP is a transport here, not a protocol to be named. */
function fromPortName(name: string): Protocol | undefined {
  if (name.toLowerCase().startsWith('grpc-web')) return 'grpc-web';
  const protocol = protocolOf(name.split('-', 1)[0] ?? '');
  return protocol === 'udp' ? 'tcp' : protocol;
}

export function isHttp(protocol: Protocol): boolean {
  switch (protocol) {
    case 'grpc':
    case 'grpc-web':
    case 'http':
    case 'http-proxy':
    case 'http2':
      return true;
    default:
      return false;
  }
}
