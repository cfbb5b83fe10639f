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
 * The whole ruleset as one nftables transaction, which also replaces the one before. Connections
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
  const match = `ip saddr ${from} ip daddr ${to} tcp dport ${tcpPort}`;
  return `${match} counter accept comment "${name}"`;
}
