// Probes one running container until told to stop: startup first, then readiness and liveness.
import type { Clock } from '#base/clock.ts';
import { runTasks } from '#base/tasks.ts';
import type { ContainerSpec, ProbeSpec } from '../pod/spec.ts';
import { askProbe, type ProbeTarget } from './ask.ts';
import { afterAnswer, type ProbeKind, UNPROBED } from './verdict.ts';

export type ProbeListener = {
  /** The startup probe has passed, or there is none. */
  onStarted(): void;
  onReadiness(isReady: boolean): void;
  /** A single answer that was bad, whatever it comes to. */
  onFailure(kind: ProbeKind, problem: string): void;
  /** Startup or liveness has failed for good: the container is to be restarted. */
  onUnwell(kind: ProbeKind): void;
};

export type ProberOptions = {
  readonly container: ContainerSpec;
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): spreads the probes of Pods that started together. */
  readonly random: () => number;
  readonly listener: ProbeListener;
};

/** Returns when `signal` is aborted, or when nothing is left to probe. */
export async function runProbes(options: ProberOptions, signal: AbortSignal): Promise<void> {
  const { container, listener } = options;
  const { startupProbe, readinessProbe, livenessProbe } = container;
  if (startupProbe) {
    const hasStarted = await untilVerdict(options, 'startup', startupProbe, signal);
    if (signal.aborted) return;
    if (!hasStarted) return listener.onUnwell('startup');
  }
  listener.onStarted();
  if (!readinessProbe) listener.onReadiness(true);
  await runTasks(signal, [
    async (group) => {
      if (readinessProbe) await keepReadiness(options, readinessProbe, group);
    },
    async (group) => {
      if (!livenessProbe) return;
      const isUnwell = async (): Promise<boolean> =>
        !(await untilVerdict(options, 'liveness', livenessProbe, group, false));
      if ((await isUnwell()) && !group.aborted) listener.onUnwell('liveness');
    },
  ]);
}

/**
 * Asks until the probe has come to a verdict; with `ends` false only a failure is one.
 *
 * @returns the verdict; true when aborted before it
 */
async function untilVerdict(
  options: ProberOptions,
  kind: ProbeKind,
  spec: ProbeSpec,
  signal: AbortSignal,
  endsOnSuccess = true,
): Promise<boolean> {
  let state = UNPROBED;
  for await (const isOk of answers(options, kind, spec, signal)) {
    state = afterAnswer(state, isOk, spec);
    if (state.isPassing === false) return false;
    if (state.isPassing === true && endsOnSuccess) return true;
  }
  return true;
}

async function keepReadiness(
  options: ProberOptions,
  spec: ProbeSpec,
  signal: AbortSignal,
): Promise<void> {
  let state = UNPROBED;
  for await (const isOk of answers(options, 'readiness', spec, signal)) {
    const before = state.isPassing;
    state = afterAnswer(state, isOk, spec);
    if (state.isPassing !== undefined && state.isPassing !== before) {
      options.listener.onReadiness(state.isPassing);
    }
  }
}

/** One answer each period, until aborted. */
async function* answers(
  { target, clock, random, listener }: ProberOptions,
  kind: ProbeKind,
  spec: ProbeSpec,
  signal: AbortSignal,
): AsyncGenerator<boolean, void, undefined> {
  const { action, timeoutMs, periodMs, initialDelayMs } = spec;
  // The first one soon, whatever the period: a Pod should be ready as soon as it is.
  const firstMs = initialDelayMs > 0 ? initialDelayMs : Math.min(periodMs, FIRST_MAX_MS) * random();
  let delayMs = firstMs;
  for (;;) {
    await clock.sleep(delayMs, signal).catch(() => undefined); // aborted: seen next
    if (signal.aborted) return;
    const answer = await askProbe(action, target, { timeoutMs, clock, signal }).catch(
      (error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      },
    );
    if (!answer) return;
    if (!answer.isOk) listener.onFailure(kind, answer.problem);
    yield answer.isOk;
    delayMs = periodMs;
  }
}

const FIRST_MAX_MS = 200;
