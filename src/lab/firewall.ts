// The firewall between the regions: nothing passes that no rule names.

export type FirewallRule = {
  /** Says what the rule is for; unique. */
  readonly name: string;
  /** Address or CIDR. */
  readonly from: string;
  readonly to: string;
  readonly tcpPort: number;
};

/**
 * Rules speak of the addresses that a connection was opened with: a load balancer's is changed on
 * the way.
 *
 * The whole ruleset is one nftables transaction, which also replaces the one before. Connections
 * that a rule once let in stay established when it goes, as with a cloud's firewall.
 */
export function renderFirewall(rules: readonly FirewallRule[]): string {
  return [
    'table inet firewall',
    'delete table inet firewall',
    'table inet firewall {',
    '  chain forward {',
    '    type filter hook forward priority filter; policy drop;',
    '    ct state established,related accept',
    ...rules.map((rule) => `    ${renderRule(rule)}`),
    '  }',
    '}',
    '',
  ].join('\n');
}

function renderRule({ name, from, to, tcpPort }: FirewallRule): string {
  if (!/^[\w .:>-]{1,100}$/.test(name)) throw new Error(`not a name for a rule: ${name}`);
  const addresses = `ct original ip saddr ${from} ct original ip daddr ${to}`;
  const match = `${addresses} meta l4proto tcp ct original proto-dst ${tcpPort}`;
  return `${match} counter accept comment "${name}"`;
}
