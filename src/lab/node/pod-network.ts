// A Pod's network: a namespace of its own with one address, hanging on the region's router as every
// host of the lab does. Named after the Pod's uid, so that one that was left behind is found again.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { planDownlink, planHost } from '../topology.ts';

const PREFIX = 'pod-';
/** IFNAMSIZ allows 15 characters: `pod` and as much of the uid as fits. */
const UID_DIGITS = 12;

export const podNetns = (uid: string): string => `${PREFIX}${uid}`;

const linkOf = (uid: string): string => `pod${uid.replaceAll('-', '').slice(0, UID_DIGITS)}`;

/** @throws OperatorError LAB_FAILED; then nothing of it stays */
export async function createPodNetwork(pod: {
  readonly uid: string;
  readonly address: string;
  readonly router: string;
}): Promise<void> {
  const { uid, address, router } = pod;
  const netns = podNetns(uid);
  const link = linkOf(uid);
  try {
    await ip(
      [],
      [
        `netns add ${netns}`,
        `link add eth0 netns ${netns} type veth peer name ${link} netns ${router}`,
      ],
    );
    await Promise.all([
      ip(['-n', netns], planHost(address)),
      ip(['-n', router], planDownlink(link, address)),
    ]);
  } catch (error) {
    await removePodNetwork({ uid, router });
    throw error;
  }
}

/** Whatever of it is there. */
export async function removePodNetwork(pod: {
  readonly uid: string;
  readonly router: string;
}): Promise<void> {
  // The link goes at once by name; with its namespace it would go some time later.
  await runCommand('ip', ['-n', pod.router, 'link', 'delete', linkOf(pod.uid)]);
  await runCommand('ip', ['netns', 'delete', podNetns(pod.uid)]);
}

/**
 * Ends what a node before this one has left running, and takes its networks away. A node that was
 * killed can do nothing else: nobody holds the ends of those containers' pipes any more.
 *
 * @returns how many Pods there were
 */
export async function removeStalePods(router: string): Promise<number> {
  const { stdout } = await runCommand('ip', ['netns', 'list']);
  const names = stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const { stdout: pids } = await runCommand('ip', ['netns', 'pids', name]);
    for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid));
    await removePodNetwork({ uid: name.slice(PREFIX.length), router });
  }
  return names.length;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

async function ip(inside: readonly string[], lines: readonly string[]): Promise<void> {
  const input = lines.join('\n');
  const { status, stderr } = await runCommand('ip', [...inside, '-batch', '-'], { input });
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? `status ${status}`;
  throw new OperatorError('LAB_FAILED', `cannot set up the Pod's network: ip: ${reason}`, {
    remedy: "is the node inside the lab's sandbox, and its router there?",
  });
}
