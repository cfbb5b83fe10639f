// Where the API server is and who we are to it: kubectl's own file.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { OperatorError } from '#base/operator-error.ts';
import { isRecord } from './objects.ts';

export type KubeConfig = {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  /** Absent: the system's certificate authorities. */
  readonly caPem: string | undefined;
  /** The name to find in the server's certificate, when it is not the server's host. */
  readonly serverName: string | undefined;
  readonly credentials: {
    readonly certificate?: { readonly certificatePem: string; readonly keyPem: string };
    readonly token?: string;
    /** Read again and again, because it is renewed in place. Goes before `token`. */
    readonly tokenFile?: string;
  };
  /** The context's namespace, or `default`. */
  readonly namespace: string;
};

/**
 * Reads a kubeconfig file. File names in it are relative to its folder, as for kubectl.
 *
 * @param options.context default: the file's `current-context`
 * @throws OperatorError FILE_UNREADABLE or CONFIG_INVALID
 */
export async function loadKubeconfig(
  path: string,
  options: { readonly context?: string } = {},
): Promise<KubeConfig> {
  const text = await readText(path);
  const invalid = (problem: string): OperatorError =>
    new OperatorError('CONFIG_INVALID', `kubeconfig ${path}: ${problem}`, {
      remedy: 'mend the file, or name another with --kubeconfig',
    });
  const { cluster, user, namespace } = selectContext(text, options.context, invalid);
  const folder = dirname(resolve(path));
  const pem = (of: Record<string, unknown>, field: string): Promise<string | undefined> =>
    readPem(of, field, { folder, invalid });

  const server = textField(cluster, 'server');
  if (server === undefined) throw invalid('the cluster has no server');
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:') {
    throw invalid(`server ${server} is not an https address`);
  }
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw invalid('insecure-skip-tls-verify is not supported: give the certificate authority');
  }
  if (user['exec'] !== undefined || user['auth-provider'] !== undefined) {
    throw invalid('credential plug-ins (exec, auth-provider) are not supported: give a token');
  }
  const certificatePem = await pem(user, 'client-certificate');
  const keyPem = await pem(user, 'client-key');
  if ((certificatePem === undefined) !== (keyPem === undefined)) {
    throw invalid('client-certificate and client-key need each other');
  }
  const token = textField(user, 'token');
  const tokenFile = textField(user, 'tokenFile');
  return {
    server,
    caPem: await pem(cluster, 'certificate-authority'),
    serverName: textField(cluster, 'tls-server-name'),
    namespace,
    credentials: {
      ...(certificatePem !== undefined && keyPem !== undefined
        ? { certificate: { certificatePem, keyPem } }
        : {}),
      ...(token !== undefined && { token }),
      ...(tokenFile !== undefined && { tokenFile: resolve(folder, tokenFile) }),
    },
  };
}

type Failure = (problem: string) => OperatorError;

/** The cluster and the user that a context names. */
function selectContext(text: string, name: string | undefined, invalid: Failure) {
  const config = parseText(text, invalid);
  const contextName = name ?? textField(config, 'current-context');
  if (contextName === undefined) throw invalid('it has no current-context');
  const context = namedEntry(config, 'context', contextName, invalid);
  const clusterName = textField(context, 'cluster');
  const userName = textField(context, 'user');
  if (clusterName === undefined) throw invalid(`context "${contextName}" names no cluster`);
  return {
    cluster: namedEntry(config, 'cluster', clusterName, invalid),
    user: userName === undefined ? {} : namedEntry(config, 'user', userName, invalid),
    namespace: textField(context, 'namespace') ?? 'default',
  };
}

function parseText(text: string, invalid: Failure): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (cause) {
    throw invalid(`not YAML: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!isRecord(value)) throw invalid('it is not a mapping');
  return value;
}

/** `clusters: [{name, cluster: {…}}]`, and so for contexts and users. */
function namedEntry(
  config: Record<string, unknown>,
  kind: 'cluster' | 'context' | 'user',
  name: string,
  invalid: Failure,
): Record<string, unknown> {
  const entries: unknown = config[`${kind}s`];
  const list: unknown[] = Array.isArray(entries) ? entries : [];
  const entry = list.filter(isRecord).find((candidate) => candidate['name'] === name);
  if (!entry) throw invalid(`it has no ${kind} named "${name}"`);
  return isRecord(entry[kind]) ? entry[kind] : {};
}

/** `<field>-data` (base64 of PEM), else the file that `<field>` names. */
async function readPem(
  of: Record<string, unknown>,
  field: string,
  { folder, invalid }: { readonly folder: string; readonly invalid: Failure },
): Promise<string | undefined> {
  const data = textField(of, `${field}-data`);
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN ')) throw invalid(`${field}-data is not base64 of PEM`);
    return text;
  }
  const path = textField(of, field);
  return path === undefined ? undefined : readText(resolve(folder, path));
}

function textField(of: Record<string, unknown>, field: string): string | undefined {
  const value = of[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `${path} cannot be read: ${problem}`, {
      remedy: 'check that the file is there and may be read by this user',
      cause,
    });
  }
}
