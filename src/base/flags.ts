// Command-line flags: the same words, checks and complaints in every program.
import { isIP } from 'node:net';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { OperatorError } from './operator-error.ts';

type FlagOptions = NonNullable<ParseArgsConfig['options']>;

/**
 * The flags' values. Positional arguments are refused unless `allowPositionals`.
 *
 * @throws OperatorError USAGE, with `usage` as its remedy
 */
export function readFlags<const Options extends FlagOptions>(
  argv: readonly string[],
  spec: { readonly options: Options; readonly usage: string; readonly allowPositionals?: boolean },
) {
  const { options, usage, allowPositionals = false } = spec;
  try {
    return parseArgs({ args: [...argv], options, allowPositionals });
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error), usage);
  }
}

export function usageError(message: string, usage: string): OperatorError {
  return new OperatorError('USAGE', message, { remedy: `usage: ${usage}` });
}

export type HostPort = { readonly host: string; readonly port: number };

const PORT_MAX = 65_535;

/**
 * `HOST:PORT` or `[IPV6]:PORT`.
 *
 * @param flag the flag's name, for the complaint
 * @param accepts `address` for where to listen, `name` where a DNS name will do
 * @throws OperatorError CONFIG_INVALID
 */
export function parseHostPort(
  flag: string,
  text: string,
  accepts: 'address' | 'name' = 'address',
): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const isHost = isIP(host) !== 0 || host === 'localhost' || (accepts === 'name' && isName(host));
  if (match && port <= PORT_MAX && isHost) return { host, port };
  const kind = accepts === 'name' ? 'a host' : 'an IP address';
  throw new OperatorError('CONFIG_INVALID', `${flag} ${text} is not ${kind} and a port`, {
    remedy: `give ${kind} and a port, such as 127.0.0.1:15012 or [::1]:15012`,
  });
}

/** RFC 1123 §2.1: letters, digits and hyphens between dots, at most 253 characters. */
function isName(host: string): boolean {
  return host.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*$/i.test(host);
}
