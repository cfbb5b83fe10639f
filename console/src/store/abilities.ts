// What the user may do in a namespace, where their rights are not everywhere the same: asked when a
// control is about that namespace, and remembered for a minute.
import { useEffect, useSyncExternalStore } from 'react';
import { get } from '../api/client.ts';
import type { Abilities, Ability, NamespaceAbilities, Session } from '../api/types.ts';
import { browserClock } from '../base/clock.ts';
import { Cell } from './feed-state.ts';
import { useSession } from './hooks.ts';

const REMEMBERED_MS = 60_000;
const NAMESPACES_MAX = 200;
/** What is typed is no namespace yet at each letter. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

type Known = { readonly answer: Cell<Abilities | undefined>; askedMs: number };

const known = new Map<string, Known>();

function knownOf(namespace: string): Known {
  const found = known.get(namespace);
  if (found) return found;
  const fresh = { answer: new Cell<Abilities | undefined>(undefined), askedMs: -Infinity };
  known.set(namespace, fresh);
  const [eldest] = known.keys();
  if (known.size > NAMESPACES_MAX && eldest !== undefined) known.delete(eldest);
  return fresh;
}

function ask(namespace: string): void {
  const one = knownOf(namespace);
  const nowMs = browserClock.nowMs();
  if (nowMs - one.askedMs < REMEMBERED_MS) return;
  one.askedMs = nowMs;
  const query = new URLSearchParams({ namespace });
  get<NamespaceAbilities>(`/api/v1/session/can?${query}`).then(
    ({ can }) => one.answer.set(can),
    () => {
      one.askedMs = -Infinity; // the last answer stays; whoever looks next asks again
    },
  );
}

const NOTHING = new Cell<Abilities | undefined>(undefined);

/** Is there a namespace, maybe, in which they may do what they may not do everywhere? */
const hasMore = ({ can, canSomewhere }: Session): boolean =>
  Object.entries(canSomewhere).some(([ability, isAny]) => isAny && !Object(can)[ability]);

export type Allowed = {
  readonly can: Abilities;
  /** Why not, in a sentence; empty: they may. */
  readonly reasonAgainst: (ability: Ability) => string;
};

/** @param namespace empty: anywhere at all; a reason then holds for all namespaces */
export function useAllowed(namespace: string): Allowed {
  const session = useSession();
  const isAsked = NAMESPACE.test(namespace) && hasMore(session);
  useEffect(() => {
    if (isAsked) ask(namespace);
  }, [isAsked, namespace]);
  const cell = isAsked ? knownOf(namespace).answer : NOTHING;
  const answer = useSyncExternalStore(cell.subscribe, cell.get);
  const can = namespace === '' ? session.canSomewhere : (answer ?? session.can);
  return {
    can,
    reasonAgainst: (ability) => {
      if (can[ability]) return '';
      if (isAsked && answer === undefined) return `Asking what you may do in ${namespace} …`;
      return reasonAgainst(session, ability, isAsked ? namespace : '');
    },
  };
}

const NEEDED: Readonly<Record<Ability, string>> = {
  probe: 'probing needs the right to create proxies/probe',
  join: 'inviting a VM needs the right to create joins',
  policies: 'writing policies needs the right to it',
  proxy: 'it needs the right to get proxies/config',
  logs: 'it needs the right to get proxies/logs',
};
const WRITTEN: ReadonlySet<Ability> = new Set<Ability>(['join', 'policies']);

function reasonAgainst(
  { role, readOnlyReason }: Session,
  ability: Ability,
  namespace: string,
): string {
  if (readOnlyReason !== '' && WRITTEN.has(ability)) return `${readOnlyReason}.`;
  if (namespace === '') return `You are a ${role}; ${NEEDED[ability]}.`;
  return `In ${namespace}, ${NEEDED[ability]}.`;
}
