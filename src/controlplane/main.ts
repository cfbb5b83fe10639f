// `isthmus isthmusd`: the control plane as a program.
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { buildControlPlane, runControlPlane, type ListeningPorts } from './build.ts';
import type { ControlPlaneConfig } from './config.ts';

/**
 * Runs until aborted.
 *
 * @throws OperatorError API_SERVER_UNREACHABLE, ADDRESS_IN_USE, CONFIG_INVALID, FILE_UNREADABLE
 */
export async function runIsthmusd(
  config: ControlPlaneConfig,
  options: { readonly onListening?: (ports: ListeningPorts) => void },
  signal: AbortSignal,
): Promise<void> {
  const log = createLogger('isthmusd');
  const client = createKubeClient(await loadKubeconfig(config.kubeconfigPath), {
    clock: systemClock,
  });
  try {
    const dependencies = { client, clock: systemClock, log };
    const parts = await buildControlPlane(config, dependencies, signal);
    await runControlPlane(parts, { ...dependencies, ...options, config }, signal);
  } finally {
    client.close();
  }
}
