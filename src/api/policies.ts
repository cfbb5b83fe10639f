// Which rules there are, what they decided, and what an edit would break. `GET /api/v1/policies`,
// `GET|PUT|DELETE /api/v1/policies/{kind}/{ns}/{name}`, `POST /api/v1/policies:preview`,
// `:confirm`, `:undo`. The list is an array of PolicySummary; GET, PUT, `:confirm` and `:undo` of one
// answer its PolicyDocument. PUT and DELETE take `?mode=` and `?ttl=` (seconds until it undoes
// itself) and an `If-Match` with the resourceVersion (`If-None-Match: *` for a new one); a 409 has
// overwritten nothing: what is there now is to be fetched. DELETE answers a document with empty
// yaml and resourceVersion, and so does GET while the deletion can be undone. A policy of the whole
// mesh (MeshPolicy) has an empty namespace, and `-` in its place in paths.

export type PolicySummary = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `mesh`, `namespace`, or the labels that it selects by. */
  readonly scope: string;
  readonly targets: readonly string[];
  /** `ALLOW, 2 rules`, `STRICT`. */
  readonly effect: string;
  /** In the last 24 hours; null: this kind counts nothing. */
  readonly allowed: number | null;
  readonly denied: number | null;
  readonly conflicts: readonly string[];
  readonly changedAtMs: number;
  readonly changedBy: string;
  /** Who keeps it, where editing here would be undone (Argo CD, Flux); empty: nobody. */
  readonly managedBy: string;
};

export type PolicyDocument = PolicySummary & {
  readonly resourceVersion: string;
  readonly yaml: string;
  /** An apply that undoes itself unless it is confirmed; null: none is pending. */
  readonly pending: PendingApply | null;
  /** What `:undo` would bring back; empty: nothing. */
  readonly previousYaml: string;
  /** What is being tried in its shadow, as its author wrote it; empty: nothing is. */
  readonly shadowYaml: string;
  /** Only in the answer to a write with `endsOpenConnections`. */
  readonly endedSessions?: EndedSessions;
};

/** What became of the open connections of those who are refused now. */
export type EndedSessions = {
  readonly ended: number;
  /** Cut at their next packet, within half a minute: that machine closes no sockets on request. */
  readonly resetting: number;
  /** What could not be ended, by the server's instance. */
  readonly left: readonly {
    readonly server: string;
    readonly sessions: number;
    readonly problem: string;
    readonly remedy: string;
  }[];
};

export type PendingApply = {
  readonly revertsAtMs: number;
  readonly by: string;
  readonly mode: PolicyMode;
  /** Of `shadow`: connections and requests that it would have refused; null: not counted. */
  readonly wouldDeny: number | null;
};

/** The body of PUT; of DELETE only the choice. */
export type PolicyWrite = {
  readonly yaml: string;
  /**
   * Also ends the open TCP connections of clients that will be refused: policy governs new ones.
   * Needs the right to `create proxies/sessions` of `isthmus.dev`; what undoes a write brings no
   * connection back.
   */
  readonly endsOpenConnections: boolean;
};

/** The body of `:confirm` and `:undo`. */
export type PolicyReference = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
};

/** `shadow`: evaluated and counted, not enforced. `confirm`: enforced, undone unless confirmed. */
export type PolicyMode = 'shadow' | 'confirm' | 'keep';

export type PolicyPreviewRequest = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty: it is to be deleted. */
  readonly yaml: string;
  /** Which observed flows to replay. */
  readonly window: '1h' | '24h' | '7d';
};

export type PolicyDiagnostic = {
  readonly severity: 'error' | 'warning' | 'info';
  /** From 1; 0: the whole document. */
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
};

export type PolicyImpact = {
  readonly diagnostics: readonly PolicyDiagnostic[];
  readonly refused: readonly FlowImpact[];
  readonly allowed: readonly FlowImpact[];
  /** They get through, but to others than before. */
  readonly moved: readonly FlowImpact[];
  readonly unchanged: readonly FlowImpact[];
  /** The rule needs what was never recorded. */
  readonly untold: readonly FlowImpact[];
  /** How far back flows are known, in milliseconds: less than the window on a young mesh. */
  readonly coverageMs: number;
  /** What of this kind is not judged; empty: nothing is left out. */
  readonly note: string;
};

export type FlowImpact = {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly clientIdentity: string;
  readonly bytes: number;
  readonly lastSeenMs: number;
  readonly openConnections: number;
  /** `ALLOW by default/pg-allow rule 2`. */
  readonly before: string;
  readonly after: string;
};
