// What went wrong between a client and its database, as one sentence with a hint.

/** @param target `host:port` as the client knows it */
export function describeDatabaseFailure(error: unknown, target: string): string {
  const { message, code } = partsOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens on ${target}: is PostgreSQL running there?`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `${target} cannot be reached: does a firewall between here and there let it through?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name in ${target} is not known here: is the service registered?`;
  }
  if (/timeout expired/.test(message)) {
    return `${target} did not answer in time: is the way there open?`;
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || /terminated|connection error/.test(message)) {
    return (
      `${target} closed the connection: is PostgreSQL running on the VM, ` +
      'and does the policy of its port allow this client?'
    );
  }
  return `PostgreSQL at ${target} says: ${message}${code === '' ? '' : ` (${code})`}`;
}

function partsOf(error: unknown): { readonly message: string; readonly code: string } {
  if (!(error instanceof Error)) return { message: String(error), code: '' };
  // Both addresses of a name were tried: the first failure speaks for both.
  if (error instanceof AggregateError && error.errors.length > 0) return partsOf(error.errors[0]);
  return { message: error.message, code: 'code' in error ? String(error.code) : '' };
}
