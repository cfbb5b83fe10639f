// The hole in a firewall that lets pods reach a VM, checked. Pure.
import { usageError } from '#base/flags.ts';
import { canonicalCidr, canonicalIp } from '#base/ip.ts';
import type { OperatorError } from '#base/operator-error.ts';

export type Rule = {
  /** Lower-case letters, digits and hyphens, at most 63: the narrowest of the clouds' rules. */
  readonly name: string;
  /** Canonical CIDR. */
  readonly from: string;
  /** Canonical address. */
  readonly to: string;
  readonly tcpPort: number;
};

const USAGE =
  'isthmus firewall --from CIDR --to IP --port N [flags]; all of it: isthmus firewall --help';
const NAME_LENGTH_MAX = 63;

/** @throws OperatorError USAGE */
export function parseRule(flags: {
  readonly from: string;
  readonly to: string;
  readonly port: string;
}): Rule {
  const from = canonicalCidr(flags.from.includes('/') ? flags.from : hostPrefix(flags.from));
  if (from === undefined) throw refuse(`--from ${flags.from} is no range such as 10.24.0.0/16`);
  const to = canonicalIp(flags.to);
  if (to === undefined) throw refuse(`--to ${flags.to} is no IP address`);
  const tcpPort = /^\d{1,5}$/.test(flags.port) ? Number(flags.port) : 0;
  if (tcpPort < 1 || tcpPort > 65_535) throw refuse(`--port ${flags.port} is no port`);
  if (from.includes(':') !== to.includes(':')) {
    throw refuse(`--from ${from} and --to ${to} are not of the same IP version`);
  }
  return { name: ruleName(from, to, tcpPort), from, to, tcpPort };
}

const refuse = (message: string): OperatorError => usageError(message, USAGE);

const hostPrefix = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

function ruleName(from: string, to: string, tcpPort: number): string {
  const words = `isthmus-${from}-to-${to}-${tcpPort}`.replaceAll(/[^a-z0-9]+/g, '-');
  if (words.length <= NAME_LENGTH_MAX) return words;
  return `isthmus-to-${to}-${tcpPort}`.replaceAll(/[^a-z0-9]+/g, '-').slice(0, NAME_LENGTH_MAX);
}
