// The API server's settings: flags and environment in, checked values out. Pure.
import { parseHostPort, readFlags, usageError } from '#base/flags.ts';
import type { HostPort } from '#base/flags.ts';
import { canonicalCidr } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';

export type ApiServerConfig = {
  /** Folder of the database, the keys and the kubeconfig files. Made, mode 0700, when missing. */
  readonly dataDir: string;
  /** Where to listen. Port 0 takes any free one. */
  readonly listen: HostPort;
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
const DEFAULT_NAMESPACES = [
  'default',
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'istio-system',
];
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
  const { values } = readFlags(argv, { options: FLAGS, usage: API_SERVER_USAGE });
  const dataDir = values['data-dir'] ?? env['ISTHMUS_APISERVER_DATA_DIR'];
  if (!dataDir) throw usageError('--data-dir is missing', API_SERVER_USAGE);
  return {
    dataDir,
    listen: parseHostPort('--listen', values.listen ?? DEFAULT_LISTEN),
    serviceCidr: parseServiceCidr(values['service-cidr'] ?? DEFAULT_SERVICE_CIDR),
    tlsNames: values['tls-san'] ?? [],
    namespaces: DEFAULT_NAMESPACES,
  };
}

const FLAGS = {
  'data-dir': { type: 'string' },
  listen: { type: 'string' },
  'service-cidr': { type: 'string' },
  'tls-san': { type: 'string', multiple: true },
} as const;

function parseServiceCidr(text: string): string {
  const cidr = text.includes(':') ? undefined : canonicalCidr(text);
  const length = Number(cidr?.split('/')[1]);
  if (cidr !== undefined && length >= PREFIX_LENGTH_MIN && length <= PREFIX_LENGTH_MAX) return cidr;
  throw new OperatorError(
    'CONFIG_INVALID',
    `--service-cidr ${text} is not an IPv4 range that Services can live in`,
    {
      remedy: `give a range between /${PREFIX_LENGTH_MIN} and /${PREFIX_LENGTH_MAX}, such as 10.96.0.0/16`,
    },
  );
}
