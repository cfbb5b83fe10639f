// Envoy's response flags in words. From Envoy's documentation of `%RESPONSE_FLAGS%`.

const FLAGS: Readonly<Record<string, string>> = {
  UH: 'no healthy endpoint',
  UF: 'could not connect upstream',
  UO: 'too many connections (circuit breaker)',
  NR: 'no route, or no filter chain matches',
  URX: 'gave up after its retries',
  NC: 'no such cluster',
  NFCF: 'the configuration of a filter never came',
  DT: 'took longer than its limit',
  DC: 'the client closed the connection',
  LH: 'failed its health check',
  UT: 'upstream took too long',
  LR: 'reset here',
  UR: 'reset by upstream',
  UC: 'closed by upstream',
  DI: 'delayed on purpose',
  FI: 'failed on purpose',
  RL: 'refused by the rate limit',
  UAEX: 'denied',
  RLSE: 'the rate limit service failed',
  IH: 'refused for a bad header',
  SI: 'was idle for too long',
  DPE: 'the client broke the protocol',
  UPE: 'upstream broke the protocol',
  UMSDR: 'upstream reached its limit of time',
  RFCF: 'answered from a cache',
  DO: 'dropped for overload',
  DR: 'the client reset it',
  OM: 'dropped by the overload manager',
  DF: 'the name was not resolved',
  UDO: 'dropped for overload, whatever it was',
};

export type FlagWords = { readonly flag: string; readonly text: string };

/** Of `UF,URX`, each in words; what Envoy has learned since keeps its letters. */
export function flagWords(flags: string): FlagWords[] {
  return flags
    .split(',')
    .map((flag) => flag.trim())
    .filter((flag) => flag !== '' && flag !== '-')
    .map((flag) => ({ flag, text: FLAGS[flag] ?? 'a reason that this console does not know' }));
}

/** `UF: could not connect upstream`; empty: there is none. */
export const flagsText = (flags: string): string =>
  flagWords(flags)
    .map(({ flag, text }) => `${flag}: ${text}`)
    .join('; ');
