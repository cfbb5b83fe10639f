// Ends open connections to the workload when the control plane says so: by asking the kernel to
// close their sockets (SOCK_DESTROY), or where it does not do that, by resetting them at their next
// packet. The application's own connection to the proxy ends with them.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { EndSessionsRequest } from '#gen/isthmus/v1/attend_pb.js';
import type { Nft } from '../capture/nft.ts';
import { planResets } from '../capture/ended.ts';
import type { CaptureConfig } from '../config.ts';
import { nameSessions, type NamedSession } from './session-name.ts';
import { clientKey, clientsListed, SESSIONS_PER_FILTER, socketFilter } from './socket-filter.ts';

export type EndingTools = {
  readonly capture: Pick<CaptureConfig, 'mode' | 'inboundPort' | 'inboundExcludePorts'>;
  readonly nft: Pick<Nft, 'apply'>;
  /** Tests give their own. */
  readonly run?: typeof runCommand;
};

export type Ending = {
  readonly ended: number;
  readonly resetting: number;
  readonly gone: number;
  /** Why the others live on; empty: there are none. */
  readonly problem: string;
  readonly remedy: string;
};

const TIMEOUT_MS = 10_000;

/** @throws Error for names that are none, or not the workload's */
export async function endSessions(
  { sessions }: Pick<EndSessionsRequest, 'sessions'>,
  tools: EndingTools,
  signal: AbortSignal,
): Promise<Ending> {
  const wanted = nameSessions(sessions, tools.capture);
  const { ended, alive } = await destroyAll(wanted, tools, signal);
  const gone = wanted.length - ended - alive.length;
  if (alive.length === 0) return { ended, gone, resetting: 0, problem: '', remedy: '' };
  const failure = await reset(alive, tools);
  return failure
    ? { ended, gone, resetting: 0, ...failure }
    : { ended, gone, resetting: alive.length, problem: '', remedy: '' };
}

type Destroyed = { readonly ended: number; readonly alive: readonly NamedSession[] };

async function destroyAll(
  wanted: readonly NamedSession[],
  tools: EndingTools,
  signal: AbortSignal,
): Promise<Destroyed> {
  let ended = 0;
  const alive: NamedSession[] = [];
  for (let start = 0; start < wanted.length; start += SESSIONS_PER_FILTER) {
    signal.throwIfAborted();
    const some = wanted.slice(start, start + SESSIONS_PER_FILTER);
    const done = await destroy(some, tools, signal);
    ended += done.ended;
    alive.push(...done.alive);
  }
  return { ended, alive };
}

/** `ss -K` lists what it has closed, and passes over what the kernel does not close for it. */
async function destroy(
  some: readonly NamedSession[],
  { capture, run = runCommand }: EndingTools,
  signal: AbortSignal,
): Promise<Destroyed> {
  const filter = socketFilter(some, capture);
  const list = async (flags: string): Promise<ReadonlySet<string>> => {
    const options = { timeoutMs: TIMEOUT_MS, signal };
    return clientsListed((await run('ss', [flags, filter], options)).stdout);
  };
  try {
    const closed = await list('-HtnK');
    const rest = some.filter((session) => !closed.has(clientKey(session)));
    const left = rest.length === 0 ? new Set<string>() : await list('-Htn');
    const alive = rest.filter((session) => left.has(clientKey(session)));
    return { ended: some.length - rest.length, alive };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { ended: 0, alive: some }; // no ss on this machine
  }
}

/** @returns why it cannot be done here; undefined: it is done */
async function reset(
  alive: readonly NamedSession[],
  { capture, nft }: EndingTools,
): Promise<Pick<Ending, 'problem' | 'remedy'> | undefined> {
  try {
    await nft.apply(planResets(alive, { isTranslated: capture.mode === 'REDIRECT' }));
    return undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return {
      problem: 'sessions cannot be ended on this machine: the agent may not close sockets there',
      remedy: 'give the agent CAP_NET_ADMIN, with ss or nft; or restart the workload',
    };
  }
}
