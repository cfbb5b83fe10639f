// The embedded API server as a program: `runApiServer` for the command line, `startApiServer` for
// whoever embeds it in a process of their own.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { parseCidr, renderIp } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import { TokenSigner } from './auth/jwt.ts';
import type { ApiServerConfig } from './config.ts';
import { createCore } from './core.ts';
import type { ApiCore } from './core.ts';
import { ApiListener } from './http/server.ts';
import { createNodeClient } from './node/node-client.ts';
import { issueKeyPair, openAuthority } from './pki/authority.ts';
import type { Authority } from './pki/authority.ts';
import { createFolder, readText, writeSecretFile } from './pki/files.ts';
import { renderKubeconfig } from './pki/kubeconfig.ts';
import { ADMINS_GROUP, CONTROL_PLANE_USER, CONTROLLERS_USER } from './rbac/bootstrap-roles.ts';
import { SqliteStore } from './store/sqlite-store.ts';

export type ApiServerDependencies = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Cryptographically strong bytes: serial numbers, uids, generated names. */
  readonly randomBytes: (size: number) => Uint8Array;
};

export type ApiServerAddress = {
  /** `https://127.0.0.1:6443` with the port that was really taken. */
  readonly url: string;
  /** Kubeconfig files with embedded client certificates, mode 0600. */
  readonly adminKubeconfigPath: string;
  readonly isthmusdKubeconfigPath: string;
  /** For controllers of workloads and endpoints, and the scheduler. */
  readonly controllersKubeconfigPath: string;
};

/** A running server. Disposal ends its watches, closes its sockets and then its database. */
export interface ApiServer extends AsyncDisposable {
  readonly address: ApiServerAddress;
}

const ADMIN_KUBECONFIG = 'admin.kubeconfig';
const ISTHMUSD_KUBECONFIG = 'isthmusd.kubeconfig';
const CONTROLLERS_KUBECONFIG = 'controllers.kubeconfig';
const ADMIN_USER = 'kubernetes-admin';
/** Who this server is to the nodes; the name is Kubernetes' own. */
const NODE_CLIENT = {
  commonName: 'kube-apiserver-kubelet-client',
  organizations: [],
  names: [],
};

/** @throws OperatorError ADDRESS_IN_USE, STORE_FAILED or FILE_UNREADABLE */
export async function startApiServer(
  config: ApiServerConfig,
  dependencies: ApiServerDependencies,
): Promise<ApiServer> {
  const { clock, log, randomBytes } = dependencies;
  const { dataDir } = config;
  createFolder(dataDir);
  await using resources = new AsyncDisposableStack();
  const store = resources.use(SqliteStore.open(join(dataDir, 'apiserver.db')));
  const making = { nowMs: clock.nowMs(), randomBytes };
  const authority = openAuthority(dataDir, making);
  const serving = issueKeyPair(authority, servingSubject(config), making);
  let port = config.listen.port;
  const host = reachableHost(config.listen.host);
  const core = await createCore({
    ...dependencies,
    store,
    signer: new TokenSigner(openTokenKey(dataDir)),
    serviceCidr: config.serviceCidr,
    namespaces: config.namespaces,
    nodes: createNodeClient({ client: issueKeyPair(authority, NODE_CLIENT, making), clock }),
    serverAddress: () => `${host}:${port}`,
    authorityPem: authority.certificatePem,
  });
  resources.use(runInBackground(core, log));
  const listener = resources.use(
    await ApiListener.open({
      ...config.listen,
      ...serving,
      clientAuthorityPem: authority.certificatePem,
      handle: core.handle,
      log,
      clock,
    }),
  );
  // Before the listener waits for its requests to end, the watches must be told to.
  resources.defer(() => core.close());
  port = listener.port;
  const clusterIp = firstServiceAddress(config.serviceCidr);
  if (clusterIp) await core.announce({ clusterIp, host: config.listen.host, port });
  const url = `https://${host}:${port}`;
  const address = writeKubeconfigs({ dataDir, url, authority, making });
  log.info('API server ready', { url, revision: store.revision });
  const owned = resources.move();
  return { address, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Serves until `signal` is aborted; `onReady` is called once, when requests are answered. */
export async function runApiServer(
  config: ApiServerConfig,
  dependencies: ApiServerDependencies & { readonly onReady?: (address: ApiServerAddress) => void },
  signal: AbortSignal,
): Promise<void> {
  await using server = await startApiServer(config, dependencies);
  dependencies.onReady?.(server.address);
  await aborted(signal);
}

/** The controllers run until the returned handle is disposed; their failure is a bug. */
function runInBackground(core: ApiCore, log: Logger): AsyncDisposable {
  const stop = new AbortController();
  const running = core.run(stop.signal).catch((error: unknown) => {
    if (stop.signal.aborted) return;
    log.error('controllers failed', { why: error instanceof Error ? error.stack : String(error) });
    throw error;
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Of the Service by which Pods know this server. */
function firstServiceAddress(serviceCidr: string): string | undefined {
  const range = parseCidr(serviceCidr);
  return range && renderIp({ version: 4, value: range.first + 1n });
}

function servingSubject({ listen, serviceCidr, tlsNames }: ApiServerConfig) {
  const own = firstServiceAddress(serviceCidr);
  const names = [
    'localhost',
    '127.0.0.1',
    '::1',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    ...(own === undefined ? [] : [own]),
    ...(isUnspecified(listen.host) ? [] : [listen.host]),
    ...tlsNames,
  ];
  return { commonName: 'kube-apiserver', organizations: [], names: [...new Set(names)] };
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** A host for URLs: a server on all addresses is reached on the loopback one. */
function reachableHost(host: string): string {
  if (isUnspecified(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** The key that signs service accounts' tokens. */
function openTokenKey(dataDir: string): KeyObject {
  const text = readText(join(dataDir, 'sa.key'));
  if (text === undefined) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    writeSecretFile(dataDir, 'sa.key', pem);
    return privateKey;
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new OperatorError('FILE_UNREADABLE', `${join(dataDir, 'sa.key')} is no private key`, {
      remedy: 'restore it from a backup; or remove it, and every service account token is void',
      cause: error,
    });
  }
}

function writeKubeconfigs(parts: {
  readonly dataDir: string;
  readonly url: string;
  readonly authority: Authority;
  readonly making: { readonly nowMs: number; readonly randomBytes: (size: number) => Uint8Array };
}): ApiServerAddress {
  const { dataDir, url, authority, making } = parts;
  const write = (file: string, user: string, groups: readonly string[]): string => {
    const subject = { commonName: user, organizations: groups, names: [] };
    const client = issueKeyPair(authority, subject, making);
    const authorityPem = authority.certificatePem;
    writeSecretFile(dataDir, file, renderKubeconfig({ server: url, authorityPem, user, client }));
    return join(dataDir, file);
  };
  return {
    url,
    adminKubeconfigPath: write(ADMIN_KUBECONFIG, ADMIN_USER, [ADMINS_GROUP]),
    isthmusdKubeconfigPath: write(ISTHMUSD_KUBECONFIG, CONTROL_PLANE_USER, []),
    controllersKubeconfigPath: write(CONTROLLERS_KUBECONFIG, CONTROLLERS_USER, []),
  };
}
