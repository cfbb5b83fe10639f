// Kinds of the Gateway API that nothing here acts on: checked and kept, so that manifests that name
// them can be applied. HTTPRoute is not among them: routes of Services are acted on.
import { UNUSED, type Unused } from '../acted-on.ts';
import { isOfKind, parseObject } from '../kind.ts';
import type { Kind } from '../kind.ts';
import type { ParseResult } from '../object.ts';
import type { KubeObject } from '#kube/objects.ts';
import { gatewayClassKind, kubeGatewayKind, listenerSetKind } from './gateway.ts';
import { backendTlsPolicyKind, referenceGrantKind } from './policies.ts';
import { grpcRouteKind, tcpRouteKind, tlsRouteKind } from './routes.ts';

export const GATEWAY_API_KINDS: readonly Kind<unknown>[] = [
  backendTlsPolicyKind,
  gatewayClassKind,
  grpcRouteKind,
  kubeGatewayKind,
  listenerSetKind,
  referenceGrantKind,
  tcpRouteKind,
  tlsRouteKind,
];

/** Undefined for an object of any other kind. */
export function parseGatewayApiObject(object: KubeObject): ParseResult<Unused> | undefined {
  const kind = GATEWAY_API_KINDS.find((one) => isOfKind(one, object));
  return kind && parseObject(kind, object, () => UNUSED);
}
