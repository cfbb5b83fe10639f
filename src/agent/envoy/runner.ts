// Envoy's life as the agent sees it: adopt the one that runs or start one, start it again when it
// dies, and end it only when the workload leaves the mesh.
import { readFile, rm } from 'node:fs/promises';
import type { BackoffLimits } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { AgentConfig } from '../config.ts';
import { readFileIfPresent, writeFileAtomic } from '../files.ts';
import { agentFiles, type AgentFiles } from '../paths.ts';
import { Retry } from '../retry.ts';
import { EnvoyAdmin } from './admin.ts';
import { renderBootstrap } from './bootstrap.ts';
import { drainConnections } from './drain.ts';
import {
  endEnvoy,
  envoyArguments,
  isRunning,
  readBootId,
  startEnvoy,
  type RunningEnvoy,
} from './process.ts';
import {
  disowned,
  hashOf,
  parseRecord,
  planEnvoy,
  type EnvoyRecord,
  type Launch,
} from './record.ts';

export type RunnerOptions = {
  readonly config: AgentConfig;
  readonly ip: string;
  readonly admin: EnvoyAdmin;
  readonly binary: { readonly binary: string; readonly stamp: string };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
};

const LIMITS: BackoffLimits = { firstMs: 200, maxMs: 15_000 };
/** One that has lived this long was healthy: the next death starts the backoff afresh. */
const STABLE_MS = 60_000;
/** One that exits sooner than this, the first time, has found something that it cannot use. */
const START_MS = 5_000;
/** The end of a child is told at once; an adopted process has no parent here to tell it. */
const CHILD_INTERVAL_MS = 5_000;
const ADOPTED_INTERVAL_MS = 250;

const NEVER = new AbortController().signal;

export class EnvoyRunner {
  readonly #options: RunnerOptions;
  readonly #retry: Retry;
  readonly #files: AgentFiles;
  readonly #bootstrap: string;
  readonly #args: readonly string[];
  #process: RunningEnvoy | undefined;
  #wasLive = false;
  #restarts = 0;
  readonly #dismissal = new AbortController();

  constructor(options: RunnerOptions) {
    const { config, ip, clock, random } = options;
    this.#options = options;
    this.#retry = new Retry({ clock, random, limits: LIMITS });
    this.#files = agentFiles(config.paths);
    this.#bootstrap = renderBootstrap({ config, ip, socketPath: this.#files.envoySocket });
    this.#args = envoyArguments(config.envoy, this.#files.bootstrap);
  }

  status(): { readonly pid: number | undefined; readonly restarts: number } {
    return { pid: this.#process?.pid, restarts: this.#restarts };
  }

  /** Is the Envoy that this agent keeps LIVE? One that is being replaced does not count. */
  async isLive(): Promise<boolean> {
    const isLive = this.#process !== undefined && (await this.#options.admin.isLive());
    this.#wasLive = isLive;
    return isLive;
  }

  /** What `isLive` said last: whether the workload is ready is asked every few seconds. */
  get wasLive(): boolean {
    return this.#wasLive;
  }

  /** Takes over the Envoy of an earlier agent. @returns false when there is none to take over */
  async adopt(signal: AbortSignal): Promise<boolean> {
    const { config, clock, log } = this.#options;
    const record = parseRecord(await readFileIfPresent(this.#files.envoy));
    const isSame = record?.bootId === (await readBootId());
    const plan = planEnvoy(record, isSame && (await isRunning(record)), this.#launch());
    if (plan.kind === 'start') return false;
    const { pid, startTicks } = plan.record;
    if (plan.kind === 'replace') {
      const { drainMs } = config.envoy;
      log.warn('Envoy is replaced, as it is not for this identity; sessions drain', {
        pid,
        drainMs,
      });
      const admin = new EnvoyAdmin({ port: plan.record.adminPort, clock });
      await drainConnections(admin, { clock, limitMs: drainMs, signal });
      await endEnvoy(plan.record, clock);
      return false;
    }
    this.#process = { pid, startTicks, exited: NEVER, exitStatus: () => undefined };
    log.info('running Envoy adopted', { pid });
    if (plan.isOutdated) {
      log.warn('Envoy runs with older settings or an older binary until it is started again', {
        pid,
      });
    }
    return true;
  }

  /**
   * Keeps one running until aborted; then it is left running. Returns after `dismiss`.
   *
   * @throws OperatorError ENVOY_FAILED when the first one that is started gives up at once
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (let isFirst = this.#process === undefined; ; isFirst = false) {
      await this.#backOff(signal);
      if (this.#dismissal.signal.aborted) return;
      const startedAtMs = clock.nowMs();
      const running = (this.#process ??= await this.#start());
      // it may have come while this one was starting
      if (this.#dismissal.signal.aborted) await endEnvoy(running, clock);
      await this.#untilEnded(running, signal);
      this.#process = undefined;
      if (this.#dismissal.signal.aborted) return;
      const livedMs = clock.nowMs() - startedAtMs;
      const hasGivenUp = running.exitStatus() !== undefined && livedMs < START_MS;
      if (isFirst && hasGivenUp) throw await this.#failure();
      if (livedMs >= STABLE_MS) this.#retry.succeed();
      this.#retry.fail();
      this.#restarts += 1;
      const fields = { pid: running.pid, livedMs };
      log.error('Envoy has ended, connections are refused until it is back', fields);
    }
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const dismissed = this.#dismissal.signal;
    try {
      await this.#retry.wait(AbortSignal.any([signal, dismissed]));
    } catch (error) {
      signal.throwIfAborted();
      if (!dismissed.aborted) throw error;
    }
  }

  /** Before its listeners close: no later agent is to take such an Envoy over. */
  async disown(): Promise<void> {
    const record = parseRecord(await readFileIfPresent(this.#files.envoy));
    if (record) await writeFileAtomic(this.#files.envoy, JSON.stringify(disowned(record)));
  }

  /** Ends Envoy for good, because the workload leaves the mesh. */
  async dismiss(): Promise<void> {
    this.#dismissal.abort();
    if (this.#process) await endEnvoy(this.#process, this.#options.clock);
    await rm(this.#files.envoy, { force: true });
  }

  async #start(): Promise<RunningEnvoy> {
    const { config, binary, clock, log } = this.#options;
    await writeFileAtomic(this.#files.bootstrap, this.#bootstrap);
    const { accessLog, errorLog } = this.#files;
    const args = this.#args;
    const started = await startEnvoy({ binary: binary.binary, args, accessLog, errorLog });
    const { pid, startTicks } = started;
    const { adminPort } = config.envoy;
    const bootId = await readBootId();
    const record: EnvoyRecord = { pid, startTicks, bootId, adminPort, ...this.#launch() };
    try {
      await writeFileAtomic(this.#files.envoy, JSON.stringify(record));
    } catch (error) {
      await endEnvoy(started, clock); // no later agent would find it
      throw error;
    }
    log.info('Envoy started', { pid, binary: binary.binary });
    return started;
  }

  #launch(): Launch {
    const { config, binary } = this.#options;
    const { role, namespace, serviceAccount } = config.node;
    // the address is not among them: a machine that gets another one is still the same workload
    const essential = [
      role,
      namespace,
      serviceAccount,
      this.#files.envoySocket,
      String(config.envoy.adminPort),
      config.capture.mode,
    ];
    return {
      essence: hashOf(...essential),
      launch: hashOf(this.#bootstrap, this.#args.join(' '), binary.binary, binary.stamp),
    };
  }

  async #untilEnded(process: RunningEnvoy, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, process.exited]);
    const lookMs = process.exited === NEVER ? ADOPTED_INTERVAL_MS : CHILD_INTERVAL_MS;
    while (await isRunning(process)) {
      try {
        await this.#options.clock.sleep(lookMs, either);
      } catch (error) {
        signal.throwIfAborted();
        if (!process.exited.aborted) throw error;
      }
    }
    signal.throwIfAborted();
  }

  /** Envoy says why it ends in its log; the last such line is the reason. */
  async #failure(): Promise<OperatorError> {
    const path = this.#files.errorLog;
    return new OperatorError('ENVOY_FAILED', `Envoy ended at once: ${await lastComplaint(path)}`, {
      remedy: `see ${path}; a port that is taken there belongs to another program (ss -ltnp)`,
    });
  }
}

const TAIL_BYTES = 16 << 10;

async function lastComplaint(path: string): Promise<string> {
  const text = await readFile(path).then(
    (log) => log.subarray(-TAIL_BYTES).toString('utf8'),
    () => '',
  );
  const lines = text.split('\n').filter((line) => /\[(critical|error)\]/.test(line));
  return lines.at(-1)?.replace(/^(\[[^\]]*\]\s*)+/, '') ?? 'its log says nothing';
}
