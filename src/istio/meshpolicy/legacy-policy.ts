// MeshPolicy and Policy as the mesh uses them: which TLS workloads demand of their clients.
//
// Where kinds of today and of old speak, the narrower scope decides: some services or workloads,
// then the namespace, then the mesh; and within one scope PeerAuthentication does, the newer kind.
// One thing differs from PeerAuthentication and is kept: a policy without peers demands plaintext.
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON, unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { isPort } from '../kind-parts.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import type { MtlsMode } from '../peerauthentication/peer-authentication.ts';
import type { Reading } from '../schema/reading.ts';
import { meshPolicyKind, policyKind } from './schema.ts';
import type { LegacyPolicySpec } from './schema.ts';

export type LegacyTarget = {
  /** Name of a Service in the policy's namespace. */
  readonly service: string;
  /** Numbers or names of the service's ports; empty for all that its workloads serve. */
  readonly ports: readonly (number | string)[];
};

export type LegacyPolicy = ParsedMeta & {
  /** Empty: the whole namespace, or of a MeshPolicy the whole mesh. */
  readonly targets: readonly LegacyTarget[];
  readonly mode: MtlsMode;
  readonly remarks: readonly Violation[];
};

/** The only name that stands for a whole namespace, and for the whole mesh. */
const WHOLE = 'default';

const ACTED_ON: ActedOn = {
  targets: { name: true, ports: true },
  peers: { mtls: true },
  peerIsOptional: true,
  // without the tokens that they are about, these say nothing
  originIsOptional: true,
  principalBinding: true,
};

export function parseMeshPolicy(object: KubeObject): ParseResult<LegacyPolicy> {
  return parseObject(meshPolicyKind, object, (spec, meta, at) => {
    if (meta.name !== WHOLE) {
      const name = at.sibling('metadata').property('name');
      name.refuse(`Invalid value: ${at.quote(meta.name)}: must be "${WHOLE}"`);
    }
    if ((spec.targets ?? []).length > 0) {
      at.property('targets').refuse('Forbidden: a MeshPolicy is for the whole mesh');
    }
    return policyOf(spec, meta, at);
  });
}

export function parsePolicy(object: KubeObject): ParseResult<LegacyPolicy> {
  return parseObject(policyKind, object, (spec, meta, at) => {
    const isTargeted = (spec.targets ?? []).length > 0;
    if (meta.name === WHOLE && isTargeted) {
      const rule = `the Policy called "${WHOLE}" is for its whole namespace`;
      at.property('targets').refuse(`Forbidden: ${rule}`);
    }
    if (meta.name !== WHOLE && !isTargeted) {
      const rule = `only the Policy called "${WHOLE}" is for its whole namespace`;
      at.property('targets').refuse(`Required value: ${rule}`);
    }
    return policyOf(spec, meta, at);
  });
}

function policyOf(spec: LegacyPolicySpec, meta: ParsedMeta, at: Reading): LegacyPolicy {
  for (const [index, peer] of (spec.peers ?? []).entries()) {
    if (peer.mtls || peer.jwt) continue;
    // `mtls:` with nothing behind it is null, which is no `mtls` at all
    at.property('peers').item(index).refuse('Required value: mtls: {} or jwt');
  }
  for (const [index, { ports = [] }] of (spec.targets ?? []).entries()) {
    for (const [position, { number, name = '' }] of ports.entries()) {
      const place = at.property('targets').item(index).property('ports').item(position);
      if (number === undefined && name === '') place.refuse('Required value: number or name');
      else if (number !== undefined && !isPort(number)) {
        place.property('number').refuse(`Invalid value: ${number}: must be 1 to 65535`);
      }
    }
  }
  return {
    ...meta,
    targets: (spec.targets ?? []).map(({ name, ports = [] }) => ({
      service: name,
      ports: ports.map((port) => port.number ?? port.name ?? ''),
    })),
    mode: modeOf(spec),
    remarks: unusedFields(spec, ACTED_ON).map(inWords),
  };
}

/** Of peers, the first that is about TLS counts. A mode that is not said is STRICT. */
function modeOf({ peers = [], peerIsOptional = false }: LegacyPolicySpec): MtlsMode {
  const mtls = peers.find((peer) => peer.mtls !== undefined)?.mtls;
  if (mtls === undefined) return 'DISABLE';
  const isPermissive = mtls.mode === 'PERMISSIVE' || mtls.allowTls === true || peerIsOptional;
  return isPermissive ? 'PERMISSIVE' : 'STRICT';
}

function inWords(remark: Violation): Violation {
  const isToken = /^spec\.(origins|peers)/.test(remark.field);
  return isToken ? { ...remark, message: `${NOT_ACTED_ON}: no token is asked for` } : remark;
}
