// A node that runs nothing: it says of each Pod that is bound to it that it is ready, and lets it
// go when it is deleted. A container whose image is `broken` never becomes ready.
import type { KubeClient } from '#kube/client.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { timestamp } from '#kube/event-recorder.ts';
import { fieldsOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { runReflector } from '#kube/reflector.ts';
import { NODE, POD } from '#kube/resources.ts';
import { isConflict, isNotFound } from '#kube/status.ts';

export class FakeKubelet implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #seen = new Set<string>();
  #addresses = 0;
  #running: Promise<void> = Promise.resolve();
  #work: Promise<void> = Promise.resolve();

  private constructor(client: KubeClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  static async start(client: KubeClient, name: string): Promise<FakeKubelet> {
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }];
    await client.create(NODE, { metadata: { name } });
    const status = { conditions, allocatable: { pods: '110' } };
    await client.patch(NODE, { name }, { status }, { kind: 'merge', subresource: 'status' });
    const kubelet = new FakeKubelet(client, name);
    kubelet.#running = kubelet.#run();
    return kubelet;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#work;
  }

  #run(): Promise<void> {
    const report = (pod: KubeObject): void => {
      this.#work = this.#work.then(() => this.#report(pod));
    };
    const store = {
      replace: (pods: readonly KubeObject[]) => pods.forEach(report),
      apply: (type: string, pod: KubeObject) => (type === 'DELETED' ? undefined : report(pod)),
    };
    const selection = { fieldSelector: `spec.nodeName=${this.#name}` };
    const options = { client: this.#client, type: POD, selection, store, log: silentLogger };
    const timing = { clock: systemClock, random: () => 0 };
    return runReflector({ ...options, ...timing }, this.#stop.signal);
  }

  async #report(pod: KubeObject): Promise<void> {
    const { metadata } = pod;
    try {
      if (metadata.deletionTimestamp !== undefined) {
        await this.#client.remove(POD, metadata, { gracePeriodSeconds: 0 });
      } else if (!this.#seen.has(metadata.uid ?? '')) {
        this.#seen.add(metadata.uid ?? '');
        const status = this.#statusOf(pod);
        const how = { kind: 'strategic', subresource: 'status' } as const;
        await this.#client.patch(POD, metadata, { status }, how);
      }
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error) && !this.#stop.signal.aborted) throw error;
    }
  }

  /** Containers whose image is `broken` never become ready. */
  #statusOf(pod: KubeObject) {
    const podIP = `10.24.0.${(this.#addresses += 1)}`;
    const containers = fieldsOf(pod.spec)['containers'];
    const isReady = !JSON.stringify(containers).includes('"broken"');
    const lastTransitionTime = timestamp(systemClock.nowMs());
    const status = isReady ? 'True' : 'False';
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status,
      lastTransitionTime,
    }));
    return { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions };
  }
}
