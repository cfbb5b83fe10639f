// `isthmus firewall`: the first of the three steps, letting pod traffic reach the VM.
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isRecord } from '#kube/objects.ts';
import { NODE } from '#kube/resources.ts';
import type { Surroundings } from '../command.ts';
import { cloudOfProvider, renderRule, type Cloud } from '#reach/firewall/clouds.ts';
import { applyInLab, isLabRunning } from '../firewall/lab.ts';
import { parseRule } from '#reach/firewall/rule.ts';
import { withKube, type KubeWords } from '../kube.ts';

type FirewallCall = Surroundings & {
  readonly flags: KubeWords & {
    readonly cloud: Cloud | undefined;
    readonly from: string;
    readonly to: string;
    readonly port: string;
    readonly apply: boolean;
  };
};

/** @throws OperatorError USAGE, LAB_FAILED, those of `withKube` */
export async function runFirewall(call: FirewallCall): Promise<number> {
  const { flags, env, signal, print } = call;
  const rule = parseRule(flags);
  const cloud = flags.cloud ?? (await cloudAtHand(call));
  if (flags.apply && cloud !== 'lab') {
    const usage = 'isthmus firewall without --apply prints the command to run yourself';
    throw usageError(`--apply is for the lab, and this is ${cloud}`, usage);
  }
  print(renderRule(cloud, rule));
  if (!flags.apply) return 0;
  await applyInLab(rule, env, signal);
  print(`in force: ${rule.from} reaches ${rule.to}:${rule.tcpPort}`);
  return 0;
}

/** Where the cluster's nodes run; on machines of no cloud it is the lab's, or nftables. */
async function cloudAtHand({ flags, env, signal }: FirewallCall): Promise<Cloud> {
  try {
    return await withKube(flags, env, async ({ client }) => {
      const { items } = await client.list(NODE, { signal, limit: 1 });
      const providerId = items.map(({ spec }) => (isRecord(spec) ? spec['providerID'] : ''))[0];
      const cloud = typeof providerId === 'string' ? cloudOfProvider(providerId) : undefined;
      return cloud ?? (isLabRunning(env) ? 'lab' : 'nftables');
    });
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    throw new OperatorError(cause.code, `which cloud this is cannot be seen: ${cause.message}`, {
      remedy: 'say which with --cloud',
      cause,
    });
  }
}
