// The virtual host behind an authority (`Host`) that a sidecar's HTTP listener meets: planned for
// whoever asks, made once for all whose plans agree. Always answered, for Envoy would wait without
// end; and for this one authority alone, so that no two virtual hosts can claim the same one.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeResource } from './encode.ts';
import { hashKeyOf } from './http-hash.ts';
import { buildHttpRoute, buildPlainRoute } from './http-route.ts';
import { RouteTables } from './http-table.ts';
import {
  outboundName,
  parseVirtualHostName,
  PASSTHROUGH_STAT_NAME,
  virtualHostName,
} from './names.ts';
import type { VirtualHostContent, VirtualHostRecipe } from './recipe.ts';
import { findVirtualHost } from './virtual-host-plan.ts';
import type { VirtualHostAsk, VirtualHostContext } from './virtual-host-plan.ts';

export type { VirtualHostAsk, VirtualHostContext };

type Route = MessageInitShape<typeof RouteSchema>;

export function planVirtualHost(
  context: VirtualHostContext,
  ask: VirtualHostAsk,
): VirtualHostRecipe {
  const content = findVirtualHost(context, ask) ?? catchAll(context, ask);
  return { kind: 'virtual-host', name: virtualHostName(ask), content };
}

function catchAll(
  { mesh }: VirtualHostContext,
  { namespace, labels }: VirtualHostAsk,
): VirtualHostContent {
  const isAllowed = mesh.outboundTrafficPolicy(namespace, labels) === 'ALLOW_ANY';
  return { kind: isAllowed ? 'passthrough' : 'blocked' };
}

/** The resource `<port>/<authority>`. */
export function makeVirtualHost(
  context: VirtualHostContext,
  recipe: VirtualHostRecipe,
): EncodedResource {
  const { name } = recipe;
  const { port, authority } = parseVirtualHostName(name) ?? { port: 0, authority: '' };
  return encodeResource(name, VirtualHostSchema, {
    name,
    domains: [authority],
    routes: buildRoutes(context, { content: recipe.content, port }),
    includeRequestAttemptCount: true,
  });
}

/**
 * A request between applications is theirs to end, however long nothing moves. (The listener's own
 * limit is for requests whose route is not known yet.)
 */
const OF_SIDECARS = { isHeldOpen: true } as const;

/** What a request meets in a virtual host of a listener's port. */
export function buildRoutes(
  { mesh, serviceOf }: VirtualHostContext,
  { content, port }: { readonly content: VirtualHostContent; readonly port: number },
): Route[] {
  switch (content.kind) {
    case 'service': {
      const service = mesh.services.get(content.service);
      if (service === undefined) return [];
      const { host } = service;
      const hashKey = hashKeyOf({ mesh, serviceOf }, { host, port }, content.namespace);
      return [
        buildPlainRoute('default', outboundName({ host, port }), { ...OF_SIDECARS, hashKey }),
      ];
    }
    case 'routes': {
      const table = new RouteTables({ mesh, serviceOf });
      const place = { namespace: content.namespace, port };
      const all = content.virtualServices.map((key) => mesh.virtualServices.inForce.get(key));
      return content.parts.flatMap(([of, index, position]) => {
        const virtualService = all[of];
        if (virtualService === undefined) return [];
        return table
          .routes(virtualService, [[index, position]], place)
          .flatMap((route) => buildHttpRoute(route, OF_SIDECARS) ?? []);
      });
    }
    case 'passthrough':
      return [
        buildPlainRoute('allow_any', PASSTHROUGH_STAT_NAME, { ...OF_SIDECARS, isRetried: false }),
      ];
    case 'blocked':
      return [BLOCK_ALL];
    default:
      return assertNever(content);
  }
}

/** As Istio answers what is not in the registry. */
const BLOCK_ALL: Route = {
  name: 'block_all',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  action: { case: 'directResponse', value: { status: 502 } },
};
