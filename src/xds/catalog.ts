// What the xDS server serves from: resources by key, each kept up to date while somebody holds it.
// The server knows nothing of services or policies; whoever implements this knows nothing of
// streams.

/** One xDS resource, encoded once and shared by every proxy of its class. */
export type EncodedResource = {
  /** As the proxy asked for it. */
  readonly name: string;
  /** Hash of the content: equal content, equal version, also across restarts. Never empty. */
  readonly version: string;
  /**
   * A complete serialized `envoy.service.discovery.v3.Resource` (name, version, aliases, Any),
   * spliced into responses as it is. Never changed after it was handed out.
   */
  readonly bytes: Uint8Array;
  /**
   * For an EDS cluster: the name of its ClusterLoadAssignment. Envoy leaves a changed EDS cluster
   * warming, with its *old* settings in force, until its assignment arrives again; so the server
   * sends that again, unasked, after each time it sends the cluster.
   */
  readonly endpoints?: string;
};

/** Opaque: type + proxy class + name. Two proxies of one class share it. */
export type ResourceKey = string;

export interface ResourceCatalog<Proxy> {
  /** Keeps the resource of this name up to date from now on, until released. Counted: n acquires
   * need n releases. What it holds is known after the next `settle()`. */
  acquire(proxy: Proxy, typeUrl: string, name: string): ResourceKey;
  /** The names a wildcard subscription of this type stands for (listeners, inbound clusters),
   * itself kept up to date. Released like any key. */
  acquireWildcard(proxy: Proxy, typeUrl: string): ResourceKey;
  /**
   * Where proxies can come to be of another class: a key that is held like a wildcard's, and
   * changes when `keyOf()` may give this proxy other keys than it did. What it has acquired stays
   * what it was.
   */
  acquireClass?(proxy: Proxy): ResourceKey;
  /** The key that `acquire()` would give now. */
  keyOf?(proxy: Proxy, typeUrl: string, name: string): ResourceKey;
  /** May drop what nobody else holds, at once or at the next `settle()`. */
  release(key: ResourceKey): void;
  /** Computes what `acquire()` asked for and what changed, then tells listeners what changed. */
  settle(): void;
  /** `undefined`: no such resource (removed). A cluster asked for by destination address is never
   * undefined after `settle()`: one that is gone is a tombstone (STATIC, no endpoints). */
  lookup(key: ResourceKey): EncodedResource | undefined;
  wildcardNames(key: ResourceKey): readonly string[];
  /**
   * @param listener told, from within `settle()`, the keys whose `lookup()` or `wildcardNames()`
   *   may differ; must not call back into the catalog
   * @returns ends the listening
   */
  onChange(listener: (changed: ReadonlySet<ResourceKey>) => void): () => void;
  /** Does this name mean anything? (For the small quota of addresses that mean nothing.) */
  isKnown(key: ResourceKey): boolean;
}
