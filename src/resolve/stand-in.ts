// What a name is answered with that is not held: a proxy over its quota, or one that a bug of ours
// left without a value. A destination must never go without an answer: Envoy would not ask again.
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeTombstone } from './make-clusters.ts';
import { parseDestinationClusterName, TYPE_URL } from './names.ts';

/** A tombstone for a destination; undefined ("does not exist") for any other name. */
export function standInFor(typeUrl: string, name: string): EncodedResource | undefined {
  const isDestination = typeUrl === TYPE_URL.cluster && parseDestinationClusterName(name);
  return isDestination ? encodeTombstone(name) : undefined;
}
