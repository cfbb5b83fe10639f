// Which listener and which of its filter chains Envoy would take for a connection, for tests:
// docs of FilterChainMatch. At each step the chains that do not fit are dropped; what no chain fits
// is left to those that do not ask.
import { parseCidr, parseIp, rangeContains } from '#base/ip.ts';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type {
  FilterChain,
  FilterChainMatch,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';

/** A connection as its first bytes show it. */
export type Connection = {
  readonly address: string;
  readonly port: number;
  readonly tls: 'plaintext' | 'tls' | 'mtls';
  readonly protocol: 'http' | 'http2' | 'tcp';
  readonly sni: string;
  readonly alpn: string;
};

/** The listener that a connection to an address is handed to. */
export function listenerFor(
  listeners: readonly Listener[],
  { address, port }: Pick<Connection, 'address' | 'port'>,
  fallback: string,
): Listener | undefined {
  const at = (wanted: string): Listener | undefined =>
    listeners.find((listener) => isAt(listener, wanted, port));
  return at(address) ?? at('0.0.0.0') ?? listeners.find(({ name }) => name === fallback);
}

function isAt({ address }: Listener, wanted: string, port: number): boolean {
  if (address?.address.case !== 'socketAddress') return false;
  const { address: ip, portSpecifier } = address.address.value;
  return ip === wanted && portSpecifier.case === 'portValue' && portSpecifier.value === port;
}

/** undefined: none, so the connection is closed. */
export function chainFor(listener: Listener, connection: Connection): FilterChain | undefined {
  const hasTlsInspector = inspects(listener, 'tls_inspector', connection.port);
  const hasHttpInspector = inspects(listener, 'http_inspector', connection.port);
  const transport = hasTlsInspector && connection.tls !== 'plaintext' ? 'tls' : 'raw_buffer';
  const alpn = seenAlpn(connection, { hasTlsInspector, hasHttpInspector });
  const sni = hasTlsInspector ? connection.sni : '';
  let chains: readonly FilterChain[] = listener.filterChains;
  const sieve = (rank: (match: FilterChainMatch) => number | undefined): void => {
    chains = bestOf(chains, rank);
  };
  sieve(({ destinationPort }) =>
    destinationPort === undefined ? undefined : Number(destinationPort === connection.port),
  );
  sieve(({ prefixRanges }) => {
    if (prefixRanges.length === 0) return undefined;
    const fitting = prefixRanges.filter(({ addressPrefix, prefixLen = 0 }) =>
      isWithin(connection.address, `${addressPrefix}/${prefixLen}`),
    );
    return Math.max(0, ...fitting.map(({ prefixLen = 0 }) => prefixLen + 1));
  });
  sieve(({ serverNames }) =>
    serverNames.length === 0 ? undefined : Math.max(...serverNames.map((it) => rankOf(it, sni))),
  );
  sieve(({ transportProtocol }) =>
    transportProtocol === '' ? undefined : Number(transportProtocol === transport),
  );
  sieve(({ applicationProtocols }) =>
    applicationProtocols.length === 0 ? undefined : Number(applicationProtocols.includes(alpn)),
  );
  if (chains.length > 1) throw new Error(`${listener.name}: several chains fit`);
  return chains[0] ?? listener.defaultFilterChain;
}

/** What the inspectors find out: of TLS what it offers, of plaintext what it begins like. */
function seenAlpn(
  { tls, protocol, alpn }: Connection,
  { hasTlsInspector, hasHttpInspector }: Readonly<Record<string, boolean>>,
): string {
  if (tls !== 'plaintext') return hasTlsInspector ? alpn : '';
  if (!hasHttpInspector || protocol === 'tcp') return '';
  return protocol === 'http2' ? 'h2c' : 'http/1.1';
}

/** @param rank undefined: the chain does not ask; 0: it does not fit */
function bestOf(
  chains: readonly FilterChain[],
  rank: (match: FilterChainMatch) => number | undefined,
): readonly FilterChain[] {
  const ranked = chains.map((chain) => ({
    chain,
    rank: chain.filterChainMatch && rank(chain.filterChainMatch),
  }));
  const best = Math.max(0, ...ranked.map((one) => one.rank ?? 0));
  const wanted = best === 0 ? undefined : best;
  return ranked.filter((one) => one.rank === wanted).map(({ chain }) => chain);
}

function rankOf(name: string, sni: string): number {
  if (name === sni) return 1000;
  return name.startsWith('*') && sni.endsWith(name.slice(1)) ? name.length : 0;
}

function isWithin(address: string, cidr: string): boolean {
  const ip = parseIp(address);
  const range = parseCidr(cidr);
  return ip !== undefined && range !== undefined && rangeContains(range, ip);
}

/** Is the listener filter there, and not disabled on this port? */
function inspects({ listenerFilters }: Listener, kind: string, port: number): boolean {
  const filter = listenerFilters.find(({ name }) => name.endsWith(kind));
  if (filter === undefined) return false;
  const predicates = [filter.filterDisabled];
  for (let predicate = predicates.pop(); predicate; predicate = predicates.pop()) {
    const { rule } = predicate;
    if (rule.case === 'orMatch') predicates.push(...rule.value.rules);
    else if (rule.case === 'destinationPortRange') {
      if (port >= rule.value.start && port < rule.value.end) return false;
    } else if (rule.case === 'anyMatch') return false;
  }
  return true;
}
