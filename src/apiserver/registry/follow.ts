// What the server derives from stored objects and keeps in step with every write: the kinds that
// definitions define, and who holds which cluster IP.
import type { Logger } from '#base/log.ts';
import { compileDefinition } from '../kinds/custom.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { resourceOf } from '../kinds/kind.ts';
import type { ServiceAddresses } from '../kinds/service-addresses.ts';
import type { KubeObject } from '../object.ts';
import type { Store, StoreEvent } from '../store/store.ts';

export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';
const SERVICES = 'services';

export type Followers = {
  readonly kinds: KindRegistry;
  readonly addresses: ServiceAddresses;
  /** A kind is no longer served: its watches must end. */
  readonly onKindGone: (resource: string) => void;
  readonly log: Logger;
};

/** Brings the derived state up to date and keeps it so. @returns a function that ends it */
export function followStore(store: Store, followers: Followers): () => void {
  for (const service of store.list({ resource: SERVICES })) {
    followers.addresses.observe(service, undefined);
  }
  for (const definition of store.list({ resource: DEFINITIONS })) install(followers, definition);
  return store.subscribe((event) => observe(followers, event));
}

function observe(followers: Followers, { key, type, object, previous }: StoreEvent): void {
  if (key.resource === SERVICES) {
    followers.addresses.observe(type === 'DELETED' ? undefined : object, previous);
  }
  if (key.resource !== DEFINITIONS) return;
  if (type !== 'DELETED') return install(followers, object);
  const { kind } = compileDefinition(object);
  followers.kinds.remove(kind);
  followers.onKindGone(resourceOf(kind));
}

function install({ kinds, log }: Followers, definition: KubeObject): void {
  const { kind, violations } = compileDefinition(definition);
  if (violations.length > 0) {
    // It was valid when it was stored: an older server read it otherwise.
    log.warn('definition is not served', { definition: definition.metadata.name });
    return;
  }
  kinds.install(kind);
}
