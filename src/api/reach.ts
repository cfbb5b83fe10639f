// Can A reach B, and why (not)? `POST /api/v1/reach`.

export const REACH_STEPS = [
  'name',
  'capture',
  'listener',
  'route',
  'endpoints',
  'network',
  'tls',
  'identity',
  'authorization',
  'port',
  'application',
] as const;

export type ReachStepName = (typeof REACH_STEPS)[number];

export type ReachRequest = {
  /** A workload as the map names it, or as people do (`inventory.library`). */
  readonly from: string;
  /** A workload, a service's name or host, or an address. */
  readonly to: string;
  /** 0: the only port of what is meant. */
  readonly port: number;
  /** Open real connections to find out; needs the right to probe. */
  readonly isProbing: boolean;
};

export type ReachStep = {
  readonly name: ReachStepName;
  readonly verdict: 'passed' | 'failed' | 'unknown' | 'not-reached';
  /** What the answer rests on. */
  readonly source: 'observed' | 'probed' | 'configured';
  /** One sentence. */
  readonly summary: string;
  readonly evidence: readonly string[];
  /** The object that decided, where one did. */
  readonly object: { kind: string; namespace: string; name: string } | null;
  readonly fix: ReachFix | null;
};

/** The smallest change that would mend the step. */
export type ReachFix = {
  readonly text: string;
  /** For a shell; empty: there is none. */
  readonly command: string;
  /** The same in the words of several tools, of which one is yours; absent: there is one. */
  readonly commands?: readonly { readonly label: string; readonly command: string }[];
  /** An object to apply, as YAML; empty: none. */
  readonly yaml: string;
};

export type ReachBack = Pick<
  ReachResult,
  'from' | 'to' | 'port' | 'verdict' | 'summary' | 'command'
>;

export type ReachResult = {
  readonly from: string;
  readonly to: string;
  readonly host: string;
  readonly port: number;
  readonly verdict: 'can' | 'cannot' | 'unknown';
  /** `Cannot connect — stopped at step 6 of 11: Network.` */
  readonly summary: string;
  /** Why A can, for those who ask that: as whom, encrypted by what, allowed by what. Empty else. */
  readonly because?: string;
  readonly steps: readonly ReachStep[];
  readonly atMs: number;
  /** The same question for a shell. */
  readonly command: string;
  /**
   * From the server to the client, where that ends otherwise: as far as resources and traffic tell,
   * nothing is probed. Null: it ends alike, or the client serves nothing.
   */
  readonly back?: ReachBack | null;
};
