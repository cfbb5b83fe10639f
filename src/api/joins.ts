// How a VM comes into the mesh, step by step. `GET /api/v1/joins`, `GET /api/v1/joins/{id}`,
// `POST /api/v1/joins`; each change is the event `join.step`.

export const JOIN_STEPS = [
  'token-issued',
  'agent-called-in',
  'machine-proven',
  'certificate-issued',
  'configuration-accepted',
  'traffic-captured',
  'registered',
  'healthy',
  'first-encrypted-bytes',
] as const;

export type JoinStepName = (typeof JOIN_STEPS)[number];

export type JoinStep = {
  readonly name: JoinStepName;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  /** Null: it has not begun, or has not ended. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** What was seen: `token ok · P-256 key`. */
  readonly evidence: string;
  /** Of a step that failed, what its part said; empty otherwise. */
  readonly problem: string;
  /** Median of former joins; null: there were none. */
  readonly usualMs: number | null;
  /** Of a step that takes too long or has failed: the likeliest cause first. */
  readonly causes: readonly JoinCause[];
};

export type JoinCause = { readonly text: string; readonly command: string };

export type Join = {
  readonly id: string;
  /** Of the machine: its WorkloadEntry's. */
  readonly name: string;
  readonly namespace: string;
  /** The map's id of what it becomes. */
  readonly node: string;
  readonly by: string;
  readonly startedAtMs: number;
  /** Null while it lasts. */
  readonly endedAtMs: number | null;
  readonly state: 'running' | 'stuck' | 'done' | 'failed' | 'cancelled';
  readonly steps: readonly JoinStep[];
};

export type JoinRequest = {
  readonly name: string;
  readonly namespace: string;
  /** Host or short name of the service that it serves; empty: none, only the machine is there. */
  readonly service: string;
  /** `5432` or `tcp-postgres:5432`. */
  readonly ports: readonly string[];
  readonly serviceAccount: string;
  readonly network: string;
  /** Of the token; a minute to a day. */
  readonly ttlSeconds: number;
  /** The one IP address that it may have; absent or empty: the machine says it. */
  readonly address?: string;
  /** What leads to the control plane, by address or DNS name; absent or empty: what there is. */
  readonly gateway?: string;
};

/** The answer to `POST /api/v1/joins`, once: the token is in no other answer and kept nowhere. */
export type JoinInvitation = {
  readonly join: Join;
  /** What is to be typed on the VM, the same that `isthmus vm token` prints. */
  readonly command: string;
  readonly expiresAtMs: number;
};
