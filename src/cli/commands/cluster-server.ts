// The embedded API server together with the controllers that make a cluster of it.
import { randomBytes, randomInt } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import { runApiServer, type ApiServerAddress } from '#apiserver/main.ts';
import { runControllers } from '#controllers/run.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';

/**
 * Runs until aborted; `serve` runs as soon as requests are answered.
 *
 * @throws as `runApiServer`, and what `serve` throws
 */
export async function runClusterServer(
  config: ApiServerConfig,
  serve: (address: ApiServerAddress, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const ready = Promise.withResolvers<ApiServerAddress>();
  const log = createLogger('apiserver');
  const server = { clock: systemClock, log, randomBytes, onReady: ready.resolve };
  await runTasks(signal, [
    (group) => runApiServer(config, server, group),
    async (group) => {
      group.addEventListener('abort', () => ready.reject(group.reason), { once: true });
      const address = await ready.promise;
      await runTasks(group, [
        (inner) => serve(address, inner),
        (inner) => runClusterControllers(address, inner),
      ]);
    },
  ]);
}

/** They are a client like any other, over HTTPS, with a certificate and a role of their own. */
async function runClusterControllers(
  { controllersKubeconfigPath }: ApiServerAddress,
  signal: AbortSignal,
): Promise<void> {
  const client = createKubeClient(await loadKubeconfig(controllersKubeconfigPath));
  const random = (): number => randomInt(2 ** 32) / 2 ** 32;
  const log = createLogger('controllers');
  try {
    await runControllers({ client, clock: systemClock, random, log }, signal);
  } finally {
    client.close();
  }
}
