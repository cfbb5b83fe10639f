// What a route takes of a request for a cluster that balances by a hash: a DestinationRule says it
// of the destination, Envoy wants to hear it of the route.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import type { RouteAction_HashPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { HashKey } from '#istio/destinationrule/traffic-policy.ts';
import type { Mesh } from '#model/mesh.ts';
import { clientPolicy } from './client-policy.ts';
import type { HostLookup } from './host-lookup.ts';
import { milliseconds } from './message.ts';
import type { ServicePortRef } from './names.ts';

type HashPolicy = MessageInitShape<typeof RouteAction_HashPolicySchema>;

/** undefined: the destination does not balance by a hash, or there is no such service. */
export function hashKeyOf(
  { mesh, serviceOf }: { readonly mesh: Mesh; readonly serviceOf: HostLookup },
  { host, port, subset = '' }: ServicePortRef,
  namespace: string,
): HashKey | undefined {
  const service = serviceOf(namespace, host);
  const rule = service && mesh.destinationRuleFor(namespace, service);
  const { loadBalancer } = clientPolicy(rule, { port, subset }).settings;
  return loadBalancer?.consistentHash?.key;
}

export function buildHashPolicy(key: HashKey): HashPolicy {
  switch (key.kind) {
    case 'source-ip':
      return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } };
    case 'header':
      return { policySpecifier: { case: 'header', value: { headerName: key.name } } };
    case 'query':
      return { policySpecifier: { case: 'queryParameter', value: { name: key.name } } };
    case 'cookie': {
      const { name, path, ttlMs, attributes } = key;
      return {
        policySpecifier: {
          case: 'cookie',
          value: {
            name,
            path,
            ...(ttlMs !== undefined && { ttl: milliseconds(ttlMs) }),
            attributes: attributes.map((attribute) => ({ ...attribute })),
          },
        },
      };
    }
    default:
      return assertNever(key);
  }
}
