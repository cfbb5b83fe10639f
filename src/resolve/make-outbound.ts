// From recipe to resource, for what takes a sidecar's outbound connections and requests.
import { assertNever } from '#base/assert-never.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeAbsence, encodeResource } from './encode.ts';
import { buildExplicitOutbound } from './explicit-outbound.ts';
import type { HostLookup } from './host-lookup.ts';
import {
  explicitListenerName,
  httpListenerName,
  sidecarRoutesName,
  tcpListenerName,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import { buildHttpListener, buildSidecarRoutes, buildTcpListener } from './outbound-http.ts';
import { buildTlsListener } from './outbound-tls.ts';
import { buildVirtualOutbound } from './outbound.ts';
import type { OutboundRecipe } from './recipe.ts';
import { makeVirtualHost } from './virtual-host.ts';

export class OutboundMaker {
  readonly #mesh: Mesh;

  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  make(recipe: OutboundRecipe): EncodedResource | undefined {
    switch (recipe.kind) {
      case 'virtual-outbound': {
        const listener = buildVirtualOutbound(recipe.logs, recipe);
        return encodeResource(VIRTUAL_OUTBOUND, ListenerSchema, listener);
      }
      case 'http-listener': {
        const listener = buildHttpListener(recipe, recipe);
        return encodeResource(httpListenerName(recipe.port), ListenerSchema, listener);
      }
      case 'tcp-listener': {
        const listener = buildTcpListener(recipe.destination, recipe.logs);
        return encodeResource(tcpListenerName(recipe.destination), ListenerSchema, listener);
      }
      case 'tls-listener': {
        const { destination, serverNames, logs } = recipe;
        const listener = buildTlsListener(destination, serverNames, logs);
        return encodeResource(tcpListenerName(destination), ListenerSchema, listener);
      }
      case 'explicit-outbound': {
        const listener = buildExplicitOutbound(recipe.address, recipe);
        const name = explicitListenerName('outbound', recipe.address);
        return encodeResource(name, ListenerSchema, listener);
      }
      case 'http-routes': {
        const name = sidecarRoutesName(recipe.port);
        return encodeResource(name, RouteConfigurationSchema, buildSidecarRoutes(recipe.port));
      }
      case 'no-virtual-host':
        return encodeAbsence(recipe.name);
      case 'virtual-host':
        return makeVirtualHost({ mesh: this.#mesh, serviceOf: this.#serviceOf }, recipe);
      default:
        return assertNever(recipe);
    }
  }
}
