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
import type {
  DestinationRule,
  Subset,
  TrafficPolicy,
} from '#istio/destinationrule/destination-rule.ts';
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { isVisibleTo, visibilityOf } from './service.ts';
import type { MeshService, Visibility } from './service.ts';
import { compareAge, compareText } from './services.ts';

/** What the rules of one host say together. */
export type DestinationPolicy = {
  readonly policy: TrafficPolicy | undefined;
  /** Each name once. */
  readonly subsets: readonly Subset[];
};

/** Undefined: no rule is about it. */
export type DestinationRuleFor = (
  clientNamespace: string,
  service: Pick<MeshService, 'namespace' | 'host'>,
) => DestinationPolicy | undefined;

/** Rules that are looked at together: for clients in there, elsewhere too, only in there. */
type Pool = 'local' | 'exported' | 'private';

/** @param options.rootNamespace where the rules of the whole mesh are (MeshConfig), tracked */
export function deriveDestinationRules(
  graph: Graph,
  rules: Collection<DestinationRule>,
  options: {
    readonly fullHost: (host: string, namespace: string) => string;
    readonly rootNamespace: () => string;
  },
): DestinationRuleFor {
  const { fullHost, rootNamespace } = options;
  const places = (rule: DestinationRule): readonly string[] =>
    poolsOf(rule).map((pool) => `${pool} ${rule.namespace}`);
  const byHost = graph.index('DestinationRules by host', rules, (rule) =>
    places(rule).map((place) => `${place} ${fullHost(rule.host, rule.namespace)}`),
  );
  const withWildcards = graph.index('DestinationRules with wildcards', rules, (rule) =>
    rule.host.startsWith('*') ? places(rule) : [],
  );
  // Apart from the rules, so that only a wildcard that comes or goes is of interest to everybody.
  const wildcards = graph.derive(
    'wildcards of DestinationRules',
    withWildcards,
    (_, place) => {
      const found = membersOf(withWildcards, place).flatMap((key) => rules.get(key)?.host ?? []);
      return [...new Set(found)].toSorted((a, b) => b.length - a.length || compareText(a, b));
    },
    equalData,
  );
  const find = new Finder({ rules, byHost, wildcards });
  return (clientNamespace, service) => {
    const root = rootNamespace();
    const own: Pool = clientNamespace === root ? 'private' : 'local';
    const places: readonly (readonly [Pool, string])[] = [
      [own, clientNamespace],
      ['exported', service.namespace],
      ['exported', root],
    ];
    for (const [pool, namespace] of places) {
      const found = find.visible(`${pool} ${namespace}`, service.host, clientNamespace);
      if (found.length > 0) return merge(found);
    }
    return undefined;
  };
}

/** A rule for some clients only is nobody's yet. */
function poolsOf(rule: DestinationRule): readonly Pool[] {
  const { namespace } = rule;
  if (rule.hasSelector) return [];
  const visibility = visibleIn(rule);
  if (visibility === 'all') return ['local', 'exported'];
  if (!visibility.includes(namespace)) return ['exported'];
  return visibility.length === 1 ? ['local', 'private'] : ['local', 'exported'];
}

const visibleIn = ({ exportTo, namespace }: DestinationRule): Visibility =>
  exportTo.length === 0 ? 'all' : visibilityOf(exportTo, namespace);

class Finder {
  readonly #rules: Collection<DestinationRule>;
  readonly #byHost: Index;
  readonly #wildcards: Collection<readonly string[]>;

  constructor(model: {
    readonly rules: Collection<DestinationRule>;
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
      .filter((rule) => isVisibleTo(visibleIn(rule), clientNamespace))
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

function merge(oldestFirst: readonly DestinationRule[]): DestinationPolicy {
  const subsets = new Map<string, Subset>();
  for (const subset of oldestFirst.flatMap((rule) => rule.subsets)) {
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  }
  return {
    policy: oldestFirst.find(({ policy }) => policy !== undefined)?.policy,
    subsets: [...subsets.values()],
  };
}
