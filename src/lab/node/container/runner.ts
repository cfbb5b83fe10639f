// One container's life: image, configuration, process and probes, and all again when it ends and
// its restart policy says so. What it is at any moment is its record.
import { rmSync } from 'node:fs';
import { isAbort } from '#base/tasks.ts';
import type { ContainerPlan } from '../pod/plan-container.ts';
import {
  afterEnd,
  goDuration,
  isRestarted,
  NEVER_ENDED,
  restartDelayMs,
  type RestartHistory,
} from '../pod/restart.ts';
import type { RestartPolicy } from '../pod/spec.ts';
import type { ContainerRecord, ContainerState, TerminatedState } from '../pod/status.ts';
import type { ProbeKind } from '../probe/verdict.ts';
import { type ContainerContext, note } from './context.ts';
import type { ExecTarget } from './exec.ts';
import { ContainerInstance } from './instance.ts';
import { ContainerLog } from './log.ts';
import { awaitConfiguration, awaitImage } from './prepare.ts';

/** containerd's status for what could not be started. */
const START_ERROR = 128;

export type RunnerOptions = {
  readonly policy: RestartPolicy;
  /** Restarts before this node knew of it, and what became of it then. */
  readonly restartCount: number;
  readonly lastState: TerminatedState | undefined;
  readonly waiting: string;
  readonly onChange: () => void;
};

export class ContainerRunner {
  readonly #context: ContainerContext;
  readonly #options: RunnerOptions;
  readonly #started = Promise.withResolvers<void>();
  #state: ContainerState;
  #lastState: TerminatedState | undefined;
  #restartCount: number;
  #isReady = false;
  #isStarted = false;
  #containerId: string | undefined;
  #instance: ContainerInstance | undefined;
  #log: ContainerLog | undefined;
  #previousLog: ContainerLog | undefined;

  constructor(context: ContainerContext, options: RunnerOptions) {
    this.#context = context;
    this.#options = options;
    this.#state = { kind: 'waiting', reason: options.waiting };
    this.#lastState = options.lastState;
    this.#restartCount = options.restartCount;
  }

  get record(): ContainerRecord {
    return {
      spec: this.#context.spec,
      state: this.#state,
      lastState: this.#lastState,
      restartCount: this.#restartCount,
      isReady: this.#isReady,
      isStarted: this.#isStarted,
      containerId: this.#containerId,
    };
  }

  /** Resolves when it has started for the first time, its startup probe included. */
  get hasStarted(): Promise<void> {
    return this.#started.promise;
  }

  /** Undefined while it does not run. */
  get execTarget(): ExecTarget | undefined {
    return this.#instance?.execTarget;
  }

  log(which: 'current' | 'previous'): ContainerLog | undefined {
    return which === 'current' ? this.#log : this.#previousLog;
  }

  /** Returns when it has ended for good, or when aborted and it does not run any more. */
  async run(signal: AbortSignal): Promise<void> {
    let history = NEVER_ENDED;
    try {
      for (;;) {
        const image = await awaitImage(this.#context, this.#wait, signal);
        const plan = await awaitConfiguration(this.#context, image, this.#wait, signal);
        const end = await this.#runOnce(plan, signal);
        if (signal.aborted || !isRestarted(this.#options.policy, end.exitCode)) {
          return this.#change(end);
        }
        const ranMs = end.finishedAtMs - end.startedAtMs;
        history = afterEnd(history, ranMs, this.#context.node.timing.backoff);
        await this.#backOff(history, signal);
        this.#lastState = end;
        this.#restartCount += 1;
      }
    } catch (error) {
      if (!signal.aborted || !isAbort(error, signal)) throw error;
    }
  }

  /** Ends the process that runs now, if one does; the loop above must have been aborted before. */
  async end(graceMs: number): Promise<void> {
    const instance = this.#instance;
    if (!instance) return;
    note(this.#context, 'Normal', 'Killing', `Stopping container ${this.#context.spec.name}`);
    await instance.end(graceMs);
  }

  readonly #wait = (reason: string, message: string): void => {
    this.#change({ kind: 'waiting', reason, message });
  };

  #change(state: ContainerState): void {
    this.#state = state;
    this.#options.onChange();
  }

  async #runOnce(plan: ContainerPlan, signal: AbortSignal): Promise<TerminatedState> {
    const { node, spec } = this.#context;
    const log = this.#openLog();
    this.#containerId = `lab://${this.#context.pod().uid}/${spec.name}/${this.#restartCount}`;
    const beginMs = node.clock.nowMs();
    note(this.#context, 'Normal', 'Created', `Created container: ${spec.name}`);
    const started = await ContainerInstance.start(this.#context, plan, log);
    if (!started.ok) return this.#failToStart(started.problem, beginMs);
    const { instance } = started;
    this.#instance = instance;
    note(this.#context, 'Normal', 'Started', `Started container ${spec.name}`);
    if (spec.hasPostStart) {
      note(this.#context, 'Warning', 'FailedPostStartHook', 'the lab node runs no postStart hooks');
    }
    this.#change({ kind: 'running', startedAtMs: instance.startedAtMs });
    if (signal.aborted) await instance.end(0); // aborted between two steps: nobody else would
    const { exitCode } = await this.#watch(instance);
    this.#instance = undefined;
    return this.#finish(instance, exitCode);
  }

  /** Probes it as long as it runs. */
  async #watch(instance: ContainerInstance): Promise<{ readonly exitCode: number }> {
    const over = new AbortController();
    let ending: Promise<void> | undefined;
    const probing = instance.probe(
      {
        onStarted: () => {
          this.#isStarted = true;
          this.#started.resolve();
          this.#options.onChange();
        },
        onReadiness: (isReady) => {
          this.#isReady = isReady;
          this.#options.onChange();
        },
        onFailure: (kind, problem) => this.#sayUnhealthy(kind, problem),
        onUnwell: (kind) => {
          ending = this.#restartUnwell(instance, kind);
        },
      },
      over.signal,
    );
    const end = await instance.exited;
    over.abort();
    await probing;
    await ending;
    return end;
  }

  #sayUnhealthy(kind: ProbeKind, problem: string): void {
    const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    note(this.#context, 'Warning', 'Unhealthy', `${name} probe failed: ${problem}`);
  }

  async #restartUnwell(instance: ContainerInstance, kind: ProbeKind): Promise<void> {
    const { spec, pod } = this.#context;
    const message = `Container ${spec.name} failed ${kind} probe, will be restarted`;
    note(this.#context, 'Normal', 'Killing', message);
    await instance.end(pod().spec.graceSeconds * 1000);
  }

  #finish(instance: ContainerInstance, exitCode: number): TerminatedState {
    const message = instance.message(exitCode);
    const state: TerminatedState = {
      kind: 'terminated',
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      ...(message !== undefined && { message }),
      startedAtMs: instance.startedAtMs,
      finishedAtMs: this.#context.node.clock.nowMs(),
    };
    this.#isReady = false;
    this.#isStarted = false;
    this.#change(state);
    return state;
  }

  #failToStart(problem: string, startedAtMs: number): TerminatedState {
    const { node, spec } = this.#context;
    const message = `failed to start container "${spec.name}": ${problem}`;
    note(this.#context, 'Warning', 'Failed', `Error: ${message}`);
    this.#log?.close();
    this.#wait('RunContainerError', message);
    const finishedAtMs = node.clock.nowMs();
    const times = { startedAtMs, finishedAtMs };
    return { kind: 'terminated', exitCode: START_ERROR, reason: 'StartError', message, ...times };
  }

  async #backOff(history: RestartHistory, signal: AbortSignal): Promise<void> {
    const { node, pod, spec } = this.#context;
    const delayMs = restartDelayMs(history, node.timing.backoff);
    if (delayMs === 0) return;
    if (this.#state.kind === 'terminated') this.#lastState = this.#state;
    const { namespace, name, uid } = pod();
    const podName = `${name}_${namespace}(${uid})`;
    const back = `back-off ${goDuration(delayMs)} restarting failed container=${spec.name}`;
    this.#wait('CrashLoopBackOff', `${back} pod=${podName}`);
    const message = `Back-off restarting failed container ${spec.name} in pod ${podName}`;
    note(this.#context, 'Warning', 'BackOff', message);
    await node.clock.sleep(delayMs, signal);
  }

  #openLog(): ContainerLog {
    const { logFolder, node } = this.#context;
    this.#previousLog = this.#log;
    const log = (run: number): string => `${logFolder}/${run}.log`;
    // Two runs can be asked for; a container that crashes for days must not fill the disk.
    for (const file of ContainerLog.filesAt(log(this.#restartCount - 2))) {
      rmSync(file, { force: true });
    }
    this.#log = new ContainerLog(log(this.#restartCount), { clock: node.clock });
    return this.#log;
  }
}
