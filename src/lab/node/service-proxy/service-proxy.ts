// The lab's kube-proxy: keeps the router that the Pods hang on in agreement with Services and
// EndpointSlices, so that Pods without a sidecar reach cluster IPs, too. The table is the node's
// own; it goes with the node.
import type { Clock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { runTasks } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { KubeClient } from '#kube/client.ts';
import { createReflector } from '#kube/reflector.ts';
import { ENDPOINT_SLICE, SERVICE } from '#kube/resources.ts';
import { Objects } from '../../load-balancer/load-balancer.ts';
import { NO_SERVICES, planServices, renderServices } from './plan.ts';

export type ServiceProxyOptions = {
  readonly client: KubeClient;
  /** Network namespace of the router. */
  readonly router: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
};

/** There is one thing to do: to make the router agree with all Services. */
const EVERYTHING = 'all';
const RETRY_MAX_MS = 2_000;

/** Runs until aborted, and then takes away what it has made. */
export async function runServiceProxy(
  { client, router, clock, random, log }: ServiceProxyOptions,
  signal: AbortSignal,
): Promise<void> {
  const queue = new WorkQueue({ clock, random, log, backoffMsMax: RETRY_MAX_MS });
  const changed = (): void => queue.add(EVERYTHING);
  const services = new Objects(changed);
  const slices = new Objects(changed);
  const reconcile = async (): Promise<void> => {
    if (!services.isComplete || !slices.isComplete) return;
    await apply(router, renderServices(planServices(services.list(), slices.list())));
  };
  const kinds = [
    createReflector({ client, type: SERVICE, clock, random, log, store: services }),
    createReflector({ client, type: ENDPOINT_SLICE, clock, random, log, store: slices }),
  ];
  await runTasks(signal, [
    ...kinds.map((kind) => (own: AbortSignal) => kind.run(own)),
    (own) => queue.run(reconcile, own),
  ]);
  await apply(router, NO_SERVICES).catch((error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
    log.debug('the routes of Services stay', { why: error.message }); // the router went first
  });
}

async function apply(router: string, ruleset: string): Promise<void> {
  const args = [`--net=/run/netns/${router}`, 'nft', '-f', '-'];
  const { status, stderr } = await runCommand('nsenter', args, { input: ruleset });
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? `status ${status}`;
  throw new OperatorError('LAB_FAILED', `cannot route the Services: nft: ${reason}`, {
    remedy: 'the kernel needs nf_tables, nf_nat and connection tracking',
  });
}
