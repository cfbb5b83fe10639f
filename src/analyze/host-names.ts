// Hosts with wildcards, compared as Istio does (pkg/config/host).

/** Have the two a host in common? `*` stands for anything at the beginning. */
export function matchesHost(a: string, b: string): boolean {
  const [tailA, tailB] = [tailOf(a), tailOf(b)];
  if (tailA === undefined && tailB === undefined) return a === b;
  if (tailA === undefined) return a.endsWith(tailB ?? '');
  if (tailB === undefined) return b.endsWith(tailA);
  return a.length < b.length ? tailB.endsWith(tailA) : tailA.endsWith(tailB);
}

/** What follows the `*`; undefined for a host that is one. */
const tailOf = (host: string): string | undefined =>
  host.startsWith('*') ? host.slice(1) : undefined;
