// The virtual host behind an authority (`Host`) that a sidecar's HTTP listener meets: planned for
// whoever asks, made once for all whose plans agree. Always answered, for Envoy would wait without end.
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeResource } from './encode.ts';
import type { HostLookup } from './host-lookup.ts';
import type { VirtualHostRecipe } from './recipe.ts';

/** Who asks, and for what. */
export type VirtualHostAsk = {
  readonly namespace: string;
  /** Of the asking workload: what `sourceLabels` of a match are compared with. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of the listener: the name of its route configuration. */
  readonly port: number;
  /** As Envoy asks: `host` or `host:port`, in lower case. */
  readonly authority: string;
};

export type VirtualHostContext = { readonly mesh: Mesh; readonly serviceOf: HostLookup };

export function planVirtualHost(
  { mesh }: VirtualHostContext,
  { port, authority }: VirtualHostAsk,
): VirtualHostRecipe {
  const isAllowed = mesh.config().outboundTrafficPolicy === 'ALLOW_ANY';
  return {
    kind: 'virtual-host',
    name: `${port}/${authority}`,
    content: { kind: isAllowed ? 'passthrough' : 'blocked' },
  };
}

/** The resource `<port>/<authority>`. */
export function makeVirtualHost(_: VirtualHostContext, recipe: VirtualHostRecipe): EncodedResource {
  const { name } = recipe;
  const domain = name.slice(name.indexOf('/') + 1);
  return encodeResource(name, VirtualHostSchema, { name, domains: [domain] });
}
