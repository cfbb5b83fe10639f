// Who owns an address: the one, total order of claims to it.
//
// 1. A Service whose clusterIP it is.
// 2. A node whose address it is.
// 3. A Pod that has it: for a headless service of the Pod's own namespace, or for itself.
// 4. A ServiceEntry that lists it.
// 5. A headless service with an endpoint there.
// 6. A WorkloadEntry of the client's namespace that has it.
// 7. A ServiceEntry with a range around it, the narrowest first.
//
// Within one rank: the client's namespace before others, older before newer, then by
// `namespace/name`. So nobody can take an address of a Service, node or Pod by writing about it,
// and what somebody else writes later changes nothing. A claim of the first three ranks holds also
// where the client may not see its service: the address then means nothing to that client, rather
// than what the next in line would have it mean.
import { compareText } from './services.ts';

export const RANK = {
  clusterIp: 1,
  node: 2,
  pod: 3,
  serviceEntry: 4,
  headless: 5,
  workloadEntry: 6,
  range: 7,
} as const;

export type Claim<Owner> = {
  readonly rank: (typeof RANK)[keyof typeof RANK];
  /** Of a range: how many bits of the address it fixes. 0 otherwise. */
  readonly prefixLength: number;
  readonly isOfClientNamespace: boolean;
  readonly createdAtMs: number;
  /** Unique among the claims of a rank to an address: `namespace/name`, `namespace/host`. */
  readonly key: string;
  /** Undefined: the address means nothing to this client. */
  readonly owner: Owner | undefined;
};

/** Negative when `a` comes before `b`; 0 for one and the same claim only. */
export function compareClaims(a: Claim<unknown>, b: Claim<unknown>): number {
  return (
    a.rank - b.rank ||
    b.prefixLength - a.prefixLength ||
    Number(b.isOfClientNamespace) - Number(a.isOfClientNamespace) ||
    a.createdAtMs - b.createdAtMs ||
    compareText(a.key, b.key)
  );
}
