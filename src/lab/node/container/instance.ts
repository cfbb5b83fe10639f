// One run of a container: from an empty root and a plan to the end of its processes.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { withDeadline } from '#base/clock.ts';
import type { ContainerPlan } from '../pod/plan-container.ts';
import { hostnameOf } from '../pod/plan-pod.ts';
import { podNetns } from '../pod-network.ts';
import { askProbe, type ProbeTarget } from '../probe/ask.ts';
import { type ProbeListener, runProbes } from '../probe/prober.ts';
import { type ContainerContext, note } from './context.ts';
import { type ExecTarget, runExec } from './exec.ts';
import { hostView } from './host-view.ts';
import type { ContainerLog } from './log.ts';
import { type ContainerEnd, ContainerProcess } from './process.ts';
import { planRoot, type RootMount } from './root-plan.ts';
import { layOutRoot } from './root.ts';

/** kubelet's limits for a termination message, and for the log's end where that stands for one. */
const MESSAGE_LENGTH_MAX = 4_096;
const LOG_MESSAGE = { lines: 80, lengthMax: 2_048 };

export type Started =
  | { readonly ok: true; readonly instance: ContainerInstance }
  | { readonly ok: false; readonly problem: string };

export class ContainerInstance {
  readonly log: ContainerLog;
  readonly startedAtMs: number;
  readonly #context: ContainerContext;
  readonly #process: ContainerProcess;
  readonly #plan: ContainerPlan;
  #ending: Promise<void> | undefined;

  private constructor(parts: {
    readonly context: ContainerContext;
    readonly plan: ContainerPlan;
    readonly process: ContainerProcess;
    readonly log: ContainerLog;
  }) {
    this.#context = parts.context;
    this.#plan = parts.plan;
    this.#process = parts.process;
    this.log = parts.log;
    this.startedAtMs = parts.context.node.clock.nowMs();
  }

  static async start(
    context: ContainerContext,
    plan: ContainerPlan,
    log: ContainerLog,
  ): Promise<Started> {
    const { folder, files } = context;
    const root = `${folder}/root`;
    const mounts = mountsOf(context, plan);
    if (typeof mounts === 'string') return { ok: false, problem: mounts };
    const rootPlan = planRoot(root, mounts, hostView);
    const fstab = `${folder}/fstab`;
    layOutRoot(root, rootPlan, files);
    writeFileSync(fstab, rootPlan.fstab);
    const { argv, env, workingDir, user } = plan;
    const pod = context.pod();
    const hostname = hostnameOf(pod);
    const netns = podNetns(pod.uid);
    mkdirSync(`${root}${workingDir}`, { recursive: true });
    const launch = await ContainerProcess.launch(
      { argv, env, workingDir, user, hostname, netns, root, fstab },
      log,
    );
    if (!launch.ok) return launch;
    const { process } = launch;
    return { ok: true, instance: new ContainerInstance({ context, plan, process, log }) };
  }

  /** How it ended; never rejects. */
  get exited(): Promise<ContainerEnd> {
    return this.#process.exited;
  }

  get execTarget(): ExecTarget {
    const { workingDir, user } = this.#plan;
    return { process: this.#process, workingDir, user };
  }

  /** Probes it until the signal is aborted. */
  async probe(listener: ProbeListener, signal: AbortSignal): Promise<void> {
    const { node, spec: container } = this.#context;
    const { clock, random } = node;
    const target = this.#probeTarget();
    await runProbes({ container, target, clock, random, listener }, signal);
  }

  /** preStop, SIGTERM, and SIGKILL when the time is over; resolves when it has ended. */
  async end(graceMs: number): Promise<void> {
    if (graceMs <= 0) {
      await this.#process.kill(this.#context.node.clock);
      return;
    }
    this.#ending ??= this.#end(graceMs);
    await this.#ending;
  }

  /** What it left as the reason of its end. */
  message(exitCode: number): string | undefined {
    const file = terminationFile(this.#context);
    const own = existsSync(file) ? readFileSync(file, 'utf8').slice(0, MESSAGE_LENGTH_MAX) : '';
    if (own !== '') return own;
    const isExplained = exitCode !== 0 && this.#context.spec.explainsByLogs;
    const { lines, lengthMax } = LOG_MESSAGE;
    return (isExplained && this.log.tail(lines, lengthMax)) || undefined;
  }

  async #end(graceMs: number): Promise<void> {
    const { clock } = this.#context.node;
    try {
      await withDeadline({ what: 'grace period', limitMs: graceMs, clock }, async (signal) => {
        await this.#preStop(signal);
        this.#process.terminate();
        const { promise: late, reject } = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        await Promise.race([this.#process.exited, late]);
      });
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error;
      await this.#process.kill(clock);
    }
  }

  async #preStop(signal: AbortSignal): Promise<void> {
    const { spec, node } = this.#context;
    const { preStop } = spec;
    if (!preStop) return;
    const isOver = this.#process.exited.then(() => undefined);
    if (preStop.kind === 'sleep') {
      await Promise.race([node.clock.sleep(preStop.seconds * 1000, signal), isOver]);
      return;
    }
    const options = { timeoutMs: node.timing.backoff.maxMs, clock: node.clock, signal };
    const answer = await Promise.race([askProbe(preStop, this.#probeTarget(), options), isOver]);
    if (!answer || answer.isOk) return;
    note(this.#context, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${answer.problem}`);
  }

  #probeTarget(): ProbeTarget {
    const { spec, place } = this.#context;
    return {
      podIp: place.podIp,
      ports: spec.ports,
      exec: (command, signal) => runExec(this.execTarget, command, signal),
    };
  }
}

const terminationFile = ({ folder }: ContainerContext): string => `${folder}/termination-log`;

/** What is bound into the container besides the host's programs; a text says what cannot be. */
function mountsOf(context: ContainerContext, plan: ContainerPlan): RootMount[] | string {
  const { folder, volumes, spec } = context;
  mkdirSync(folder, { recursive: true });
  rmSync(terminationFile(context), { force: true });
  writeFileSync(terminationFile(context), '');
  const mounts: RootMount[] = [
    {
      path: spec.terminationMessagePath,
      source: terminationFile(context),
      isFolder: false,
      isReadOnly: false,
      isOwn: true,
    },
  ];
  for (const [path, source] of Object.entries(plan.files)) {
    const kind = hostView.kindOf(source);
    if (!kind) return `the image shows ${source}, which is not on this machine`;
    mounts.push({ path, source, isFolder: kind === 'folder', isReadOnly: true, isOwn: false });
  }
  for (const wanted of plan.mounts) {
    const mount = volumes.mount(wanted);
    if (typeof mount === 'string') return mount;
    mounts.push(mount);
  }
  return mounts;
}
