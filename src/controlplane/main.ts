// `isthmus isthmusd`: the control plane as a program.
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { KubeStatusError } from '#kube/status.ts';
import { buildControlPlane, runControlPlane, type ListeningPorts } from './build.ts';
import type { ControlPlaneConfig } from './config.ts';

/**
 * Runs until aborted.
 *
 * @throws OperatorError API_SERVER_REFUSED, API_SERVER_UNREACHABLE, ADDRESS_IN_USE,
 *   CONFIG_INVALID, FILE_UNREADABLE
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
  } catch (error) {
    throw error instanceof KubeStatusError ? refusal(error, client.server) : error;
  } finally {
    client.close();
  }
}

/** What the API server does not let the control plane do is for its administrator to mend. */
function refusal(error: KubeStatusError, server: string): OperatorError {
  const message = `the API server ${server} refused: ${error.message}`;
  return new OperatorError('API_SERVER_REFUSED', message, {
    remedy: 'give the user of the kubeconfig that right, or mend the object that is named',
    cause: error,
  });
}
