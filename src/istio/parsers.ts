// How an object of one of Istio's kinds is read, whichever it is: for those who check objects without
// caring what they mean.
import type { KubeObject } from '#kube/objects.ts';
import { parseAuthorizationPolicy } from './authorizationpolicy/authorization-policy.ts';
import { parseDestinationRule } from './destinationrule/destination-rule.ts';
import { parseGateway } from './gateway/gateway.ts';
import { isOfKind, parseObject, type Kind } from './kind.ts';
import { KINDS } from './kinds.ts';
import { parseMeshPolicy, parsePolicy } from './meshpolicy/legacy-policy.ts';
import type { ParseResult } from './object.ts';
import { parsePeerAuthentication } from './peerauthentication/peer-authentication.ts';
import { parseServiceEntry } from './serviceentry/service-entry.ts';
import { parseVirtualService } from './virtualservice/virtual-service.ts';
import { parseWorkloadEntry } from './workloadentry/workload-entry.ts';

type Parse = (object: KubeObject) => ParseResult<unknown>;

/** By the name of the kind. */
const PARSERS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['AuthorizationPolicy', parseAuthorizationPolicy],
  ['DestinationRule', parseDestinationRule],
  ['Gateway', parseGateway],
  ['MeshPolicy', parseMeshPolicy],
  ['PeerAuthentication', parsePeerAuthentication],
  ['Policy', parsePolicy],
  ['ServiceEntry', parseServiceEntry],
  ['VirtualService', parseVirtualService],
  ['WorkloadEntry', parseWorkloadEntry],
]);

/** Undefined for an object of a kind that is not among `KINDS`. */
export function parseIstioObject(object: KubeObject): ParseResult<unknown> | undefined {
  const kind = KINDS.find((one) => isOfKind(one, object));
  if (!kind) return undefined;
  return (PARSERS.get(kind.type.kind) ?? bySchema(kind))(object);
}

/** A kind that nothing acts on yet has its schema, and no rules beyond it. */
const bySchema =
  (kind: Kind<unknown>): Parse =>
  (object) =>
    parseObject(kind, object, (spec) => spec);
