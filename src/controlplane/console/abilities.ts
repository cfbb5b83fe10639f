// What a user may do in the console: everywhere, or in one namespace. Kubernetes decides; this only
// tells the page which of its controls would work.
import type { Abilities, Ability } from '#api/session.ts';
import type { Clock } from '#base/clock.ts';
import type { KubeClient } from '#kube/client.ts';
import { NAMESPACE } from '#kube/resources.ts';
import type { KubeUser } from '#kube/user.ts';
import { actingAs, type ActingRules } from '../acting.ts';
import type { AccessReviews } from './access.ts';
import type { Right } from './route.ts';

export type AbilityParts = {
  readonly access: AccessReviews;
  readonly client: Pick<KubeClient, 'list'>;
  readonly clock: Clock;
  readonly acting: ActingRules;
};

const RIGHTS: Readonly<Record<Exclude<Ability, 'policies'>, Right>> = {
  probe: { verb: 'create', resource: 'proxies/probe' },
  join: { verb: 'create', resource: 'joins' },
  proxy: { verb: 'get', resource: 'proxies/config' },
  logs: { verb: 'get', resource: 'proxies/logs' },
};
/** A question about one kind stands for all: each write is decided for itself. */
const POLICIES = { verb: 'create', group: 'security.istio.io', resource: 'authorizationpolicies' };
const ALL: readonly Ability[] = ['probe', 'join', 'policies', 'proxy', 'logs'];
/** Done in the user's own name, and so not for everybody. */
const WRITTEN: ReadonlySet<Ability> = new Set(['join', 'policies']);

/** Of more namespaces, what can be done in none of the first is offered all the same. */
const NAMESPACES_MAX = 64;
const AT_ONCE = 8;
const REMEMBERED_MS = 30_000;

export class AbilityReviews {
  readonly #parts: AbilityParts;
  #namespaces: { readonly names: Promise<readonly string[]>; readonly untilMs: number } | undefined;

  constructor(parts: AbilityParts) {
    this.#parts = parts;
  }

  /** Why nothing is written in this user's name; empty: it is. */
  readOnlyReason(user: KubeUser): string {
    const acting = actingAs(user, this.#parts.acting);
    return acting.ok ? '' : acting.problem;
  }

  /**
   * @param namespace empty: everywhere
   * @throws OperatorError API_SERVER_UNREACHABLE, KubeStatusError
   */
  async in(user: KubeUser, namespace: string): Promise<Abilities> {
    const asked = ALL.map(async (ability) => {
      return [ability, await this.#may(user, ability, namespace)] as const;
    });
    return abilitiesOf(await Promise.all(asked));
  }

  /**
   * In any namespace at all: is there anything to offer?
   *
   * @param everywhere what `in` has said of all namespaces together
   * @throws OperatorError API_SERVER_UNREACHABLE, KubeStatusError
   */
  async somewhere(user: KubeUser, everywhere: Abilities): Promise<Abilities> {
    const asked = ALL.map(async (ability) => {
      return [ability, everywhere[ability] || (await this.#anywhere(user, ability))] as const;
    });
    return abilitiesOf(await Promise.all(asked));
  }

  async #may(user: KubeUser, ability: Ability, namespace: string): Promise<boolean> {
    const { access } = this.#parts;
    const acting = actingAs(user, this.#parts.acting);
    if (WRITTEN.has(ability) && !acting.ok) return false;
    if (ability !== 'policies') return await access.may(user, RIGHTS[ability], namespace);
    return acting.ok && (await access.ask(acting.user, { ...POLICIES, namespace }));
  }

  async #anywhere(user: KubeUser, ability: Ability): Promise<boolean> {
    if (WRITTEN.has(ability) && this.readOnlyReason(user) !== '') return false;
    const names = await this.#names();
    for (let at = 0; at < Math.min(names.length, NAMESPACES_MAX); at += AT_ONCE) {
      const some = names.slice(at, Math.min(at + AT_ONCE, NAMESPACES_MAX));
      const answers = await Promise.all(some.map((name) => this.#may(user, ability, name)));
      if (answers.includes(true)) return true;
    }
    return names.length > NAMESPACES_MAX;
  }

  async #names(): Promise<readonly string[]> {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#namespaces && this.#namespaces.untilMs > nowMs) return await this.#namespaces.names;
    const names = this.#parts.client
      .list(NAMESPACE)
      .then(({ items }) => items.map(({ metadata }) => metadata.name));
    const remembered = { names, untilMs: nowMs + REMEMBERED_MS };
    this.#namespaces = remembered;
    try {
      return await names;
    } catch (error) {
      if (this.#namespaces === remembered) this.#namespaces = undefined;
      throw error;
    }
  }
}

function abilitiesOf(found: readonly (readonly [Ability, boolean])[]): Abilities {
  const of = (ability: Ability): boolean =>
    found.some(([one, isAllowed]) => one === ability && isAllowed);
  return {
    probe: of('probe'),
    join: of('join'),
    policies: of('policies'),
    proxy: of('proxy'),
    logs: of('logs'),
  };
}
