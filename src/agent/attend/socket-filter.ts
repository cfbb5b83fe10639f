// Words for `ss`, and what it answers: which of this machine's TCP sockets are the sessions meant.
// Pure.
import { canonicalIp } from '#base/ip.ts';
import type { NamedSession } from './session-name.ts';

/**
 * Where the kernel has a session's socket: at the port that was dialled, or at the one to which
 * capture has led it.
 */
export type ProxyPort = { readonly inboundPort: number };

/** A filter is compiled to a program of the kernel's, in which jumps are short. */
export const SESSIONS_PER_FILTER = 16;

/** Established and closing TCP sockets of these sessions, as a filter of `ss`. */
export const socketFilter = (
  sessions: readonly NamedSession[],
  { inboundPort }: ProxyPort,
): string =>
  sessions
    .flatMap(({ client, server }) =>
      [...new Set([server.port, inboundPort])].map(
        (port) =>
          `( src ${hostPort(server.ip, port)} and dst ${hostPort(client.ip, client.port)} )`,
      ),
    )
    .join(' or ');

/** What both ends of a session's socket are called, whatever its port here. */
export const clientKey = ({ client }: NamedSession): string => hostPort(client.ip, client.port);

/** The clients of the sockets that `ss -Htn` lists: its fifth column. */
export function clientsListed(stdout: string): ReadonlySet<string> {
  const clients = stdout.split('\n').flatMap((line) => {
    const peer = line.trim().split(/\s+/)[4] ?? '';
    const [, ip = '', port = ''] = /^\[?([^\]%]+)(?:%[^\]:]+)?\]?:(\d+)$/.exec(peer) ?? [];
    const canonical = canonicalIp(ip);
    return canonical === undefined ? [] : [hostPort(canonical, Number(port))];
  });
  return new Set(clients);
}

const hostPort = (ip: string, port: number): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
