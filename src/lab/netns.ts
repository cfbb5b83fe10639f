// Carries out network plans in the sandbox's namespaces, with iproute2 and nftables.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { type FirewallRule, renderFirewall } from './firewall.ts';
import { type NetworkPlan, TAP, WORLD } from './topology.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/**
 * @param tapPid process whose network namespace is the capture point
 * @throws OperatorError LAB_FAILED when the kernel refuses a step
 */
export async function applyNetwork(plan: NetworkPlan, tapPid: number): Promise<void> {
  const attach = `netns attach ${TAP} ${tapPid}`;
  await run('ip', ['-batch', '-'], [attach, ...plan.links].join('\n'));
  // Namespaces side by side, the steps of each in one batch: it is the programs that take time.
  const lines = new Map<string | undefined, string[]>();
  const forwarding: string[] = [];
  for (const step of plan.steps) {
    if (step.kind === 'forward') forwarding.push(step.netns);
    else lines.set(step.netns, [...(lines.get(step.netns) ?? []), ...step.lines]);
  }
  await Promise.all([
    ...[...lines].map(([netns, batch]) => {
      const inside = netns === undefined ? [] : ['-n', netns];
      return run('ip', [...inside, '-batch', '-'], batch.join('\n'));
    }),
    ...forwarding.map((netns) =>
      run('nsenter', [`--net=/run/netns/${netns}`, 'tee', IP_FORWARD], '1'),
    ),
  ]);
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
    await applyOnRouter(renderFirewall([...this.#rules.values()]));
  }
}

/** Hands nftables on the router between the regions a transaction. */
export async function applyOnRouter(ruleset: string): Promise<void> {
  await run('nsenter', [`--net=/run/netns/${WORLD}`, 'nft', '-f', '-'], ruleset);
}

async function run(command: string, args: readonly string[], input: string): Promise<void> {
  const { status, stderr } = await runCommand(command, args, { input });
  if (status === 0) return;
  const reason = stderr.trim().split('\n')[0] ?? `status ${status}`;
  throw new OperatorError('LAB_FAILED', `cannot set up the lab's network: ${command}: ${reason}`, {
    remedy: 'the kernel needs veth, nftables and connection tracking: load veth, nf_tables, nf_nat',
  });
}
