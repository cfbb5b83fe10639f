// `proxy-config routes` as a table: a line for each route of each virtual host. Pure.
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type {
  Route,
  RouteAction,
  RouteMatch,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import { parseResourceJson } from '#controlplane/debug-json.ts';
import type { ShownResource } from '#controlplane/debug-config.ts';
import { renderTable } from '../render.ts';
import { stateOf } from './state.ts';

export function renderRoutes(resources: readonly ShownResource[]): string {
  const headers = 'NAME,VHOST NAME,DOMAINS,MATCH,DESTINATION,VIRTUAL SERVICE,STATUS'.split(',');
  return renderTable(headers, resources.flatMap(routeRows));
}

function routeRows(shown: ShownResource): readonly (readonly string[])[] {
  const { name, virtualHosts } = parseResourceJson(RouteConfigurationSchema, shown.resource);
  return virtualHosts.flatMap((host) =>
    host.routes.map((route) => [
      name,
      host.name,
      host.domains.join(', '),
      renderMatch(route.match),
      renderAction(route),
      virtualServiceOf(route),
      stateOf(shown),
    ]),
  );
}

/** A path with `*` for the rest, a `~` before an expression, and what else must be so. */
function renderMatch(match: RouteMatch | undefined): string {
  const { pathSpecifier, headers = [], queryParameters = [] } = match ?? {};
  const others = [...headers, ...queryParameters].map(({ name }) => name);
  return [renderPath(pathSpecifier), ...others].join(' & ');
}

function renderPath(path: RouteMatch['pathSpecifier'] | undefined): string {
  switch (path?.case) {
    case 'prefix':
      return `${path.value}*`;
    case 'path':
      return path.value;
    case 'pathSeparatedPrefix':
      return `${path.value}/*`;
    case 'safeRegex':
      return `~${path.value.regex}`;
    default:
      return path?.case ?? '';
  }
}

function renderAction({ action }: Route): string {
  switch (action.case) {
    case 'route':
      return renderClusters(action.value.clusterSpecifier);
    case 'redirect':
      return `redirect to ${action.value.hostRedirect || 'another path'}`;
    case 'directResponse':
      return `answers ${action.value.status}`;
    default:
      return action.case ?? '';
  }
}

function renderClusters(specifier: RouteAction['clusterSpecifier']): string {
  if (specifier.case === 'cluster') return specifier.value;
  if (specifier.case !== 'weightedClusters') return specifier.case ?? '';
  return specifier.value.clusters.map(({ name, weight }) => `${name} (${weight ?? 1})`).join(', ');
}

/** `library.shop`, of the path under which Istio writes down where a route comes from. */
function virtualServiceOf({ metadata }: Route): string {
  const path = metadata?.filterMetadata['istio']?.['config'];
  const [, namespace, name] =
    /\/namespaces\/([^/]+)\/virtual-service\/([^/]+)$/.exec(typeof path === 'string' ? path : '') ??
    [];
  return name === undefined ? '' : `${name}.${namespace}`;
}
