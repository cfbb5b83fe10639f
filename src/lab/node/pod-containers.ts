// A Pod's containers in their order: init containers one after the other, then all others side by
// side; sidecars (init containers that stay) from their turn to the very end.
import type { Clock } from '#base/clock.ts';
import { aborted } from '#base/tasks.ts';
import type { ContainerContext } from './container/context.ts';
import { ContainerRunner, type RunnerOptions } from './container/runner.ts';
import type { ContainerSpec, PodView, RecordedContainer, RestartPolicy } from './pod/spec.ts';
import { type ContainerRecord, isInitDone, type TerminatedState } from './pod/status.ts';

/** As containerd counts an end by SIGKILL. */
const KILLED = 137;

export type PodContext = Omit<ContainerContext, 'spec' | 'folder' | 'logFolder'> & {
  /** Folders of the Pod, below which each container has its own. */
  readonly folder: string;
  readonly logFolder: string;
  readonly onChange: () => void;
};

export class PodContainers {
  readonly #init: readonly ContainerRunner[];
  readonly #main: readonly ContainerRunner[];
  readonly #byName: ReadonlyMap<string, ContainerRunner>;
  readonly #graceMs: number;
  /** Sidecars end after all others. */
  readonly #sidecarStop = new AbortController();

  constructor(context: PodContext, pod: PodView) {
    const { initContainers, containers, restartPolicy } = pod.spec;
    const waiting = initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating';
    const create = (spec: ContainerSpec, policy: RestartPolicy): ContainerRunner =>
      createRunner(context, spec, { policy, waiting, recorded: pod.recorded.containers });
    this.#graceMs = pod.spec.graceSeconds * 1000;
    this.#init = initContainers.map((spec) => create(spec, initPolicy(spec, restartPolicy)));
    this.#main = containers.map((spec) => create(spec, restartPolicy));
    this.#byName = new Map(
      [...this.#init, ...this.#main].map((runner) => [runner.record.spec.name, runner]),
    );
  }

  get records(): {
    readonly init: readonly ContainerRecord[];
    readonly main: readonly ContainerRecord[];
  } {
    return {
      init: this.#init.map(({ record }) => record),
      main: this.#main.map(({ record }) => record),
    };
  }

  runner(name: string): ContainerRunner | undefined {
    return this.#byName.get(name);
  }

  /** Returns when all have ended for good; aborted, when those that run have been ended. */
  async run(signal: AbortSignal): Promise<void> {
    const sidecarSignal = AbortSignal.any([signal, this.#sidecarStop.signal]);
    const sidecars: Promise<void>[] = [];
    try {
      for (const runner of this.#init) {
        if (signal.aborted) return;
        if (runner.record.spec.isSidecar) {
          sidecars.push(runner.run(sidecarSignal));
          await Promise.race([runner.hasStarted, aborted(signal)]);
          continue;
        }
        await runner.run(signal);
        if (!isInitDone(runner.record)) return; // failed for good, or aborted
      }
      if (!signal.aborted) await Promise.all(this.#main.map((runner) => runner.run(signal)));
    } finally {
      // Aborted, the sidecars get their end, and the time for it, from `end`.
      if (!signal.aborted) await this.#endSidecars(this.#graceMs);
      await Promise.all(sidecars);
    }
  }

  /**
   * Ends what runs; `run` must have been aborted before. Containers first, then sidecars, all
   * within the grace period; 0 kills.
   */
  async end(graceMs: number, clock: Clock): Promise<void> {
    const deadlineMs = clock.nowMs() + graceMs;
    const runners = [...this.#main, ...this.#init.filter((runner) => !isSidecar(runner))];
    await Promise.all(runners.map((runner) => runner.end(graceMs)));
    await this.#endSidecars(graceMs === 0 ? 0 : Math.max(1, deadlineMs - clock.nowMs()));
  }

  async #endSidecars(graceMs: number): Promise<void> {
    this.#sidecarStop.abort();
    for (const runner of this.#init.filter(isSidecar).toReversed()) await runner.end(graceMs);
  }
}

const isSidecar = ({ record }: ContainerRunner): boolean => record.spec.isSidecar;

/** An init container must succeed, whatever the Pod's policy for the others. */
function initPolicy({ isSidecar }: ContainerSpec, policy: RestartPolicy): RestartPolicy {
  if (isSidecar) return 'Always';
  return policy === 'Always' ? 'OnFailure' : policy;
}

function createRunner(
  context: PodContext,
  spec: ContainerSpec,
  options: {
    readonly policy: RestartPolicy;
    readonly waiting: string;
    readonly recorded: ReadonlyMap<string, RecordedContainer>;
  },
): ContainerRunner {
  const { folder, logFolder, onChange, ...rest } = context;
  const { policy, waiting } = options;
  const before = options.recorded.get(spec.name);
  const own: ContainerContext = {
    ...rest,
    spec,
    folder: `${folder}/containers/${spec.name}`,
    logFolder: `${logFolder}/${spec.name}`,
  };
  const runnerOptions: RunnerOptions = {
    policy,
    waiting,
    onChange,
    restartCount: (before?.restartCount ?? 0) + (before?.wasRunning ? 1 : 0),
    lastState: before?.wasRunning ? lost(context.node.clock.nowMs()) : undefined,
  };
  return new ContainerRunner(own, runnerOptions);
}

/** kubelet's words for a container that the runtime does not know any more. */
function lost(nowMs: number): TerminatedState {
  return {
    kind: 'terminated',
    exitCode: KILLED,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the node started',
    startedAtMs: nowMs,
    finishedAtMs: nowMs,
  };
}
