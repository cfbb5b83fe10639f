// What a page's main thread did, by Chromium's own trace and in the thread's own time: what other
// programs of the machine did meanwhile is not in it.
import assert from 'node:assert/strict';

export const TRACED = ['toplevel', 'devtools.timeline'];

type TraceEvent = {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Beginning and length by the wall's clock, length by the thread's; microseconds. */
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
};

export type MainThread = { readonly scriptMs: number; readonly longestTaskMs: number };

const TASKS = new Set(['RunTask', 'ThreadControllerImpl::RunTask']);
/** Scripts run in these. Most of React's work is microtasks, which `ScriptDuration` leaves out. */
const SCRIPTS = new Set([
  'FunctionCall',
  'EventDispatch',
  'TimerFire',
  'FireAnimationFrame',
  'EvaluateScript',
  'RunMicrotasks',
  'BlinkScheduler_PerformMicrotaskCheckpoint',
]);

/** @param trace as `browser.stopTracing()` has it, of categories TRACED */
export function readTrace(trace: Buffer): MainThread {
  const { traceEvents: all }: { traceEvents: readonly TraceEvent[] } = JSON.parse(String(trace));
  const isMain = ({ name, args }: TraceEvent): boolean =>
    name === 'thread_name' && args?.name === 'CrRendererMain';
  const mains = new Set(all.filter(isMain).map(threadOf));
  const events = all.filter((event) => mains.has(threadOf(event)));
  const tasks = events.filter(({ name }) => TASKS.has(name));
  assert(tasks.length > 0, 'the trace has no tasks');
  return {
    scriptMs: sumOfOutermost(events.filter(({ name }) => SCRIPTS.has(name))) / 1000,
    longestTaskMs: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000,
  };
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;

/** A script that runs in another one is in its time already. */
function sumOfOutermost(events: readonly TraceEvent[]): number {
  const ends = new Map<string, number>();
  let sum = 0;
  for (const event of events.toSorted((a, b) => a.ts - b.ts)) {
    const { ts, dur = 0, tdur = 0 } = event;
    if (ts < (ends.get(threadOf(event)) ?? 0)) continue;
    ends.set(threadOf(event), ts + dur);
    sum += tdur;
  }
  return sum;
}
