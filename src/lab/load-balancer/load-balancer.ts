// The lab's cloud load balancer: gives Services of type LoadBalancer an address outside of every
// region, and has the router between the regions lead connections to whoever is ready behind them.
// A client of the Kubernetes API, as a cloud's controller is.
import { randomInt } from 'node:crypto';
import { type Clock, systemClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { KubeClient } from '#kube/client.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { createReflector, type ReflectorStore } from '#kube/reflector.ts';
import { ENDPOINT_SLICE, SERVICE } from '#kube/resources.ts';
import { applyOnRouter } from '../netns.ts';
import { planBalancing, renderBalancing } from './plan.ts';

export type LoadBalancerOptions = {
  readonly client: KubeClient;
  /** Range of the Pods: their own connections to a Service's address come back to them. */
  readonly podCidr: string;
  readonly clock?: Clock;
  readonly log: Logger;
};

/** There is one thing to do: to make the router agree with all Services. */
const EVERYTHING = 'all';

export class LoadBalancer implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  private constructor(run: (signal: AbortSignal) => Promise<void>) {
    this.#running = run(this.#stop.signal);
  }

  static start(options: LoadBalancerOptions): LoadBalancer {
    const { client, podCidr, clock = systemClock, log } = options;
    const random = (): number => randomInt(2 ** 32) / 2 ** 32;
    const queue = new WorkQueue({ clock, random, log, backoffMsMax: 2_000 });
    const changed = (): void => queue.add(EVERYTHING);
    const services = new Objects(changed);
    const slices = new Objects(changed);
    const reflect = (type: typeof SERVICE, store: Objects) =>
      createReflector({ client, type, clock, random, log, store });
    const kinds = [reflect(SERVICE, services), reflect(ENDPOINT_SLICE, slices)];
    const reconcile = async (): Promise<void> => {
      if (!services.isComplete || !slices.isComplete) return;
      const plan = planBalancing(services.list(), slices.list());
      await applyOnRouter(renderBalancing(plan.frontends, podCidr));
      for (const { service, address } of plan.announcements) {
        const status = { loadBalancer: { ingress: [{ ip: address, ipMode: 'VIP' }] } };
        const how = { kind: 'merge', subresource: 'status' } as const;
        await client.patch(SERVICE, service.metadata, { status }, how);
      }
    };
    return new LoadBalancer((signal) =>
      runTasks(signal, [
        ...kinds.map((kind) => (own: AbortSignal) => kind.run(own)),
        (own) => queue.run(reconcile, own),
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** All objects of a kind, as the server last told them. */
export class Objects implements ReflectorStore {
  readonly #byKey = new Map<string, KubeObject>();
  readonly #changed: () => void;
  isComplete = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  list(): readonly KubeObject[] {
    return [...this.#byKey.values()];
  }

  replace(items: readonly KubeObject[]): void {
    this.#byKey.clear();
    for (const item of items) this.#byKey.set(objectKey(item.metadata), item);
    this.isComplete = true;
    this.#changed();
  }

  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    if (type === 'DELETED') this.#byKey.delete(objectKey(object.metadata));
    else this.#byKey.set(objectKey(object.metadata), object);
    this.#changed();
  }
}
