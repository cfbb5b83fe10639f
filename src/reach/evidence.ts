// What Reach knows besides the model: what was seen in traffic, what agents said of themselves and
// what they answered when they were asked to try. Everything in here may be missing.
import type { Disagreement, Encryption, Failure } from '#api/graph.ts';

/** What an agent is to be asked; the shell asks, and puts the answers into the evidence. */
export type Probe =
  /** What the name means to a program on the client's machine. */
  | { readonly id: 'dns'; readonly at: string; readonly name: string }
  | { readonly id: 'capture'; readonly at: string }
  /** From the client's machine, past its proxy, to the endpoint. */
  | { readonly id: 'direct'; readonly at: string; readonly address: string; readonly port: number }
  /** As a program on the client's machine would. */
  | {
      readonly id: 'through';
      readonly at: string;
      readonly address: string;
      readonly port: number;
      readonly expect: 'postgres' | 'http' | undefined;
    }
  /** How many endpoints of a cluster the client's Envoy has put aside for their failures. */
  | { readonly id: 'ejected'; readonly at: string; readonly cluster: string }
  /** Who listens on the server's machine. */
  | { readonly id: 'sockets'; readonly at: string }
  | { readonly id: 'server-capture'; readonly at: string };

export type ProbeId = Probe['id'];

export type Connect = {
  readonly outcome: 'connected' | 'refused' | 'timed-out' | 'unreachable' | 'reset' | 'failed';
  readonly connectMs: number;
  /** What the system said; empty: nothing. */
  readonly reason: string;
  readonly application:
    | {
        readonly kind: 'postgres' | 'http' | 'other' | 'silent' | 'closed';
        readonly detail: string;
      }
    | undefined;
};

export type CaptureState = {
  readonly state: 'off' | 'waiting' | 'verified' | 'failed' | 'unknown';
  readonly reason: string;
};

export type Answers = {
  readonly dns?: { readonly addresses: readonly string[]; readonly problem: string };
  readonly capture?: CaptureState;
  /** undefined, too: Envoy has no such number. */
  readonly ejected?: number | undefined;
  readonly direct?: Connect;
  readonly through?: Connect;
  readonly sockets?: readonly {
    readonly address: string;
    readonly port: number;
    readonly program: string;
  }[];
  readonly 'server-capture'?: CaptureState;
  /** Why a probe has no answer, by its id: `db has no agent here`. */
  readonly problems?: Readonly<Partial<Record<ProbeId, string>>>;
};

export type AgentFacts = {
  readonly capture: CaptureState | undefined;
  readonly clockSkewMs: number;
  readonly isEnvoyRunning: boolean | undefined;
};

export type CertificateFacts = {
  readonly identity: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Is it signed by somebody whom the mesh's present roots vouch for? undefined: not known. */
  readonly isTrusted: boolean | undefined;
  readonly issuer: string;
};

export type ObservedFlow = {
  /** When a connection last came about between the two machines; 0: never, as far as is known. */
  readonly reachedMs: number;
  /** When the server last said something; 0: never, as far as is known. */
  readonly answeredMs: number;
  readonly encryption: Encryption;
  readonly failure: Failure | null;
  readonly disagreement: Disagreement | null;
};

export type DeniedCall = {
  readonly atMs: number;
  /** `namespace/name`; empty: no rule allowed it. */
  readonly policy: string;
};

export type Side = {
  /** undefined: its agent's control stream is not open. */
  readonly agent: AgentFacts | undefined;
  /** undefined: none was issued or shown since the control plane started. */
  readonly certificate: CertificateFacts | undefined;
  /** What its Envoy has refused of its configuration: name of the resource, and why. */
  readonly rejections: readonly { readonly name: string; readonly text: string }[];
  /** Has its proxy an open configuration stream? */
  readonly isConfigured: boolean;
};

export type Evidence = {
  readonly nowMs: number;
  readonly client: Side;
  /** undefined: the server is no workload of the mesh. */
  readonly server: Side | undefined;
  readonly flow: ObservedFlow | undefined;
  readonly denied: DeniedCall | undefined;
  readonly answers: Answers;
};

/** What was seen longer ago says nothing of now. */
export const RECENT_MS = 5 * 60_000;

/**
 * When packets last got from one machine to the other, of lately; undefined: nothing tells, or the
 * client's proxy could not connect since.
 */
export function reachedLately({ flow, nowMs }: Evidence): number | undefined {
  if (flow === undefined || flow.reachedMs === 0) return undefined;
  const { reachedMs, failure } = flow;
  const isCut = failure !== null && failure.atMs > reachedMs && isOfNetwork(failure);
  return nowMs - reachedMs <= RECENT_MS && !isCut ? reachedMs : undefined;
}

/** Envoy: upstream connection failure. Of the server's own proxy it is about the program there. */
const isOfNetwork = ({ flags, reporter }: Failure): boolean =>
  reporter !== 'destination' && flags.split(',').includes('UF');

/** The server's proxy could not connect to its program, and that was its last word. */
export function notDelivered(evidence: Evidence): Failure | undefined {
  const failure = lastFailure(evidence);
  if (failure?.reporter !== 'destination') return undefined;
  return failure.flags.split(',').includes('UF') ? failure : undefined;
}

/** Has the server answered on this edge lately, and nothing failed since? */
export function wasAnswered({ flow, nowMs }: Evidence): boolean {
  if (flow === undefined || flow.answeredMs === 0) return false;
  const hasFailedSince = flow.failure !== null && flow.failure.atMs > flow.answeredMs;
  return nowMs - flow.answeredMs <= RECENT_MS && !hasFailedSince;
}

/** The failure that is the edge's last word; undefined: it is not. */
export function lastFailure({ flow, nowMs }: Evidence): Failure | undefined {
  if (!flow?.failure || flow.failure.atMs <= flow.answeredMs) return undefined;
  return nowMs - flow.failure.atMs <= RECENT_MS ? flow.failure : undefined;
}
