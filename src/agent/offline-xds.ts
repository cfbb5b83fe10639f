// Delta xDS out of the cache, for an Envoy that starts while the control plane is away. Pure: one
// object for each stream, requests in, responses out.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  type Resource,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { XdsCache } from './xds-cache.ts';

const typeUrlOf = (typeName: string): string => `type.googleapis.com/${typeName}`;
const CLUSTER = typeUrlOf('envoy.config.cluster.v3.Cluster');
const LISTENER = typeUrlOf('envoy.config.listener.v3.Listener');
const VIRTUAL_HOST = typeUrlOf('envoy.config.route.v3.VirtualHost');
/** Types of which an empty subscription means all. */
const WILDCARD_TYPES: ReadonlySet<string> = new Set([CLUSTER, LISTENER]);

/** No control plane's version: what the real one says then is news, and is sent. */
const OFFLINE_VERSION = 'offline';

/** Does the request come from an Envoy that holds nothing yet? */
export const isFresh = ({ initialResourceVersions }: DeltaDiscoveryRequest): boolean =>
  Object.keys(initialResourceVersions).length === 0;

export class OfflineXds {
  readonly #cache: XdsCache;
  readonly #begun = new Set<string>();
  #nonce = 0;

  constructor(cache: XdsCache) {
    this.#cache = cache;
  }

  /** undefined: nothing to say, as to an acknowledgement. */
  answer(request: DeltaDiscoveryRequest): DeltaDiscoveryResponse | undefined {
    const { typeUrl, resourceNamesSubscribe: names } = request;
    const isFirst = !this.#begun.has(typeUrl);
    this.#begun.add(typeUrl);
    const isWildcard = WILDCARD_TYPES.has(typeUrl) && (isFirst || names.includes('*'));
    const asked = names.filter((name) => name !== '*');
    if (!isWildcard && asked.length === 0) return undefined;
    const found = asked.map((name) => this.#lookup(typeUrl, name));
    const resources = found.filter((resource) => resource !== undefined);
    return create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      nonce: `offline-${(this.#nonce += 1)}`,
      systemVersionInfo: OFFLINE_VERSION,
      resources: isWildcard ? [...this.#wildcard(typeUrl), ...resources] : resources,
      removedResources: asked.filter((_, index) => found[index] === undefined),
    });
  }

  *#wildcard(typeUrl: string): Iterable<Resource> {
    for (const { bytes, isAsked } of this.#cache.types.get(typeUrl)?.values() ?? []) {
      if (!isAsked) yield fromBinary(ResourceSchema, bytes);
    }
  }

  #lookup(typeUrl: string, name: string): Resource | undefined {
    const known = this.#cache.lookup(typeUrl, name);
    return known ? fromBinary(ResourceSchema, known.bytes) : standIn(typeUrl, name);
  }
}

/**
 * What is asked for and was never held. Without an answer, or with "no such thing", Envoy would let
 * calls hang and not ask again: a cluster without endpoints refuses at once, and so does an alias
 * without a virtual host. Both heal by push.
 */
function standIn(typeUrl: string, name: string): Resource | undefined {
  switch (typeUrl) {
    case CLUSTER:
      return create(ResourceSchema, {
        name,
        version: OFFLINE_VERSION,
        resource: { typeUrl: CLUSTER, value: encodeTombstone(name) },
      });
    case VIRTUAL_HOST:
      return create(ResourceSchema, { name, version: OFFLINE_VERSION, aliases: [name] });
    default:
      return undefined;
  }
}

/**
 * A Cluster of type STATIC (the default) and no endpoints: fields `name` and `load_assignment`. By
 * hand, because Envoy's types of clusters would cost each agent some ten megabytes.
 */
function encodeTombstone(name: string): Uint8Array {
  const assignment = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  return writer.tag(33, WireType.LengthDelimited).bytes(assignment).finish();
}

export const encodeResponse = (response: DeltaDiscoveryResponse): Uint8Array =>
  toBinary(DeltaDiscoveryResponseSchema, response);
