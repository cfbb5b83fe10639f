// A PeerAuthentication as the mesh uses it: which TLS a workload demands of its clients.
import type { KubeObject } from '#kube/objects.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult } from '../object.ts';
import { peerAuthenticationKind } from './schema.ts';

export type MtlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export type PeerAuthentication = ParsedMeta & {
  /** Empty: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>>;
  /** UNSET: the mode of the wider scope. */
  readonly mode: MtlsMode | 'UNSET';
  /** By port of the workload. Only with a selector. */
  readonly portLevel: ReadonlyMap<number, MtlsMode | 'UNSET'>;
};

export function parsePeerAuthentication(object: KubeObject): ParseResult<PeerAuthentication> {
  return parseObject(peerAuthenticationKind, object, (spec, meta) => ({
    ...meta,
    selector: spec.selector?.matchLabels ?? {},
    mode: spec.mtls?.mode ?? 'UNSET',
    portLevel: new Map(
      Object.entries(spec.portLevelMtls ?? {}).map(([port, { mode = 'UNSET' }]) => [
        Number(port),
        mode,
      ]),
    ),
  }));
}
