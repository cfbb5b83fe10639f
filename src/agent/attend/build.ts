// The agent's attendance put together: what it says of itself, and what answers for it.
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { programVersion } from '#base/version.ts';
import { printable } from '#base/printable.ts';
import type { AgentParts } from '../build.ts';
import type { AgentConfig } from '../config.ts';
import { Retry } from '../retry.ts';
import { createAnswerer } from './answers.ts';
import { Attendance, type Status } from './attendance.ts';

type Parts = Pick<
  AgentParts,
  'config' | 'dependencies' | 'identity' | 'controlPlane' | 'admin' | 'envoy' | 'capture'
>;

const ADDRESSES_MAX = 32;
const OS_LENGTH_MAX = 100;

/** @param unready why the workload is not fit for traffic; empty: it is */
export function buildAttendance(
  parts: Parts,
  unready: () => Promise<readonly string[]>,
): Attendance {
  const { config, dependencies, controlPlane, admin, capture } = parts;
  const { clock, random, log, logLines, nft } = dependencies;
  return new Attendance({
    controlPlane,
    hello: { ...describeMachine(), logSources: logSources(config, logLines !== undefined) },
    status: statusOf(parts, unready),
    answer: createAnswerer({ config, admin, capture, nft, clock, random, logLines }),
    retry: new Retry({ clock, random }),
    clock,
    log,
  });
}

/** Of `log_tail`, as `LogSource` has them. */
const logSources = ({ appLog }: AgentConfig, hasOwn: boolean): string[] => [
  'access',
  'proxy',
  ...(hasOwn ? ['agent'] : []),
  ...(appLog ? ['app'] : []),
];

/** Who attends: the same words that a machine uses when it joins. */
export function describeMachine(): { version: string; os: string; addresses: string[] } {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
    .map(({ address }) => address);
  return { version: programVersion(), os: readOs(), addresses: addresses.slice(0, ADDRESSES_MAX) };
}

/** `Debian GNU/Linux 12 (bookworm)`; empty where nobody says. */
function readOs(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return printable(/^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? '', OS_LENGTH_MAX);
  } catch {
    return '';
  }
}

function statusOf(
  { identity, envoy, admin, capture }: Parts,
  unready: () => Promise<readonly string[]>,
): () => Promise<Status> {
  let known = { pid: 0, version: '' };
  return async () => {
    const { pid = 0, restarts } = envoy.status();
    const reasons = await unready();
    if (pid !== known.pid || known.version === '') {
      known = { pid, version: pid === 0 ? '' : ((await admin.version()) ?? '') };
    }
    const state = identity.state();
    const now = capture.status();
    return {
      capture: now.kind,
      captureReason: now.kind === 'failed' ? now.reason : '',
      unready: [...reasons],
      envoy: pid === 0 ? 'stopped' : known.version === '' ? 'starting' : 'running',
      envoyVersion: known.version,
      envoyPid: pid,
      envoyRestarts: restarts,
      ...(state.kind !== 'none' && {
        identity: state.svid.spiffeId,
        serial: state.svid.serialNumber,
        notAfterMs: BigInt(state.svid.notAfterMs),
      }),
    };
  };
}
