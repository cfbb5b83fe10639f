// Rules that cut single connections at their next packet, for kernels that close no socket on
// request. A table of their own: capture stays exactly as it is. Pure.
import type { NamedSession } from '../attend/session-name.ts';

const TABLE = 'inet isthmus_ended';

/** Long enough for a session that says anything at all; then the machine forgets it. */
export const RESET_SECONDS = 30;

const TYPE = 'ipv4_addr . inet_service . ipv4_addr . inet_service';

/**
 * One transaction that resets these connections, both ways, for half a minute; those named before
 * stay named. Capture translates addresses: then a connection goes by what it was before that.
 */
export function planResets(
  sessions: readonly NamedSession[],
  { isTranslated }: { readonly isTranslated: boolean },
): string {
  const families = [4, 6] as const;
  return [
    `add table ${TABLE}`,
    ...families.map((version) => {
      const type = version === 4 ? TYPE : TYPE.replaceAll('ipv4', 'ipv6');
      return `add set ${TABLE} ended${version} { type ${type}; flags timeout; }`;
    }),
    ...(['input', 'output'] as const).flatMap((hook) => [
      `add chain ${TABLE} ${hook} { type filter hook ${hook} priority 0; policy accept; }`,
      `flush chain ${TABLE} ${hook}`,
      ...families.map((version) => {
        const key = isTranslated ? originalOf(version) : packetOf(version, hook);
        // a reset itself goes out, or nobody would hear of it
        const rule = `tcp flags & rst == 0 ${key} @ended${version} reject with tcp reset`;
        return `add rule ${TABLE} ${hook} ${rule}`;
      }),
    ]),
    ...families.flatMap((version) => {
      const elements = sessions.filter((one) => one.version === version).map(elementOf);
      if (elements.length === 0) return [];
      return [`add element ${TABLE} ended${version} { ${elements.join(', ')} }`];
    }),
    '',
  ].join('\n');
}

/** Takes the table away, if there is one. */
export const ENDED_REMOVAL = [`add table ${TABLE}`, `delete table ${TABLE}`];

const elementOf = ({ client, server }: NamedSession): string =>
  `${client.ip} . ${client.port} . ${server.ip} . ${server.port} timeout ${RESET_SECONDS}s`;

const familyOf = (version: 4 | 6): string => (version === 4 ? 'ip' : 'ip6');

/** Client, then server: also of packets that go back. */
function originalOf(version: 4 | 6): string {
  const family = familyOf(version);
  const fields = [`${family} saddr`, 'proto-src', `${family} daddr`, 'proto-dst'];
  return fields.map((field) => `ct original ${field}`).join(' . ');
}

function packetOf(version: 4 | 6, hook: 'input' | 'output'): string {
  const family = familyOf(version);
  const from = `${family} saddr . tcp sport`;
  const to = `${family} daddr . tcp dport`;
  return hook === 'input' ? `${from} . ${to}` : `${to} . ${from}`;
}
