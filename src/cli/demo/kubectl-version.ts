// The story is told with the user's own kubectl: whether it is there and new enough is said before
// anything is started.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { fieldsOf, textAt } from '#kube/fields.ts';

/** The oldest that speaks WebSockets to `exec` and `port-forward` (Kubernetes 1.30, KEP-4006). */
const MINOR_MIN = 30;

/** @throws OperatorError TOOL_MISSING */
export async function assertKubectl(env: NodeJS.ProcessEnv): Promise<void> {
  const words = ['version', '--client', '-o', 'json'];
  const { stdout } = await runCommand('kubectl', words, { env });
  const minor = minorOf(stdout);
  if (minor !== undefined && minor >= MINOR_MIN) return;
  const which = minor === undefined ? 'does not say its version' : `is of version 1.${minor}`;
  throw new OperatorError('TOOL_MISSING', `the kubectl on the PATH ${which}`, {
    remedy: `install kubectl 1.${MINOR_MIN} or newer: https://kubernetes.io/docs/tasks/tools/`,
  });
}

/** Of `kubectl version --client -o json`; vendors append a `+`. */
export function minorOf(json: string): number | undefined {
  try {
    const text = textAt(fieldsOf(JSON.parse(json), 'clientVersion'), 'minor');
    return /^\d+\+?$/.test(text) ? Number.parseInt(text, 10) : undefined;
  } catch {
    return undefined;
  }
}
