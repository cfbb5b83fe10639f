// security.istio.io PeerAuthentication: which TLS a workload demands of its clients.
import type { ParsedMeta } from '../object.ts';

export type MtlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export type PeerAuthentication = ParsedMeta & {
  /** Absent: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>> | undefined;
  /** UNSET: the mode of the wider scope. */
  readonly mode: MtlsMode | 'UNSET';
  /** By port of the workload. Only with a selector. */
  readonly portLevel: ReadonlyMap<number, MtlsMode | 'UNSET'>;
};
