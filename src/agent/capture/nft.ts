// The one place that runs nft.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { PLAN_REMOVAL, TABLE } from './plan.ts';

/** The kernel's packet filter as the agent uses it. */
export interface Nft {
  /** Executes a script as one transaction. @throws OperatorError CAPTURE_FAILED, TOOL_MISSING */
  apply(script: string): Promise<void>;
  /** Our table as JSON, or undefined when there is none. @throws OperatorError as above */
  list(): Promise<string | undefined>;
}

export const systemNft: Nft = {
  async apply(script) {
    const { status, stderr } = await runCommand('nft', ['-f', '-'], { input: script });
    if (status !== 0) throw nftFailure(stderr);
  },
  async list() {
    const args = ['-j', 'list', 'table', ...TABLE.split(' ')];
    const { status, stdout, stderr } = await runCommand('nft', args);
    if (status === 0) return stdout;
    if (/No such file or directory/.test(stderr)) return undefined;
    throw nftFailure(stderr);
  },
};

/** Takes capture away. Nothing of ours is left in the kernel afterwards. */
export const removeCapture = (nft: Nft): Promise<void> => nft.apply(PLAN_REMOVAL);

const REASON_LENGTH_MAX = 300;

function nftFailure(stderr: string): OperatorError {
  const reason = stderr.trim().split('\n')[0]?.slice(0, REASON_LENGTH_MAX) ?? '';
  const isDenied = /not permitted|permission denied/i.test(stderr);
  return new OperatorError('CAPTURE_FAILED', `nft refused the capture rules: ${reason}`, {
    remedy: isDenied
      ? 'run the agent as root or with CAP_NET_ADMIN, ' +
        'or set ISTIO_INBOUND_INTERCEPTION_MODE=NONE to capture nothing'
      : 'see that the kernel has nf_tables and nf_nat, and that nft is 1.0 or newer',
  });
}
