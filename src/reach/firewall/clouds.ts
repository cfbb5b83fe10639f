// The rule in the words of each cloud: commands to be copied, looking up by themselves what follows
// from the VM's address. Pure.
import { assertNever } from '#base/assert-never.ts';
import type { Rule } from './rule.ts';
import type { CLOUDS } from './cloud-names.ts';

export type Cloud = (typeof CLOUDS)[number];

export function renderRule(cloud: Cloud, rule: Rule): string {
  switch (cloud) {
    case 'gcp':
      return gcp(rule);
    case 'aws':
      return aws(rule);
    case 'azure':
      return azure(rule);
    case 'nftables':
      return nftables(rule);
    case 'lab':
      return `nft ${shellQuoted(labRule(rule))}`;
    default:
      return assertNever(cloud);
  }
}

/** https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/create */
function gcp({ name, from, to, tcpPort }: Rule): string {
  const network =
    `$(gcloud compute instances list --filter="networkInterfaces.networkIP=${to}" ` +
    '--format="value(networkInterfaces[0].network.basename())")';
  return command(`gcloud compute firewall-rules create ${name}`, [
    `--network="${network}"`,
    `--direction=INGRESS --allow=tcp:${tcpPort}`,
    `--source-ranges=${from} --destination-ranges=${hostRange(to)}`,
  ]);
}

/** https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html */
function aws({ name, from, to, tcpPort }: Rule): string {
  const isV6 = to.includes(':');
  const filter = isV6 ? 'ipv6-addresses.ipv6-address' : 'addresses.private-ip-address';
  const group =
    `$(aws ec2 describe-network-interfaces --filters Name=${filter},Values=${to} ` +
    `--query 'NetworkInterfaces[0].Groups[0].GroupId' --output text)`;
  const ranges = isV6
    ? `Ipv6Ranges=[{CidrIpv6=${from},Description=${name}}]`
    : `IpRanges=[{CidrIp=${from},Description=${name}}]`;
  return command('aws ec2 authorize-security-group-ingress', [
    `--group-id "${group}"`,
    `--ip-permissions 'IpProtocol=tcp,FromPort=${tcpPort},ToPort=${tcpPort},${ranges}'`,
  ]);
}

/** https://learn.microsoft.com/cli/azure/network/nsg/rule#az-network-nsg-rule-create */
function azure({ name, from, to, tcpPort }: Rule): string {
  const rule = command(`az network nsg rule create --name ${name}`, [
    '--resource-group "$RESOURCE_GROUP" --nsg-name "$NSG" --priority 1000',
    '--direction Inbound --access Allow --protocol Tcp',
    `--source-address-prefixes ${from}`,
    `--destination-address-prefixes ${to} --destination-port-ranges ${tcpPort}`,
  ]);
  return `# RESOURCE_GROUP and NSG: those of the network interface that has ${to}\n${rule}`;
}

/** Inserted, so that it stands before whatever drops the rest. */
const nftables = (rule: Rule): string =>
  '# on the machine itself; `nft list ruleset` shows how its table and chain are called\n' +
  `nft ${shellQuoted(`insert rule inet filter input ${match(rule)}`)}`;

/** Where the lab's router lets traffic through between the regions. */
export const LAB_CHAIN = 'inet firewall forward';

/** In nft's own language. */
export const labRule = (rule: Rule): string => `insert rule ${LAB_CHAIN} ${match(rule)}`;

const shellQuoted = (words: string): string => `'${words}'`;

function match({ name, from, to, tcpPort }: Rule): string {
  const ip = to.includes(':') ? 'ip6' : 'ip';
  return `${ip} saddr ${from} ${ip} daddr ${to} tcp dport ${tcpPort} accept comment "${name}"`;
}

const hostRange = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

const command = (first: string, rest: readonly string[]): string =>
  [first, ...rest.map((line) => `  ${line}`)].join(' \\\n');

/** Kubernetes' name of a node at its cloud (`spec.providerID`) → the cloud. */
export function cloudOfProvider(providerId: string): Cloud | undefined {
  switch (providerId.split(':', 1)[0]) {
    case 'gce':
      return 'gcp';
    case 'aws':
      return 'aws';
    case 'azure':
      return 'azure';
    default:
      return undefined;
  }
}
