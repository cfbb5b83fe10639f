// What a policy in shadow would have refused: the data plane counts it, and its agents are asked.
import type { Mesh } from '#model/mesh.ts';
import { AgentRequestError, askOnce, type AgentSessions } from '../agents/agents.ts';
import { policyType } from '#reach/policy-types.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import type { PolicyClient } from './keeper.ts';
import { shadowName } from './objects.ts';
import type { PolicyRecord } from './store.ts';
import { targetsOf } from './targets.ts';

export type ShadowCountParts = {
  readonly mesh: Mesh;
  readonly agents: Pick<AgentSessions, 'ask' | 'session'>;
  readonly client: PolicyClient;
  readonly clock: Clock;
};

/** Of connections and of requests, by the prefixes of `resolve/rbac-rules.ts`. */
const SHADOW_DENIED = 'istio_dry_run_(allow|deny)_[.]?shadow_denied$';
/** Machines that are asked at most; of more the count is a part. */
const ASKED_MAX = 20;
const ANSWER_LIMIT_MS = 2000;

/** Counters of the data plane run on: what they were when a shadow began is taken away. */
export class ShadowCount {
  readonly #parts: ShadowCountParts;
  /** By the record's key and beginning, then by agent. */
  readonly #begun = new Map<string, Map<string, number>>();

  constructor(parts: ShadowCountParts) {
    this.#parts = parts;
  }

  /** Since the shadow began, or since it was first asked for; null: nobody answers. */
  async of(record: PolicyRecord): Promise<number | null> {
    const now = await this.#counters(record);
    if (now.size === 0) return null;
    const key = `${record.ref.kind}/${record.ref.namespace}/${record.ref.name}@${record.atMs}`;
    const begun = this.#begun.get(key) ?? new Map<string, number>();
    this.#begun.set(key, begun);
    const [eldest] = this.#begun.keys();
    if (this.#begun.size > SHADOWS_MAX && eldest !== undefined) this.#begun.delete(eldest);
    let sum = 0;
    for (const [agent, count] of now) {
      const before = begun.get(agent);
      if (before === undefined || before > count) begun.set(agent, count);
      sum += count - (begun.get(agent) ?? count);
    }
    return sum;
  }

  async #counters(record: PolicyRecord): Promise<ReadonlyMap<string, number>> {
    const { mesh, agents, client, clock } = this.#parts;
    const { ref, by } = record;
    const type = policyType(ref.kind);
    if (type === undefined) return new Map();
    const as = client.as({ ...by, uid: '', extra: {} });
    const shadow = await as
      .get(type, { ...ref, name: shadowName(ref.name) })
      .catch(() => undefined);
    const targets = shadow ? targetsOf(mesh, { ...shadow, kind: ref.kind }) : [];
    const asked = targets.filter(({ key }) => agents.session(key)).slice(0, ASKED_MAX);
    const limits = { what: 'counting', limitMs: ANSWER_LIMIT_MS, clock };
    const counts = await Promise.all(
      asked.map(async ({ key }): Promise<readonly [string, number] | undefined> => {
        try {
          const { stats } = await withDeadline(limits, (signal) =>
            askOnce(
              agents,
              key,
              { kind: 'stats', filter: SHADOW_DENIED },
              {
                signal,
                by: 'system:isthmusd',
              },
            ),
          );
          return [key, Object.values(stats).reduce((sum, value) => sum + value, 0)];
        } catch (error) {
          const isNoAnswer = error instanceof AgentRequestError || error instanceof DOMException;
          if (isNoAnswer) return undefined;
          throw error;
        }
      }),
    );
    return new Map(counts.filter((one) => one !== undefined));
  }
}

const SHADOWS_MAX = 200;
