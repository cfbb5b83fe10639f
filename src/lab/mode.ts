// Which kind of lab a computer can have: machines in namespaces of their own, or, where these are
// not to be had, programs side by side on loopback addresses.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { SYSTEM_FOLDERS, UNSHARE } from './sandbox.ts';

export type LabMode =
  | { readonly kind: 'namespaces' }
  /** Nothing is captured. `reason` completes "no network namespaces here". */
  | { readonly kind: 'explicit-ports'; readonly reason: string };

export const LAB_MODES = ['namespaces', 'explicit-ports'] as const;
export const MODE_VARIABLE = 'ISTHMUS_LAB_MODE';

/** @returns why there are no namespaces; undefined: there are */
type Probe = (env: NodeJS.ProcessEnv) => Promise<string | undefined>;

/** What is asked for, once: namespaces, nftables in them, and the lab's other tools. */
const PROBE = 'nft list tables && ip link set lo up && tcpdump --version 2>/dev/null';

/**
 * @param asked by flag or environment; undefined: as the machine allows
 * @throws OperatorError USAGE for a mode that there is not
 */
export async function chooseLabMode(
  asked: string | undefined,
  { env, probe = whyNoNamespaces }: { readonly env: NodeJS.ProcessEnv; readonly probe?: Probe },
): Promise<LabMode> {
  if (asked === 'namespaces') return { kind: 'namespaces' };
  if (asked === 'explicit-ports') return { kind: 'explicit-ports', reason: 'asked for' };
  if (asked !== undefined) {
    const message = `the lab's mode is "${asked}", expected ${LAB_MODES.join(' or ')}`;
    throw new OperatorError('USAGE', message, {
      remedy: `leave out --mode and ${MODE_VARIABLE} to have it chosen`,
    });
  }
  const reason = await probe(env);
  return reason === undefined ? { kind: 'namespaces' } : { kind: 'explicit-ports', reason };
}

/** Tries it. @returns the kernel's, or the tool's, own words against it */
async function whyNoNamespaces(outer: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (process.platform !== 'linux') return `${process.platform} has none`;
  const env = { ...outer, PATH: `${outer['PATH'] ?? ''}:${SYSTEM_FOLDERS}` };
  try {
    const { status, stderr } = await runCommand('unshare', [...UNSHARE, 'sh', '-c', PROBE], {
      env,
    });
    if (status === 0) return undefined;
    return stderr.trim().split('\n')[0] || `unshare ended with status ${status}`;
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  }
}
