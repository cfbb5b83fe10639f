// One Pod's life on the node: network, volumes, containers, and its end. The node tells it what the
// API says; it tells the API what is.
import { rmSync } from 'node:fs';
import { OperatorError } from '#base/operator-error.ts';
import { aborted, isAbort, runTasks } from '#base/tasks.ts';
import { POD } from '#kube/resources.ts';
import { isConflict, isNotFound, KubeStatusError } from '#kube/status.ts';
import type { ContainerRunner } from './container/runner.ts';
import type { NodeParts } from './parts.ts';
import { PodContainers } from './pod-containers.ts';
import { createPodNetwork, removePodNetwork } from './pod-network.ts';
import { planPod, planPodFiles } from './pod/plan-pod.ts';
import { readPod } from './pod/read.ts';
import type { PodView } from './pod/spec.ts';
import { podStatus } from './pod/status.ts';
import { StatusWriter } from './status-writer.ts';
import { PodVolumes } from './volumes.ts';

/** Why a Pod ends here. */
type Ending =
  /** Somebody deletes it: it may end in order, and its object goes when it has. */
  | { readonly kind: 'deleted'; readonly graceMs: number }
  /** Its object is not there any more. */
  | { readonly kind: 'gone' }
  /** The node stops; the Pod stays in the API, for the node that comes after it. */
  | { readonly kind: 'node' };

const RETRY_MS = 500;

export class PodWorker {
  readonly #node: NodeParts;
  /** Aborted when the Pod is to end, whatever for. */
  readonly #stop = new AbortController();
  /** Aborted when nothing of it matters to the API any more. */
  readonly #quit = new AbortController();
  readonly #startedAtMs: number;
  readonly #folder: string;
  readonly #logFolder: string;
  readonly #writer: StatusWriter;
  #pod: PodView;
  #ending: Ending | undefined;
  #forced: Promise<void> | undefined;
  #address: string | undefined;
  #hasNetwork = false;
  #containers: PodContainers | undefined;
  #failure: { readonly reason: string; readonly message: string } | undefined;

  constructor(pod: PodView, node: NodeParts) {
    this.#pod = pod;
    this.#node = node;
    this.#startedAtMs = Date.parse(pod.recorded.startTime) || node.clock.nowMs();
    this.#folder = `${node.runDir}/pods/${pod.uid}`;
    this.#logFolder = `${node.logsDir}/${pod.namespace}_${pod.name}_${pod.uid}`;
    const { client, clock, log } = node;
    this.#writer = new StatusWriter({
      client,
      clock,
      log,
      pod,
      status: () => this.#status(),
      onWritten: (object) => {
        this.#pod = { ...this.#pod, recorded: readPod(object).recorded };
      },
    });
    if (pod.deletion) this.#end({ kind: 'deleted', graceMs: 0 }); // nothing of it runs here
  }

  get pod(): PodView {
    return this.#pod;
  }

  runner(container: string): ContainerRunner | undefined {
    return this.#containers?.runner(container);
  }

  get address(): string | undefined {
    return this.#hasNetwork ? this.#address : undefined;
  }

  /** The API has a newer version of it. */
  update(pod: PodView): void {
    this.#pod = pod;
    if (pod.deletion) this.#end({ kind: 'deleted', graceMs: pod.deletion.graceSeconds * 1000 });
  }

  /** The API has it no more: whoever forced that does not wait for an orderly end. */
  gone(): void {
    this.#kill({ kind: 'gone' });
  }

  shutDown(): void {
    this.#kill({ kind: 'node' });
  }

  /** From here to the Pod's end, or to the node's. Call it once. */
  async run(): Promise<void> {
    try {
      await this.#live();
      // It has ended by itself: its logs stay until somebody deletes it.
      await aborted(this.#stop.signal);
    } catch (error) {
      if (!isAbort(error, this.#stop.signal)) throw error;
    } finally {
      await this.#forced;
      await this.#removeNetwork();
    }
    await this.#leave();
  }

  #end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#stop.abort(new DOMException(`the Pod ends: ${ending.kind}`, 'AbortError'));
  }

  #kill(ending: Ending): void {
    this.#end(ending);
    this.#ending = ending; // also where it was just ending in order
    this.#quit.abort();
    this.#forced ??= this.#containers?.end(0, this.#node.clock);
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const planned = planPod(this.#pod);
    if (!planned.ok) {
      const { reason, message } = planned;
      this.#node.note(this.#pod, { type: 'Warning', reason, message });
      return;
    }
    const address = await this.#makeNetwork(signal);
    const volumes = this.#prepare(planned.pod, address);
    this.#writer.mark();
    await this.#mount(volumes, signal);
    await this.#runContainers(volumes, signal);
    this.#writer.mark();
    await this.#removeNetwork();
  }

  /** Tries until there is an address and a network. */
  async #makeNetwork(signal: AbortSignal): Promise<string> {
    const { addresses, router, clock, timing } = this.#node;
    for (;;) {
      const address = addresses.take();
      let problem = `no address is left in ${addresses.cidr}`;
      if (address !== undefined) {
        this.#address = address;
        this.#hasNetwork = true; // or a part of it, which is to be removed as well
        try {
          await createPodNetwork({ uid: this.#pod.uid, address, router });
          signal.throwIfAborted();
          return address;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof OperatorError)) throw error;
          problem = error.message;
          await this.#removeNetwork();
        }
      }
      const reason = 'FailedCreatePodSandBox';
      const message = `Failed to create pod sandbox: ${problem}`;
      this.#node.note(this.#pod, { type: 'Warning', reason, message });
      await clock.sleep(timing.retryMs, signal);
    }
  }

  #prepare(pod: PodView, podIp: string): PodVolumes {
    const { name: nodeName, address: hostIp, allocatable, nameserver, knows } = this.#node;
    const place = { podIp, hostIp, nodeName, allocatable };
    const volumes = new PodVolumes(pod, place, this.#node);
    this.#containers = new PodContainers(
      {
        pod: () => this.#pod,
        place,
        node: this.#node,
        volumes,
        files: planPodFiles(pod, { address: podIp, nameserver, knows }),
        folder: this.#folder,
        logFolder: this.#logFolder,
        onChange: () => this.#writer.mark(),
      },
      pod,
    );
    return volumes;
  }

  /** Tries until all that the volumes name is there. */
  async #mount(volumes: PodVolumes, signal: AbortSignal): Promise<void> {
    const { clock, timing } = this.#node;
    for (;;) {
      const problem = await volumes.sync(this.#pod, signal);
      if (problem === undefined) return;
      this.#node.note(this.#pod, { type: 'Warning', reason: 'FailedMount', message: problem });
      await clock.sleep(timing.retryMs, signal);
    }
  }

  async #runContainers(volumes: PodVolumes, signal: AbortSignal): Promise<void> {
    const containers = this.#containers;
    if (!containers) return;
    const { clock } = this.#node;
    const over = new AbortController();
    const deadline = new AbortController();
    const life = AbortSignal.any([signal, deadline.signal]);
    await runTasks(AbortSignal.any([over.signal]), [
      (group) => this.#keepVolumes(volumes, group),
      (group) => this.#watchDeadline(deadline, group),
      async () => {
        const running = containers.run(life);
        await Promise.race([running, aborted(life)]);
        if (life.aborted) await containers.end(this.#graceMs(), clock);
        await running;
        over.abort();
      },
    ]);
  }

  #graceMs(): number {
    const ending = this.#ending;
    if (!ending) return this.#pod.spec.graceSeconds * 1000;
    return ending.kind === 'deleted' ? ending.graceMs : 0;
  }

  async #keepVolumes(volumes: PodVolumes, signal: AbortSignal): Promise<void> {
    const { clock, timing, log } = this.#node;
    for (;;) {
      await clock.sleep(timing.volumeSyncMs, signal);
      const problem = await volumes.sync(this.#pod, signal);
      if (problem !== undefined) log.warn('a volume is not up to date', { problem });
    }
  }

  async #watchDeadline(deadline: AbortController, signal: AbortSignal): Promise<void> {
    const { activeDeadlineSeconds } = this.#pod.spec;
    if (activeDeadlineSeconds === undefined) return;
    const { clock } = this.#node;
    await clock.sleep(this.#startedAtMs + activeDeadlineSeconds * 1000 - clock.nowMs(), signal);
    const reason = 'DeadlineExceeded';
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#failure = { reason, message };
    this.#node.note(this.#pod, { type: 'Normal', reason, message });
    deadline.abort(new DOMException(message, 'AbortError'));
  }

  #status(): Readonly<Record<string, unknown>> {
    const { address: hostIp, clock } = this.#node;
    const { init, main } = this.#containers?.records ?? { init: [], main: [] };
    const record = {
      hostIp,
      podIp: this.#address,
      startedAtMs: this.#startedAtMs,
      init,
      main,
      failure: this.#failure,
    };
    return podStatus(this.#pod, record, clock.nowMs());
  }

  async #removeNetwork(): Promise<void> {
    if (!this.#hasNetwork) return;
    this.#hasNetwork = false;
    await removePodNetwork({ uid: this.#pod.uid, router: this.#node.router });
    if (this.#address !== undefined) this.#node.addresses.giveBack(this.#address);
  }

  async #leave(): Promise<void> {
    if (this.#ending?.kind === 'deleted' && this.#containers) await this.#writer.close();
    else await this.#writer.abandon();
    if (this.#ending?.kind === 'deleted') await this.#deleteObject();
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#ending?.kind !== 'node') {
      rmSync(this.#logFolder, { recursive: true, force: true });
    }
  }

  /** Tells the API server that the Pod has ended, which is what it waits for. */
  async #deleteObject(): Promise<void> {
    const { client, clock, log } = this.#node;
    const { namespace, name, uid } = this.#pod;
    const { signal } = this.#quit;
    while (!signal.aborted) {
      try {
        const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
        await client.remove(POD, { namespace, name }, options);
        return;
      } catch (error) {
        if (signal.aborted || isNotFound(error) || isConflict(error)) return;
        if (!(error instanceof KubeStatusError) && !(error instanceof OperatorError)) throw error;
        log.warn('a Pod that has ended cannot be deleted', { pod: name, why: error.message });
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }
}
