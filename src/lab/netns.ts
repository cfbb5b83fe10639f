// Carries out network plans in the sandbox's namespaces, with iproute2 and nftables.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { type FirewallRule, renderFirewall } from './firewall.ts';
import { type NetworkPlan, type NetworkStep, WORLD } from './topology.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** @throws OperatorError LAB_FAILED when the kernel refuses a step */
export async function applyNetwork(plan: NetworkPlan): Promise<void> {
  await run('ip', ['-batch', '-'], plan.links.join('\n'));
  // Every namespace's steps are its own, so they may run side by side.
  await Promise.all(plan.steps.map(applyStep));
}

async function applyStep(step: NetworkStep): Promise<void> {
  switch (step.kind) {
    case 'ip': {
      const inside = step.netns ? ['-n', step.netns] : [];
      return await run('ip', [...inside, '-batch', '-'], step.lines.join('\n'));
    }
    case 'forward': {
      const enter = `--net=/run/netns/${step.netns}`;
      return await run('nsenter', [enter, 'tee', IP_FORWARD], '1');
    }
  }
}

/** The router's firewall: rules by name, changed in one transaction each time. */
export class Firewall {
  readonly #rules = new Map<string, FirewallRule>();

  async allow(...rules: readonly FirewallRule[]): Promise<void> {
    for (const rule of rules) this.#rules.set(rule.name, rule);
    await this.apply();
  }

  async revoke(name: string): Promise<void> {
    if (!this.#rules.delete(name)) throw new Error(`no firewall rule is called ${name}`);
    await this.apply();
  }

  /** Also what puts the default, "nothing passes", in force. */
  async apply(): Promise<void> {
    const ruleset = renderFirewall([...this.#rules.values()]);
    await run('nsenter', [`--net=/run/netns/${WORLD}`, 'nft', '-f', '-'], ruleset);
  }
}

async function run(command: string, args: readonly string[], input: string): Promise<void> {
  const { status, stderr } = await runCommand(command, args, { input });
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? `status ${status}`;
  throw new OperatorError('LAB_FAILED', `cannot set up the lab's network: ${command}: ${reason}`, {
    remedy: 'the kernel needs veth, nftables and connection tracking: load veth, nf_tables, nf_nat',
  });
}
