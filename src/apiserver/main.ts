// The embedded API server as a program: `runApiServer` for the command line, `startApiServer` for
// whoever embeds it in a process of their own.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { ApiServerConfig } from './config.ts';

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
};

/** A running server. Disposal ends its watches, closes its sockets and then its database. */
export interface ApiServer extends AsyncDisposable {
  readonly address: ApiServerAddress;
}

/** @throws OperatorError ADDRESS_IN_USE, STORE_FAILED or FILE_UNREADABLE */
export async function startApiServer(
  config: ApiServerConfig,
  dependencies: ApiServerDependencies,
): Promise<ApiServer> {
  void dependencies;
  throw new Error(`not there yet: ${config.dataDir}`);
}

/** Serves until `signal` is aborted; `onReady` is called once, when requests are answered. */
export async function runApiServer(
  config: ApiServerConfig,
  dependencies: ApiServerDependencies & { readonly onReady?: (address: ApiServerAddress) => void },
  signal: AbortSignal,
): Promise<void> {
  await using server = await startApiServer(config, dependencies);
  dependencies.onReady?.(server.address);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
