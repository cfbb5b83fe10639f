// What is told in which sandbox, and the variables by which the outside says so to the inside.

/**
 * - `library`: the story as its user types it, which then goes on until it is interrupted.
 * - `library-once`: the same, with a visit from outside instead of going on.
 * - `mesh`: the same database and client without a cluster around them, looked at more closely: one
 *   transaction is held open while policy, endpoints and certificates change.
 */
export type SandboxAct = 'library' | 'library-once' | 'mesh';

/** - `explicit-ports`: what `mesh` tells, where there is no sandbox. */
export type Act = SandboxAct | 'explicit-ports';

/** Of the closer look: one rotation falls into it, and nobody waits for Istio's drain of 45 s. */
export const CLOSER_LOOK = {
  enableAutoMtls: false,
  /** Short for that, long enough for a busy machine to renew. */
  certificateLifetime: '6s',
  drainDuration: '3s',
} as const;

export const ACT_VARIABLE = 'ISTHMUS_DEMO_ACT';
export const LOGS_VARIABLE = 'ISTHMUS_LAB_LOGS';
/** Set when the audience wants to be waited for between the chapters. */
export const STEP_VARIABLE = 'ISTHMUS_DEMO_STEP';

export function actIn(env: NodeJS.ProcessEnv): SandboxAct {
  const act = env[ACT_VARIABLE];
  return act === 'mesh' || act === 'library-once' ? act : 'library';
}
