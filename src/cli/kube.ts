// The Kubernetes API as the commands use it: found as kubectl finds it, and its refusals put into
// words that somebody can act on.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig, type KubeConfig } from '#kube/kubeconfig.ts';
import { KubeStatusError } from '#kube/status.ts';

/** The values of `kubeFlags`. */
export type KubeWords = {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
};

export type Kube = {
  readonly client: KubeClient;
  /** Of `-n`, else of the context. */
  readonly namespace: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Works with the API, and closes the client at the end.
 *
 * @throws OperatorError CONFIG_INVALID, FILE_UNREADABLE, API_SERVER_UNREACHABLE, and
 *   API_SERVER_REFUSED for every refusal that `work` does not handle itself
 */
export async function withKube<T>(
  words: KubeWords,
  env: Environment,
  work: (kube: Kube) => Promise<T>,
): Promise<T> {
  const config = await loadKube(words, env);
  const client = createKubeClient(config);
  try {
    return await work({ client, namespace: words.namespace ?? config.namespace });
  } catch (error) {
    throw error instanceof KubeStatusError ? refusal(error, client.server) : error;
  } finally {
    client.close();
  }
}

/**
 * Who the user is, and where the API server.
 *
 * @throws OperatorError CONFIG_INVALID, FILE_UNREADABLE
 */
export async function loadKube(words: KubeWords, env: Environment): Promise<KubeConfig> {
  const { context } = words;
  return await loadKubeconfig(kubeconfigPath(words, env), context === undefined ? {} : { context });
}

/** $KUBECONFIG may name several files, which kubectl merges; here the first that exists counts. */
function kubeconfigPath({ kubeconfig }: KubeWords, env: Environment): string {
  if (kubeconfig !== undefined) return kubeconfig;
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  const candidates = named.length > 0 ? named : [join(env['HOME'] ?? homedir(), '.kube/config')];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new OperatorError('FILE_UNREADABLE', `there is no kubeconfig: ${candidates.join(', ')}`, {
    remedy: 'name one with --kubeconfig or $KUBECONFIG',
  });
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/ : the codes that users meet. */
function refusal(error: KubeStatusError, server: string): OperatorError {
  const { code } = error.status;
  const message = `the API server ${server} refused: ${error.message}`;
  return new OperatorError('API_SERVER_REFUSED', message, { remedy: remedyOf(code), cause: error });
}

function remedyOf(code: number): string {
  switch (code) {
    case 401:
      return 'the credentials in the kubeconfig are not, or no longer, good: get new ones';
    case 403:
      return 'ask an administrator of the cluster for that right, or use another --context';
    case 409:
      return 'somebody else changes the same object: run the command again';
    case 422:
      return 'mend what the message names';
    default:
      return 'mend what the message names, or run the command again';
  }
}
