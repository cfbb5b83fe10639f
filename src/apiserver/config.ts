// The API server's settings: flags and environment in, checked values out. Pure.
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { OperatorError } from '#base/operator-error.ts';
import { parseCidr } from './net/cidr.ts';

export type ApiServerConfig = {
  /** Folder of the database, the keys and the kubeconfig files. Made with mode 0700 when missing. */
  readonly dataDir: string;
  /** Where to listen. Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** IPv4 range that Services get their cluster IPs from, between /8 and /28. */
  readonly serviceCidr: string;
  /** Further names and addresses that the server's certificate shall be good for. */
  readonly tlsNames: readonly string[];
  /** Namespaces made at the first start. */
  readonly namespaces: readonly string[];
};

export const API_SERVER_USAGE = `isthmus apiserver --data-dir DIR [options]

  --data-dir DIR           database, keys and kubeconfig files (created with mode 0700)
  --listen HOST:PORT       default 127.0.0.1:6443; port 0 takes a free one
  --service-cidr CIDR      range of cluster IPs, default 10.96.0.0/16
  --tls-san NAME           further name or address in the server's certificate (repeatable)`;

const DEFAULT_LISTEN = '127.0.0.1:6443';
const DEFAULT_SERVICE_CIDR = '10.96.0.0/16';
const DEFAULT_NAMESPACES = ['default', 'kube-system', 'kube-public', 'istio-system'];
/** 16 addresses are the fewest that leave room for more than the server's own Service. */
const PREFIX_LENGTH_MAX = 28;
const PREFIX_LENGTH_MIN = 8;

/**
 * @param argv the arguments after the command's name
 * @param env ISTHMUS_APISERVER_DATA_DIR stands in for a missing --data-dir
 * @throws OperatorError USAGE or CONFIG_INVALID
 */
export function parseApiServerConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): ApiServerConfig {
  const values = readFlags(argv);
  const dataDir = values['data-dir'] ?? env['ISTHMUS_APISERVER_DATA_DIR'];
  if (!dataDir) throw usage('--data-dir is missing');
  const serviceCidr = values['service-cidr'] ?? DEFAULT_SERVICE_CIDR;
  const range = parseCidr(serviceCidr);
  if (!range || range.prefixLength > PREFIX_LENGTH_MAX || range.prefixLength < PREFIX_LENGTH_MIN) {
    throw invalid(
      `--service-cidr ${serviceCidr} is not an IPv4 range that Services can live in`,
      `give a range between /${PREFIX_LENGTH_MIN} and /${PREFIX_LENGTH_MAX}, such as 10.96.0.0/16`,
    );
  }
  return {
    dataDir,
    listen: parseListen(values.listen ?? DEFAULT_LISTEN),
    serviceCidr: range.text,
    tlsNames: values['tls-san'] ?? [],
    namespaces: DEFAULT_NAMESPACES,
  };
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        'data-dir': { type: 'string' },
        listen: { type: 'string' },
        'service-cidr': { type: 'string' },
        'tls-san': { type: 'string', multiple: true },
      },
    }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

/** `HOST:PORT` or `[IPV6]:PORT`. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (!match || port > 65_535 || (isIP(host) === 0 && host !== 'localhost')) {
    throw invalid(
      `--listen ${text} is not an address and a port`,
      'give an IP address and a port, such as 127.0.0.1:6443 or [::1]:6443',
    );
  }
  return { host, port };
}

function usage(message: string): OperatorError {
  return new OperatorError('USAGE', message, { remedy: `usage: ${API_SERVER_USAGE}` });
}

function invalid(message: string, remedy: string): OperatorError {
  return new OperatorError('CONFIG_INVALID', message, { remedy });
}
