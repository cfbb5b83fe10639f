// Kinds of the API that only a node writes.
import type { ResourceType } from '#kube/resources.ts';

export const EVENT: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** A node's heartbeat, in namespace kube-node-lease. */
export const LEASE: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
