// What the library story has seen, as data: nothing in here is a judgement.
import type { Connection } from '../connections.ts';

export type Identity = { readonly spiffeId: string; readonly serialNumber: string };

/** The witness's transaction after one of the changes. */
export type WitnessStep = {
  readonly change: string;
  readonly isAlive: boolean;
  /** The database backend that answered: another one would be another session. */
  readonly backend: number;
};

export type Evidence = {
  readonly rows: {
    /** Titles by the client's `✅` lines, in their order. */
    readonly inserted: readonly string[];
    /** Titles in PostgreSQL, in the order of their ids. */
    readonly committed: readonly string[];
    /** Did the client end with nothing left open? */
    readonly isFinished: boolean;
    readonly failures: readonly string[];
  };
  /** Lines of the text logs. */
  readonly accessLog: { readonly vm: readonly string[]; readonly client: readonly string[] };
  readonly wire: {
    /** What the rows carry and what is looked for. */
    readonly marker: string;
    readonly connections: readonly Connection[];
    readonly droppedPackets: number;
    /** Wall-clock milliseconds: when the change was asked for, and when it was seen in force. */
    readonly askedAtMs: number;
    readonly inForceAtMs: number;
  };
  readonly identities: {
    /** What Envoy served at first and at the end. */
    readonly vm: { readonly before: Identity | undefined; readonly after: Identity | undefined };
    readonly client: {
      readonly before: Identity | undefined;
      readonly after: Identity | undefined;
    };
    readonly expected: { readonly vm: string; readonly client: string };
  };
  readonly witness: {
    readonly backend: number;
    readonly steps: readonly WitnessStep[];
    /** Rows of its transaction in PostgreSQL after its COMMIT. */
    readonly rows: number;
  };
  /** A plaintext session that was open when the port became STRICT. */
  readonly drain: {
    readonly announcedMs: number;
    readonly wasAliveInForce: boolean;
    /** From STRICT being in force to its end; undefined when it did not end. */
    readonly endedAfterMs: number | undefined;
  };
};
