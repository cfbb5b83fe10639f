// Hosts with wildcards: which is within which (istio.io/istio pkg/config/host).

/** Is every host that the first means also meant by the second? `*` means any. */
export function isHostWithin(host: string, wider: string): boolean {
  if (!wider.startsWith('*')) return host === wider;
  const suffix = wider.slice(1);
  return host.startsWith('*') ? host.slice(1).endsWith(suffix) : host.endsWith(suffix);
}

/** What both lists mean: of each two that have something in common, the narrower. */
export function commonHosts(a: readonly string[], b: readonly string[]): readonly string[] {
  const common = a.flatMap((one) =>
    b.flatMap((other) => {
      if (isHostWithin(one, other)) return [one];
      return isHostWithin(other, one) ? [other] : [];
    }),
  );
  return [...new Set(common)];
}
