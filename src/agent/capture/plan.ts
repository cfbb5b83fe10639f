// The nftables rules that lead a workload's TCP connections through its proxy, and its DNS queries. Pure: configuration
// and addresses in, the text of one transaction out. The table is ours alone; nothing else on the
// machine is touched.
import { normalizeRanges, parseIp, parseRange, renderIp } from '#base/ip.ts';
import type { CaptureConfig } from '../config.ts';
import { ENDED_REMOVAL } from './ended.ts';
import { renderRange, SET_NAMES, type CaptureSets, type SetName } from './addresses.ts';

export const TABLE = 'inet isthmus';

/** Envoy marks its upstream sockets with this (bootstrap): 1337, Istio's number for its proxy. */
export const PROXY_MARK = 0x539;
const MARK = `0x${PROXY_MARK.toString(16)}`;

/**
 * Before what others do at -100 (`dstnat`; nft 1.0.6 takes that name only in prerouting): the first
 * nat rule that matches a connection decides, and Docker's published ports would win otherwise.
 */
const PRIORITY = -110;

/**
 * Beyond the ports that Linux gives out by itself, and those of the DNS proxy: from these the agent
 * dials past the proxy, to see what the network alone does.
 */
export const PROBE_SOURCE_PORTS = { first: 62_000, last: 62_015 };

/** A comment is at most 128 bytes in the kernel. */
const COMMENT_LENGTH_MAX = 100;

type Rule = { readonly match: string; readonly verdict: string; readonly why: string };

/** Ports of the agent itself, never captured when `*` is. */
export type OwnPorts = readonly number[];

/**
 * Puts the table in place, in one transaction: whatever the table held before, connections see
 * either the old rules or the new ones. Sessions that are open live on, since address translation
 * is decided at their first packet.
 */
export function planCapture(options: {
  readonly config: CaptureConfig;
  readonly sets: CaptureSets;
  readonly ownPorts: OwnPorts;
}): string {
  const { config, sets } = options;
  const inbound = inboundRules(config, options.ownPorts);
  return [
    ...REPLACE,
    `table ${TABLE} {`,
    ...SET_NAMES.flatMap((name) => renderSet(name, sets[name])),
    ...(config.dns ? DNS_SETS.flatMap(({ name, type }) => lapsingSet(name, type)) : []),
    ...renderChain('output', outboundRules(config, options.ownPorts)),
    ...(inbound.length > 0 ? renderChain('prerouting', inbound) : []),
    '}',
    '',
  ].join('\n');
}

/** `delete` alone fails when there is no table; adding it first makes both cases one. */
const REPLACE = [`add table ${TABLE}`, `delete table ${TABLE}`];

/** Takes the tables away, if there are any: from then on nothing is captured. */
export const PLAN_REMOVAL = [...REPLACE, ...ENDED_REMOVAL, ''].join('\n');

/**
 * Changes the elements of the sets and nothing else, in one transaction: no rule is replaced.
 *
 * @returns undefined when there is nothing to change
 */
export function planSetUpdate(before: CaptureSets, after: CaptureSets): string | undefined {
  const lines = SET_NAMES.flatMap((name) => {
    const old = new Set(before[name]);
    const now = new Set(after[name]);
    // deleted first: an interval may only be added where none overlaps it
    return [
      ...elementLines('delete', name, [...old.difference(now)]),
      ...elementLines('add', name, [...now.difference(old)]),
    ];
  });
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}

/**
 * How long queries are captured without the agent saying so again. Long enough for three looks of
 * the agent; a machine whose agent is dead has its resolvers back after this.
 */
export const DNS_LAPSE_SECONDS = 45;

const DNS_SETS = [
  { name: 'dns_servers4', version: 4, type: 'ipv4_addr' },
  { name: 'dns_servers6', version: 6, type: 'ipv6_addr' },
] as const;

/** Is it a set whose elements lapse? What it holds at a time says nothing of the rules. */
export const isLapsingSet = (name: string): boolean => DNS_SETS.some((set) => set.name === name);

/** Captures queries to these servers from now on, and to no other; in one transaction. */
export function planDnsServers(addresses: readonly string[]): string {
  const lines = DNS_SETS.flatMap(({ name, version }) => {
    const own = addresses.flatMap((address) => {
      const ip = parseIp(address);
      return ip?.version === version ? [`${renderIp(ip)} timeout ${DNS_LAPSE_SECONDS}s`] : [];
    });
    const elements = [...new Set(own)];
    // flushed first: adding what is there already would not make it last longer
    const flush = `flush set ${TABLE} ${name}`;
    return elements.length === 0
      ? [flush]
      : [flush, `add element ${TABLE} ${name} { ${elements.join(', ')} }`];
  });
  return `${lines.join('\n')}\n`;
}

/** One line of at most so many elements: nft's parser is quadratic in some places. */
const ELEMENTS_PER_LINE = 1_000;

function elementLines(verb: string, set: SetName, elements: readonly string[]): string[] {
  const lines: string[] = [];
  for (let start = 0; start < elements.length; start += ELEMENTS_PER_LINE) {
    const some = elements.slice(start, start + ELEMENTS_PER_LINE);
    lines.push(`${verb} element ${TABLE} ${set} { ${some.join(', ')} }`);
  }
  return lines;
}

function outboundRules(config: CaptureConfig, ownPorts: OwnPorts): Rule[] {
  const toProxy = `meta l4proto tcp redirect to :${config.outboundPort}`;
  return [
    ...selfRules(config, ownPorts),
    { match: `meta mark ${MARK}`, verdict: 'return', why: 'the proxy itself' },
    {
      match: `tcp sport ${PROBE_SOURCE_PORTS.first}-${PROBE_SOURCE_PORTS.last}`,
      verdict: 'return',
      why: "the agent's probes",
    },
    ...dnsRules(config), // before the loopback's: a resolver may well be there
    { match: 'oifname "lo"', verdict: 'return', why: 'within this machine' },
    ...interfaceRules('oifname', config.excludeInterfaces),
    { match: 'ip daddr . tcp dport @control_plane4', verdict: 'return', why: 'control plane' },
    { match: 'ip6 daddr . tcp dport @control_plane6', verdict: 'return', why: 'control plane' },
    ...portRules(config.outboundExcludePorts, 'ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE'),
    ...rangeRules(config.outboundExcludeCidrs, 'ISTIO_SERVICE_EXCLUDE_CIDR'),
    { match: 'ip daddr @mesh_ranges4', verdict: toProxy, why: 'ranges of the mesh' },
    { match: 'ip daddr @mesh_addresses4', verdict: toProxy, why: 'addresses of the mesh' },
    { match: 'ip6 daddr @mesh_ranges6', verdict: toProxy, why: 'ranges of the mesh' },
    { match: 'ip6 daddr @mesh_addresses6', verdict: toProxy, why: 'addresses of the mesh' },
  ];
}

/**
 * A service whose address leads back to this very workload: what the proxy sends to itself comes in
 * like everybody's, or it would speak the mesh's TLS to the application. Its deliveries do not; they
 * come from an address that nobody else uses (see `src/resolve/inbound-cluster.ts`).
 */
function selfRules(config: CaptureConfig, ownPorts: OwnPorts): Rule[] {
  const ports = inboundPortRules(config, ownPorts);
  const own = `meta mark ${MARK} oifname "lo" ip daddr != 127.0.0.0/8`;
  return [
    ...(ports.length > 0
      ? [{ match: 'oifname "lo" ip saddr 127.0.0.6', verdict: 'return', why: 'delivered' }]
      : []),
    ...ports.map((rule) => ({ ...rule, match: `${own} ${rule.match}` })),
  ];
}

const DNS_QUERIES = 'meta l4proto { tcp, udp } th dport 53';

/** Only what goes to a server of resolv.conf: a local cache's own queries pass. */
function dnsRules({ dns }: CaptureConfig): Rule[] {
  if (!dns) return [];
  const { first, last } = dns.sourcePorts;
  const verdict = `redirect to :${dns.port}`;
  return [
    { match: `${DNS_QUERIES} th sport ${first}-${last}`, verdict: 'return', why: 'DNS proxy' },
    { match: `ip daddr @dns_servers4 ${DNS_QUERIES}`, verdict, why: 'resolv.conf' },
    { match: `ip6 daddr @dns_servers6 ${DNS_QUERIES}`, verdict, why: 'resolv.conf' },
  ];
}

function inboundRules(config: CaptureConfig, ownPorts: OwnPorts): Rule[] {
  const ports = inboundPortRules(config, ownPorts);
  if (ports.length === 0) return [];
  // a router or a container host passes connections on that are not for this machine
  const forwarded: Rule = {
    match: 'fib daddr type != local',
    verdict: 'return',
    why: 'not for this machine',
  };
  return [forwarded, ...interfaceRules('iifname', config.excludeInterfaces), ...ports];
}

/** Which of the connections to this workload come in through the proxy. */
function inboundPortRules(config: CaptureConfig, ownPorts: OwnPorts): Rule[] {
  const { inboundPorts, inboundPort } = config;
  const verdict = `redirect to :${inboundPort}`;
  const why = 'ISTIO_INBOUND_PORTS';
  if (inboundPorts === '*') {
    const exempt = [...config.inboundExcludePorts, ...ownPorts];
    return [
      ...portRules(exempt, 'ISTIO_LOCAL_EXCLUDE_PORTS'),
      { match: 'meta l4proto tcp', verdict, why },
    ];
  }
  return inboundPorts.length === 0
    ? []
    : [{ match: `tcp dport ${listOf(inboundPorts)}`, verdict, why }];
}

function interfaceRules(which: 'iifname' | 'oifname', names: readonly string[]): Rule[] {
  if (names.length === 0) return [];
  const quoted = listOf(names.map((name) => `"${name}"`));
  return [{ match: `${which} ${quoted}`, verdict: 'return', why: 'ISTIO_EXCLUDE_INTERFACES' }];
}

function portRules(ports: readonly number[], why: string): Rule[] {
  if (ports.length === 0) return [];
  const list = listOf([...new Set(ports)].sort((a, b) => a - b));
  return [{ match: `tcp dport ${list}`, verdict: 'return', why }];
}

function rangeRules(cidrs: readonly string[], why: string): Rule[] {
  const ranges = normalizeRanges(cidrs.map(parseRange).filter((range) => range !== undefined));
  return ([4, 6] as const).flatMap((version) => {
    const list = ranges.filter((range) => range.version === version).map(renderRange);
    if (list.length === 0) return [];
    return [{ match: `ip${version === 6 ? 6 : ''} daddr ${listOf(list)}`, verdict: 'return', why }];
  });
}

/** As nft lists it: one value bare, more of them as an anonymous set. */
const listOf = (values: readonly (string | number)[]): string =>
  values.length === 1 ? String(values[0]) : `{ ${values.join(', ')} }`;

/** Newlines throughout: nft rejects a chain whose last statement is followed directly by ` }`. */
function renderChain(hook: 'output' | 'prerouting', rules: readonly Rule[]): string[] {
  return [
    `\tchain ${hook} {`,
    `\t\ttype nat hook ${hook} priority ${PRIORITY}; policy accept;`,
    ...rules.map(
      ({ match, verdict, why }) =>
        `\t\t${match} ${verdict} comment "${why.slice(0, COMMENT_LENGTH_MAX)}"`,
    ),
    '\t}',
  ];
}

const SET_TYPES: Readonly<Record<SetName, string>> = {
  mesh_ranges4: 'type ipv4_addr; flags interval;',
  mesh_ranges6: 'type ipv6_addr; flags interval;',
  mesh_addresses4: 'type ipv4_addr;',
  mesh_addresses6: 'type ipv6_addr;',
  control_plane4: 'type ipv4_addr . inet_service;',
  control_plane6: 'type ipv6_addr . inet_service;',
};

function renderSet(name: SetName, elements: readonly string[]): string[] {
  const list = elements.length === 0 ? [] : [`\t\telements = { ${elements.join(', ')} }`];
  return [`\tset ${name} {`, `\t\t${SET_TYPES[name]}`, ...list, '\t}'];
}

const lapsingSet = (name: string, type: string): string[] => [
  `\tset ${name} {`,
  `\t\ttype ${type}; flags timeout;`,
  '\t}',
];
