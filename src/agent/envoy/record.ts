// Which Envoy is ours: what the agent writes down when it starts one, and what a later agent
// makes of it. The agent is not the data path: whenever it can, it adopts the running Envoy.
// Pure.
import { createHash } from 'node:crypto';
import { parseState } from '../files.ts';

export type EnvoyRecord = {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with the pid and the boot it names one process for ever. */
  readonly startTicks: string;
  readonly bootId: string;
  /** Where to drain it, whatever the settings say by then. */
  readonly adminPort: number;
  /** Hash of what a running Envoy must agree on with its agent. */
  readonly essence: string;
  /** Hash of everything it was started with, the binary included. */
  readonly launch: string;
};

export type Launch = Pick<EnvoyRecord, 'essence' | 'launch'>;

export type EnvoyPlan =
  | { readonly kind: 'start' }
  /**
   * `isOutdated`: it runs with older settings or an older binary, which cost no session to keep.
   */
  | { readonly kind: 'adopt'; readonly record: EnvoyRecord; readonly isOutdated: boolean }
  /** It cannot work with this agent: its sessions are drained and another one is started. */
  | { readonly kind: 'replace'; readonly record: EnvoyRecord };

/** @param running is the process of the record still there? */
export function planEnvoy(
  record: EnvoyRecord | undefined,
  running: boolean,
  wanted: Launch,
): EnvoyPlan {
  if (!record || !running) return { kind: 'start' };
  if (record.essence !== wanted.essence) return { kind: 'replace', record };
  return { kind: 'adopt', record, isOutdated: record.launch !== wanted.launch };
}

/**
 * The record of an Envoy that takes nothing new any more, because its workload is leaving: an agent
 * that is started before that has come to its end replaces it.
 */
export const disowned = (record: EnvoyRecord): EnvoyRecord => ({ ...record, essence: 'leaving' });

export function hashOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

export function parseRecord(text: string | undefined): EnvoyRecord | undefined {
  const { pid, startTicks, bootId, adminPort, essence, launch } = parseState(text);
  const isWhole =
    typeof pid === 'number' &&
    Number.isSafeInteger(pid) &&
    pid > 1 &&
    typeof startTicks === 'string' &&
    typeof bootId === 'string' &&
    typeof adminPort === 'number' &&
    typeof essence === 'string' &&
    typeof launch === 'string';
  return isWhole ? { pid, startTicks, bootId, adminPort, essence, launch } : undefined;
}

/**
 * When a process was started, from the text of /proc/PID/stat (proc(5)); undefined for one that has
 * ended and only waits for its parent. The command's name may hold spaces and parentheses.
 */
export function parseStartTicks(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = fields[19]; // field 22, and the first here is field 3
  return state === 'Z' || state === 'X' ? undefined : startTicks;
}
