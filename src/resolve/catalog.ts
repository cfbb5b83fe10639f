// The mesh as what proxies ask for: each resource that somebody holds is kept up to date, made once
// for all who share it, and nothing else is made at all.
//
//   held (who asks for what) → plans (what it means to them) → recipes → resources
//
// Every arrow is a derivation of the mesh's graph. So a change makes just those plans and resources
// again that have read what changed, and a resource whose bytes come out the same is no change.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { Collection } from '#model/collection.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Source } from '#model/source.ts';
import type { EncodedResource, ResourceCatalog, ResourceKey } from '#xds/catalog.ts';
import type { Client } from './client.ts';
import { parseClientKey } from './client.ts';
import { CLIENT_CLASS, demandKey, wildcardKey } from './demand.ts';
import type { Demand, WildcardDemand } from './demand.ts';
import { isSameResource } from './encode.ts';
import { GatewayTables } from './gateway-table.ts';
import { createHostLookup } from './host-lookup.ts';
import { Maker } from './make.ts';
import { TYPE_URL } from './names.ts';
import { Planner } from './plan.ts';
import type { Plan } from './plan.ts';
import { isKnownRecipe } from './recipe.ts';
import type { Recipe } from './recipe.ts';
import { standInFor } from './stand-in.ts';

const NO_NAMES: readonly string[] = [];

export class MeshCatalog implements ResourceCatalog<WorkloadIdentity> {
  readonly #mesh: Mesh;
  readonly #holders = new Map<ResourceKey, number>();
  readonly #held: Source<Demand>;
  readonly #heldWildcards: Source<WildcardDemand>;
  readonly #plans: Collection<Plan>;
  readonly #answers: Collection<EncodedResource>;
  readonly #wildcards: Collection<readonly string[]>;
  readonly #listeners = new Set<(changed: ReadonlySet<ResourceKey>) => void>();
  /** What changed in commits, whoever made them, since listeners were told last. */
  #changed = new Set<ResourceKey>();

  /** Adds its collections to the mesh's graph: made after those that it reads. */
  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    const { graph } = mesh;
    const serviceOf = createHostLookup(mesh);
    const tables = new GatewayTables(mesh, serviceOf);
    this.#held = graph.source<Demand>('xds demands');
    this.#heldWildcards = graph.source<WildcardDemand>('xds wildcard demands');
    const namespaces = graph.index('xds namespaces', this.#heldWildcards, ({ typeUrl, proxy }) =>
      typeUrl === TYPE_URL.listener ? [proxy.namespace] : [],
    );
    const planner = new Planner(mesh, { serviceOf, tables, namespaces });
    const maker = new Maker(mesh, { serviceOf, tables });
    this.#plans = graph.derive(
      'xds plans',
      this.#held,
      (demand) => planner.plan(demand),
      (a, b) => a.recipeKey === b.recipeKey,
    );
    const byRecipe = graph.index('xds plans by recipe', this.#plans, ({ recipeKey }) => [
      recipeKey,
    ]);
    // who shares a recipe changes its index entry; only whether anybody does is of interest
    const needed = graph.derive('xds recipes', byRecipe, () => true as const);
    const resources = graph.derive(
      'xds resources',
      needed,
      (_, recipeKey) => maker.make(parseRecipe(recipeKey)),
      isSameResource,
    );
    this.#answers = graph.derive(
      'xds answers',
      this.#plans,
      ({ recipeKey }) => resources.get(recipeKey),
      isSameResource,
    );
    this.#wildcards = graph.derive(
      'xds wildcards',
      this.#heldWildcards,
      (demand) => planner.wildcardNames(demand),
      (a, b) => a.join(' ') === b.join(' '),
    );
    this.#answers.follow((key) => this.#changed.add(key));
    this.#wildcards.follow((key) => this.#changed.add(key));
  }

  acquire(proxy: WorkloadIdentity, typeUrl: string, name: string): ResourceKey {
    const demand = this.#demandOf(proxy, typeUrl, name);
    const key = demandKey(demand);
    if (this.#hold(key)) this.#held.set(key, demand);
    return key;
  }

  acquireWildcard(proxy: WorkloadIdentity, typeUrl: string): ResourceKey {
    const demand = { typeUrl, proxy };
    const key = wildcardKey(demand);
    if (this.#hold(key)) this.#heldWildcards.set(key, demand);
    return key;
  }

  acquireClass(proxy: WorkloadIdentity): ResourceKey {
    return this.acquireWildcard(proxy, CLIENT_CLASS);
  }

  keyOf(proxy: WorkloadIdentity, typeUrl: string, name: string): ResourceKey {
    return demandKey(this.#demandOf(proxy, typeUrl, name));
  }

  release(key: ResourceKey): void {
    const count = this.#holders.get(key) ?? 0;
    if (count === 0) throw new Error(`${key} is released more often than it was acquired`);
    if (count > 1) {
      this.#holders.set(key, count - 1);
      return;
    }
    this.#holders.delete(key);
    this.#held.delete(key);
    this.#heldWildcards.delete(key);
  }

  settle(): void {
    this.#mesh.graph.commit();
    if (this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }

  lookup(key: ResourceKey): EncodedResource | undefined {
    const answer = this.#answers.get(key);
    if (answer !== undefined) return answer;
    // Not even a bug of ours may leave a destination without an answer: Envoy would not ask again.
    const { typeUrl, name } = this.#held.get(key) ?? {};
    return typeUrl !== undefined && name !== undefined ? standInFor(typeUrl, name) : undefined;
  }

  wildcardNames(key: ResourceKey): readonly string[] {
    return this.#wildcards.get(key) ?? NO_NAMES;
  }

  onChange(listener: (changed: ReadonlySet<ResourceKey>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  isKnown(key: ResourceKey): boolean {
    const plan = this.#plans.get(key);
    return plan !== undefined && isKnownRecipe(plan.recipe);
  }

  /** How many resources are held, each counted once however many hold it. For metrics. */
  get size(): number {
    return this.#holders.size;
  }

  #demandOf(proxy: WorkloadIdentity, typeUrl: string, name: string): Demand {
    return { typeUrl, name, proxy, client: this.#clientOf(proxy) };
  }

  /** As told to whoever holds the proxy's class, or, when nobody does yet, as it is now. */
  #clientOf(proxy: WorkloadIdentity): Client {
    const [told] = this.wildcardNames(wildcardKey({ typeUrl: CLIENT_CLASS, proxy }));
    return told === undefined ? this.#mesh.clientOf(proxy) : parseClientKey(told);
  }

  /** @returns whether nobody held the key before */
  #hold(key: ResourceKey): boolean {
    const count = this.#holders.get(key) ?? 0;
    this.#holders.set(key, count + 1);
    return count === 0;
  }
}

function parseRecipe(recipeKey: string): Recipe {
  const recipe: Recipe = JSON.parse(recipeKey); // written by the planner a moment ago
  return recipe;
}
