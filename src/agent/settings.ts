// Reading named settings from layers of text (flags, environment, env files) into checked values.
// Every problem is collected, so that an operator sees all of them at once. Pure.
import type { HostPort } from '#base/flags.ts';
import { canonicalCidr, canonicalIp } from '#base/ip.ts';

export type { HostPort } from '#base/flags.ts';

const PORT_MAX = 65_535;
/** More ports than this in one list is a mistake, and a slow rule set. */
const PORTS_MAX = 1_000;
const CIDRS_MAX = 1_000;

/**
 * Settings by name. Each reader returns the value, its default when the setting is absent or empty,
 * and after a problem also the default: the problem is kept, and the caller asks `problems` at the
 * end before it uses anything.
 */
export class Settings {
  readonly #lookup: (name: string) => string | undefined;
  readonly #problems: string[] = [];

  constructor(lookup: (name: string) => string | undefined) {
    this.#lookup = lookup;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  text(name: string): string | undefined {
    const value = this.#lookup(name)?.trim();
    return value === '' ? undefined : value;
  }

  port(name: string, defaultPort: number): number {
    return this.#read(name, defaultPort, parsePort, 'a port from 1 to 65535');
  }

  /** Comma-separated ports, sorted and without repetition. */
  ports(name: string, defaults: readonly number[]): readonly number[] {
    return this.#read(name, defaults, parsePorts, 'ports from 1 to 65535 joined by commas');
  }

  /** Like `ports`, or `*` for all. */
  portsOrAll(name: string, defaults: readonly number[]): '*' | readonly number[] {
    return this.text(name) === '*' ? '*' : this.ports(name, defaults);
  }

  /** Comma-separated prefixes or addresses; an address becomes the prefix of one. */
  cidrs(name: string): readonly string[] {
    return this.#read(name, [], parseCidrs, 'prefixes like 10.0.0.0/8 joined by commas');
  }

  hostPort(name: string, defaultPort: number, fallback: HostPort): HostPort {
    const parse = (text: string): HostPort | undefined => parseHostPort(text, defaultPort);
    return this.#read(name, fallback, parse, 'host:port');
  }

  /** A Go duration (`45s`, `1m30s`, `500ms`) in milliseconds. */
  durationMs(name: string, defaultMs: number): number {
    return this.#read(name, defaultMs, parseDurationMs, 'a duration such as 45s');
  }

  count(name: string, fallback: number, max: number): number {
    const parse = (text: string): number | undefined =>
      /^\d{1,9}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
    return this.#read(name, fallback, parse, `a whole number up to ${max}`);
  }

  oneOf<T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
    const parse = (text: string): T | undefined => allowed.find((value) => value === text);
    return this.#read(name, fallback, parse, `one of ${allowed.join(', ')}`);
  }

  fail(problem: string): void {
    this.#problems.push(problem);
  }

  #read<T>(name: string, fallback: T, parse: (text: string) => T | undefined, expected: string): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = parse(text);
    if (value === undefined) this.fail(`${name} is "${text}", expected ${expected}`);
    return value ?? fallback;
  }
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : undefined;
}

function parsePorts(text: string): readonly number[] | undefined {
  const ports = listOf(text).map(parsePort);
  if (ports.length > PORTS_MAX || ports.includes(undefined)) return undefined;
  const known = ports.filter((port) => port !== undefined);
  return [...new Set(known)].sort((a, b) => a - b);
}

function parseCidrs(text: string): readonly string[] | undefined {
  const cidrs = listOf(text).map(cidrOf);
  if (cidrs.length > CIDRS_MAX || cidrs.includes(undefined)) return undefined;
  return [...new Set(cidrs.filter((cidr) => cidr !== undefined))];
}

function cidrOf(text: string): string | undefined {
  if (text.includes('/')) return canonicalCidr(text);
  const ip = canonicalIp(text);
  return ip && `${ip}/${ip.includes(':') ? 128 : 32}`;
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** `host`, `host:port` or `[v6]:port`. A host is a DNS name or an IP address. */
export function parseHostPort(text: string, defaultPort: number): HostPort | undefined {
  const bare = canonicalIp(text);
  if (bare !== undefined) return { host: bare, port: defaultPort };
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = v6 === undefined ? hostOf(name ?? '') : canonicalIp(v6);
  const number = port === undefined ? defaultPort : parsePort(port);
  return host === undefined || number === undefined ? undefined : { host, port: number };
}

/** RFC 1123 §2.1: a host name of at most 253 characters. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

function hostOf(text: string): string | undefined {
  if (/^[\d.]+$/.test(text)) return canonicalIp(text);
  return HOST_NAME.test(text) ? text : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export function parseDurationMs(text: string): number | undefined {
  if (!/^(\d{1,9}(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0),
    0,
  );
}

/** Lines of an env file beyond this are not a configuration. */
const ENV_FILE_LINES_MAX = 10_000;

/**
 * Reads `NAME=value` lines as a shell would that is given only assignments: comments, `export`,
 * single and double quotes and backslashes, no expansion. (`istioctl x workload entry configure`
 * writes cluster.env with shell-quoted values.)
 */
export function parseEnvFile(text: string): {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
} {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').slice(0, ENV_FILE_LINES_MAX).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [, name, raw] = /^(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(trimmed) ?? [];
    const value = raw === undefined ? undefined : unquote(raw);
    if (name === undefined || value === undefined) {
      problems.push(`line ${index + 1} is not NAME=value`);
    } else {
      values.set(name, value);
    }
  }
  return { values, problems };
}

/** The value of one shell word, or undefined when quotes do not match or text follows the word. */
function unquote(raw: string): string | undefined {
  let value = '';
  let rest = raw;
  while (rest !== '') {
    const [part, single, double, escaped, plain] =
      /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+))/.exec(rest) ?? [];
    if (part === undefined) return /^\s+(#.*)?$/.test(rest) ? value : undefined;
    value += single ?? double?.replace(/\\([$`"\\])/g, '$1') ?? escaped ?? plain ?? '';
    rest = rest.slice(part.length);
  }
  return value;
}
