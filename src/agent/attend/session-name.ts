// The connections that the control plane may name to be ended: exactly one each, to this very
// workload, through its proxy. Pure.
import { parseIp, renderIp, type IpVersion } from '#base/ip.ts';
import type { CaptureConfig } from '../config.ts';

type End = { readonly ip: string; readonly port: number };

export type NamedSession = {
  readonly version: IpVersion;
  readonly client: End;
  readonly server: End;
};

/** A few commands of the machine's, well within a request's time. */
export const SESSIONS_MAX = 256;

/**
 * @throws Error for too many, for what is no address, and for a port that is not the workload's:
 *   ssh, Envoy's and the agent's own
 */
export function nameSessions(
  wanted: readonly { readonly client: string; readonly server: string }[],
  { inboundExcludePorts }: Pick<CaptureConfig, 'inboundExcludePorts'>,
): readonly NamedSession[] {
  if (wanted.length > SESSIONS_MAX) throw new Error(`more than ${SESSIONS_MAX} sessions at once`);
  const sessions = wanted.map(({ client, server }) => nameSession(client, server));
  const foreign = sessions.find(({ server }) => inboundExcludePorts.includes(server.port));
  if (foreign) throw new Error(`port ${foreign.server.port} is not the workload's`);
  return sessions;
}

function nameSession(clientText: string, serverText: string): NamedSession {
  const [client, server] = [readEnd(clientText), readEnd(serverText)];
  if (!client || !server || client.version !== server.version) {
    throw new Error('a session is named by the address and port of both its ends');
  }
  return { version: client.version, client: client.end, server: server.end };
}

/** `10.0.0.1:80`, `[::1]:80`. */
function readEnd(text: string): { readonly version: IpVersion; readonly end: End } | undefined {
  const [, bracketed, bare, digits = ''] =
    /^(?:\[([^\]]{2,45})\]|([\d.]{7,15})):(\d{1,5})$/.exec(text) ?? [];
  const ip = parseIp(bracketed ?? bare ?? '');
  const port = Number(digits);
  if (!ip || port < 1 || port > 65_535) return undefined;
  return { version: ip.version, end: { ip: renderIp(ip), port } };
}
