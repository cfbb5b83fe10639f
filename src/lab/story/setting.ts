// What the story of the database needs to stand, wherever it stands.
import type { CaptureResult } from '../capture.ts';
import type { Cluster } from '../cluster.ts';
import type { Target } from '../library.ts';
import type { Postgres } from '../postgres.ts';
import type { Sidecar } from '../sidecar.ts';

export interface Setting {
  readonly cluster: Cluster;
  readonly postgres: Postgres;
  readonly client: Sidecar;
  readonly vm: Sidecar;
  /** What the client dials. */
  readonly target: Target;
  /** A service elsewhere, of which the client's Envoy is to know, and where nobody answers. */
  readonly elsewhere: {
    readonly clusterIp: string;
    /** Of its endpoint. */
    readonly address: string;
    /** What the client dials. */
    readonly dialled: string;
  };
  /** Starts to write down all that goes from the client to the VM. */
  capture(name: string): Promise<{ finish(): Promise<CaptureResult> }>;
  /** The VM's lines, in which its clients have their own addresses. */
  vmLog(): readonly string[];
}
