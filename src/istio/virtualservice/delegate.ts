// A root VirtualService's route that leaves the rest to a delegate: what the two mean together, as
// Istio merges them (istio.io/istio pilot/pkg/model/virtualservice.go).
import type { HttpMatch, HttpRoute, StringMatch } from './http-schema.ts';

/**
 * The delegate's routes within the root's: what the delegate does not say is as the root says. A
 * route that would take requests that the root's does not is left out.
 */
export function mergeDelegate(
  root: HttpRoute,
  delegated: readonly HttpRoute[],
): readonly HttpRoute[] {
  const { delegate: _, ...said } = root;
  return delegated.flatMap((route) => {
    const match = mergeMatches(root.match ?? [], route.match ?? []);
    if (match === undefined) return [];
    return [{ ...said, ...route, name: joined(root.name, route.name), match: [...match] }];
  });
}

function joined(root = '', own = ''): string {
  return root !== '' && own !== '' ? `${root}-${own}` : own || root;
}

/** undefined: some match of the delegate is within none of the root's. */
function mergeMatches(
  roots: readonly HttpMatch[],
  own: readonly HttpMatch[],
): readonly HttpMatch[] | undefined {
  if (roots.length === 0) return own;
  if (own.length === 0) return roots;
  const merged = own.map((one) =>
    roots.filter((root) => isWithin(one, root)).map((root) => mergeMatch(root, one)),
  );
  return merged.some((matches) => matches.length === 0) ? undefined : merged.flat();
}

function mergeMatch(root: HttpMatch, own: HttpMatch): HttpMatch {
  const { port = 0, sourceNamespace = '', gateways = [], statPrefix = '' } = own;
  return {
    ...root,
    ...own,
    name: joined(root.name, own.name),
    headers: { ...root.headers, ...own.headers },
    withoutHeaders: { ...root.withoutHeaders, ...own.withoutHeaders },
    queryParams: { ...root.queryParams, ...own.queryParams },
    sourceLabels: { ...root.sourceLabels, ...own.sourceLabels },
    port: port === 0 ? (root.port ?? 0) : port,
    sourceNamespace: sourceNamespace === '' ? (root.sourceNamespace ?? '') : sourceNamespace,
    gateways: gateways.length === 0 ? (root.gateways ?? []) : gateways,
    statPrefix: statPrefix === '' ? (root.statPrefix ?? '') : statPrefix,
  };
}

/** Does no field ask for anything that the root's excludes? */
function isWithin(own: HttpMatch, root: HttpMatch): boolean {
  const areStringsWithin = (['uri', 'scheme', 'method', 'authority'] as const).every((name) =>
    isStringWithin(own[name], root[name]),
  );
  const areMapsWithin = (['headers', 'withoutHeaders', 'queryParams'] as const).every((name) =>
    Object.entries(own[name] ?? {}).every(([key, value]) =>
      isStringWithin(value, root[name]?.[key]),
    ),
  );
  const { port = 0, sourceNamespace = '', sourceLabels = {}, gateways = [] } = root;
  return (
    areStringsWithin &&
    areMapsWithin &&
    (own.ignoreUriCase ?? false) === (root.ignoreUriCase ?? false) &&
    (port === 0 || (own.port ?? 0) === 0 || own.port === port) &&
    (sourceNamespace === '' || own.sourceNamespace === sourceNamespace) &&
    Object.entries(own.sourceLabels ?? {}).every(
      ([name, value]) => (sourceLabels[name] ?? value) === value,
    ) &&
    (gateways.length === 0 || (own.gateways ?? []).every((name) => gateways.includes(name)))
  );
}

/** Expressions are not compared: with one on either side nothing may be said on the other. */
function isStringWithin(own: StringMatch | undefined, root: StringMatch | undefined): boolean {
  if (root === undefined || own === undefined) return true;
  if (root.regex !== undefined || own.regex !== undefined) return false;
  if (root.exact !== undefined) return own.exact === root.exact;
  if (root.prefix === undefined) return false;
  return (own.exact ?? own.prefix ?? '').startsWith(root.prefix);
}
