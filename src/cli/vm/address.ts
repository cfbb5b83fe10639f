// What `isthmus vm join` is given: a token, and what leads to the control plane. Pure.
import { usageError } from '#base/flags.ts';
import { canonicalIp } from '#base/ip.ts';
import { parseToken, type JoinToken } from '#registry/joins/token.ts';

export type JoinTarget = {
  readonly token: JoinToken;
  readonly host: string;
  readonly port: number;
};

const USAGE = 'isthmus vm join TOKEN@ADDRESS [flags]; all of it: isthmus vm join --help';
const PORT = 15_012;
const TARGET = /^([^@\s]+)@(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/;

/** `<token>@<address>[:<port>]`. @throws OperatorError USAGE, which does not repeat the token */
export function parseJoinTarget(text: string): JoinTarget {
  const [, token = '', bracketed, plain, digits] = TARGET.exec(text.trim()) ?? [];
  const host = bracketed ?? plain ?? '';
  const port = digits === undefined ? PORT : Number(digits);
  const isHost = canonicalIp(host) !== undefined || /^[a-z0-9]([a-z0-9.-]{0,252})$/i.test(host);
  if (!isHost || port < 1 || port > 65_535) {
    throw usageError('what to join is not TOKEN@ADDRESS', USAGE);
  }
  const parsed = parseToken(token);
  if (!parsed.ok) throw usageError(parsed.problem, USAGE);
  return { token: parsed.value, host, port };
}
