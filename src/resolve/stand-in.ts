// What a name is answered with that is not held: a proxy over its quota, or one that a bug of ours
// left without a value. A destination must never go without an answer: Envoy would not ask again.
import type { EncodedResource } from '#xds/catalog.ts';
import { isInboundCluster } from './demand.ts';
import { encodeAbsence } from './encode.ts';
import { encodeTombstone } from './make-clusters.ts';
import { TYPE_URL } from './names.ts';

/** What connections or requests wait for; undefined ("does not exist") for any other name. */
export function standInFor(typeUrl: string, name: string): EncodedResource | undefined {
  if (typeUrl === TYPE_URL.virtualHost) return encodeAbsence(name);
  if (typeUrl !== TYPE_URL.cluster || isInboundCluster(name)) return undefined;
  return encodeTombstone(name);
}
