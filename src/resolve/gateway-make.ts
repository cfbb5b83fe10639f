// From recipe to resource for what only gateways have: listeners and route tables.
import { assertNever } from '#base/assert-never.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeResource } from './encode.ts';
import { buildGatewayListener } from './gateway-listener.ts';
import type { GatewayListenerInput } from './gateway-listener.ts';
import { buildGatewayRoutes } from './gateway-routes.ts';
import type { GatewayTables } from './gateway-table.ts';
import { gatewayListenerName, isHttpsRoutesName } from './names.ts';
import type { Recipe } from './recipe.ts';

type ListenerRecipe = Extract<Recipe, { kind: 'gateway-listener' }>;
type RoutesRecipe = Extract<Recipe, { kind: 'gateway-routes' }>;

/** undefined: nothing is behind the port any more. */
export function makeGatewayListener(
  recipe: ListenerRecipe,
  options: { readonly tables: GatewayTables; readonly trustDomains: readonly string[] },
): EncodedResource | undefined {
  const { address, logs, trace } = recipe;
  const content = contentOf(recipe, options.tables);
  if (content === undefined) return undefined;
  const { trustDomains } = options;
  const listener = buildGatewayListener({
    address,
    content,
    telemetry: { logs, trace },
    trustDomains,
  });
  return encodeResource(gatewayListenerName(address), ListenerSchema, listener);
}

function contentOf(
  { content: kind, namespace, servers }: ListenerRecipe,
  tables: GatewayTables,
): GatewayListenerInput['content'] | undefined {
  switch (kind) {
    case 'http':
      return { kind };
    case 'tls': {
      const chains = tables.namedChains({ namespace, servers });
      return chains.length === 0 ? undefined : { kind, chains };
    }
    case 'tcp': {
      const chain = tables.plainChain({ namespace, servers });
      return chain && { kind, chain };
    }
    default:
      return assertNever(kind);
  }
}

export function makeGatewayRoutes(recipe: RoutesRecipe, tables: GatewayTables): EncodedResource {
  const { name, port, namespace, servers } = recipe;
  const hosts = tables.hosts({ namespace, servers });
  const routes = buildGatewayRoutes({ name, port, hosts, isTls: isHttpsRoutesName(name) });
  return encodeResource(name, RouteConfigurationSchema, routes);
}
