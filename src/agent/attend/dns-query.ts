// What a name means on this machine.
import { lookup, Resolver } from 'node:dns/promises';
import { withDeadline, type Clock } from '#base/clock.ts';
import { reasonOf } from '../files.ts';

export type NameFinding = {
  readonly addresses: readonly string[];
  readonly problem: string;
  readonly durationMs: number;
};

const LIMIT_MS = 6_000;
const NAME_LENGTH_MAX = 253;
const ADDRESSES_MAX = 64;

export type NameQuestion = {
  readonly name: string;
  /** As programs ask, or the agent's DNS proxy alone, on this port of loopback. */
  readonly via: { readonly kind: 'system' } | { readonly kind: 'proxy'; readonly port: number };
};

/** Whatever goes wrong is a finding; only aborting the signal rejects. */
export async function askName(
  { name, via }: NameQuestion,
  { clock, signal: parent }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<NameFinding> {
  const startMs = clock.nowMs();
  const finding = (addresses: readonly string[], problem: string): NameFinding => ({
    addresses: addresses.slice(0, ADDRESSES_MAX),
    problem,
    durationMs: clock.nowMs() - startMs,
  });
  if (name === '' || name.length > NAME_LENGTH_MAX || /[^\w.-]/.test(name)) {
    return finding([], 'that is no host name');
  }
  try {
    const limit = { what: 'resolving', limitMs: LIMIT_MS, clock, parent };
    const ask = via.kind === 'system' ? askSystem(name) : askProxy(name, via.port);
    const found = await withDeadline(limit, (signal) => Promise.race([ask, rejectOn(signal)]));
    return finding(found, found.length === 0 ? 'ENODATA' : '');
  } catch (error) {
    if (parent.aborted) throw parent.reason;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return finding([], typeof code === 'string' ? code : reasonOf(error));
  }
}

async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}

async function askProxy(name: string, port: number): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
  return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
