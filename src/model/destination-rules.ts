// Which DestinationRule speaks for a service to the clients of a namespace: Istio's order, exactly.
//
// 1. A rule of the client's own namespace, exported or not; of the root namespace's only those
//    that are for that namespace alone, when the client is in there.
// 2. A rule that the service's namespace exports.
// 3. A rule that the root namespace exports.
//
// Within each place the most specific host decides, and if its rules are not for this client, none
// of that place is. Rules of one host in one place are one: the oldest that has a policy gives it,
// subsets are united by name, the oldest first. Nothing is inherited from one place by another.
//
// A rule with a workloadSelector is for those clients of its own namespace alone. Rules of equal
// selectors are one, apart from the others; the first that selects the client speaks for the host,
// and the rules without a selector for all other clients.
import type { DestinationRule, Subset } from '#istio/destinationrule/destination-rule.ts';
import type { TrafficPolicy } from '#istio/destinationrule/traffic-policy.ts';
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { isVisibleTo, visibilityOf } from './service.ts';
import type { MeshService, Visibility } from './service.ts';
import { compareAge, compareText } from './services.ts';
import { hasLabels } from './workload.ts';

/** What the rules of one host say together. */
export type DestinationPolicy = {
  readonly policy: TrafficPolicy | undefined;
  /** The rule that says the policy. */
  readonly policyOf?: { readonly namespace: string; readonly name: string } | undefined;
  /** Each name once. */
  readonly subsets: readonly Subset[];
};

/**
 * Undefined: no rule is about it.
 *
 * @param labels of the client, for rules that are for some of the namespace's workloads only
 */
export type DestinationRuleFor = (
  clientNamespace: string,
  service: Pick<MeshService, 'namespace' | 'host'>,
  labels?: Labels,
) => DestinationPolicy | undefined;

type Labels = Readonly<Record<string, string>>;

/** A rule, and for whose clients it is. */
type Exported = { readonly rule: DestinationRule; readonly visibility: Visibility };

/** Rules that are looked at together: for clients in there, elsewhere too, only in there. */
type Pool = 'local' | 'exported' | 'private';

/**
 * @param options.rootNamespace where the rules of the whole mesh are (MeshConfig), tracked
 * @param options.defaultExportTo of rules that do not say (MeshConfig), tracked
 */
export function deriveDestinationRules(
  graph: Graph,
  written: Collection<DestinationRule>,
  options: {
    readonly fullHost: (host: string, namespace: string) => string;
    readonly rootNamespace: () => string;
    readonly defaultExportTo: () => readonly string[];
  },
): DestinationRuleFor {
  const { fullHost, rootNamespace, defaultExportTo } = options;
  const rules = graph.derive<DestinationRule, Exported>(
    'DestinationRules exported',
    written,
    (rule) => {
      const exportTo = rule.exportTo.length > 0 ? rule.exportTo : defaultExportTo();
      return { rule, visibility: visibilityOf(exportTo, rule.namespace) };
    },
  );
  const places = (exported: Exported): readonly string[] =>
    poolsOf(exported).map((pool) => `${pool} ${exported.rule.namespace}`);
  const byHost = graph.index('DestinationRules by host', rules, (exported) => {
    const { host, namespace } = exported.rule;
    return places(exported).map((place) => `${place} ${fullHost(host, namespace)}`);
  });
  const withWildcards = graph.index('DestinationRules with wildcards', rules, (exported) =>
    exported.rule.host.startsWith('*') ? places(exported) : [],
  );
  // Apart from the rules, so that only a wildcard that comes or goes is of interest to everybody.
  const wildcards = graph.derive(
    'wildcards of DestinationRules',
    withWildcards,
    (_, place) => {
      const hosts = membersOf(withWildcards, place).flatMap(
        (key) => rules.get(key)?.rule.host ?? [],
      );
      return [...new Set(hosts)].toSorted((a, b) => b.length - a.length || compareText(a, b));
    },
    equalData,
  );
  const find = new Finder({ rules, byHost, wildcards });
  return (clientNamespace, service, labels = NO_LABELS) => {
    const root = rootNamespace();
    const own: Pool = clientNamespace === root ? 'private' : 'local';
    const places: readonly (readonly [Pool, string])[] = [
      [own, clientNamespace],
      ['exported', service.namespace],
      ['exported', root],
    ];
    for (const [pool, namespace] of places) {
      const found = find.visible(`${pool} ${namespace}`, service.host, clientNamespace);
      if (found.length > 0) return merge(forClient(found, labels));
    }
    return undefined;
  };
}

const NO_LABELS: Labels = {};

/** A rule for some clients only is for its own namespace. */
function poolsOf({ rule, visibility }: Exported): readonly Pool[] {
  const { namespace, selector } = rule;
  const isPrivate = visibility !== 'all' && visibility.length === 1;
  const isOwn = visibility === 'all' || visibility.includes(namespace);
  if (selector !== undefined) return isOwn ? ['local', ...(isPrivate ? PRIVATE : [])] : [];
  if (!isOwn) return ['exported'];
  return isPrivate ? ['local', 'private'] : ['local', 'exported'];
}

const PRIVATE: readonly Pool[] = ['private'];

/** Of the rules of a host those that speak to the client together. */
function forClient(
  oldestFirst: readonly DestinationRule[],
  labels: Labels,
): readonly DestinationRule[] {
  const meant = oldestFirst.find(({ selector }) => selector && hasLabels(labels, selector));
  const wanted = meant && selectorKey(meant);
  return oldestFirst.filter((rule) => selectorKey(rule) === wanted);
}

function selectorKey({ selector }: DestinationRule): string | undefined {
  const pairs = selector && Object.entries(selector).toSorted(([a], [b]) => compareText(a, b));
  return pairs && JSON.stringify(pairs);
}

class Finder {
  readonly #rules: Collection<Exported>;
  readonly #byHost: Index;
  readonly #wildcards: Collection<readonly string[]>;

  constructor(model: {
    readonly rules: Collection<Exported>;
    readonly byHost: Index;
    /** The longest first. */
    readonly wildcards: Collection<readonly string[]>;
  }) {
    this.#rules = model.rules;
    this.#byHost = model.byHost;
    this.#wildcards = model.wildcards;
  }

  /** The rules of the most specific host, the oldest first, that are for these clients. */
  visible(place: string, host: string, clientNamespace: string): readonly DestinationRule[] {
    const rules = this.#mostSpecific(place, host).flatMap((key) => this.#rules.get(key) ?? []);
    return rules
      .filter(({ visibility }) => isVisibleTo(visibility, clientNamespace))
      .map(({ rule }) => rule)
      .toSorted(compareAge);
  }

  #mostSpecific(place: string, host: string): readonly string[] {
    const exact = membersOf(this.#byHost, `${place} ${host}`);
    if (exact.length > 0) return exact;
    // A service's own wildcard is only matched by a wider one.
    const needle = host.startsWith('*') ? host.slice(1) : host;
    const wildcard = (this.#wildcards.get(place) ?? []).find((it) => needle.endsWith(it.slice(1)));
    return wildcard === undefined ? [] : membersOf(this.#byHost, `${place} ${wildcard}`);
  }
}

/** Undefined: there are rules of the host, and all of them are for other clients. */
function merge(oldestFirst: readonly DestinationRule[]): DestinationPolicy | undefined {
  if (oldestFirst.length === 0) return undefined;
  const subsets = new Map<string, Subset>();
  for (const subset of oldestFirst.flatMap((rule) => rule.subsets)) {
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  }
  const said = oldestFirst.find(({ policy }) => policy !== undefined);
  return {
    policy: said?.policy,
    policyOf: said && { namespace: said.namespace, name: said.name },
    subsets: [...subsets.values()],
  };
}
