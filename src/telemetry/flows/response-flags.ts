// Envoy's response flags in words (Envoy: "Access logging", %RESPONSE_FLAGS_LONG%).
import { NOBODYS } from '#base/access-log-tags.ts';

const WORDS: Readonly<Record<string, string>> = {
  UF: 'could not connect to the server',
  UH: 'no healthy endpoint',
  NR: 'no route for it',
  NC: 'no such service',
  UO: 'too many connections: circuit breaker open',
  URX: 'gave up after retries',
  UAEX: 'denied by an external authorizer',
  LH: 'failed its health check',
  LR: 'reset by the client’s proxy',
  UR: 'reset by the server',
  UC: 'the server closed the connection',
  RL: 'rate limited',
  UT: 'the server took too long',
  DT: 'lasted too long',
  UPE: 'the server broke the protocol',
  DPE: 'the client broke the protocol',
  IH: 'a header was refused',
  SI: 'idle for too long',
  NFCF: 'configuration was not there in time',
  OM: 'the proxy is short of memory',
  DO: 'dropped, as configured',
};

/**
 * @param deniedBy as in reports: a policy's `namespace/name`, `-`, or empty
 * @param service as in reports: a host, Istio's name for nowhere, or empty
 */
export function failureText(flags: string, deniedBy: string, service = ''): string {
  if (deniedBy === '-') return 'denied: no rule allows it';
  if (deniedBy !== '') return `denied by ${deniedBy}`;
  if (service === NOBODYS.nowhere) return `led nowhere (${service}): it may call no such service`;
  const words = flags.split(',').map((flag) => WORDS[flag] ?? flag);
  return words.filter(Boolean).join(', ') || 'failed';
}
