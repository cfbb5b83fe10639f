// From recipe to resource, for what takes a sidecar's outbound connections and requests.
import { assertNever } from '#base/assert-never.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeResource } from './encode.ts';
import type { HostLookup } from './host-lookup.ts';
import { VIRTUAL_OUTBOUND } from './names.ts';
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
        const listener = buildVirtualOutbound(this.#mesh.config(), recipe);
        return encodeResource(VIRTUAL_OUTBOUND, ListenerSchema, listener);
      }
      case 'virtual-host':
        return makeVirtualHost({ mesh: this.#mesh, serviceOf: this.#serviceOf }, recipe);
      default:
        return assertNever(recipe);
    }
  }
}
