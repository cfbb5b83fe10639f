// The kinds that the mesh is made of, and those that are only looked at.
import { KINDS } from '#istio/kinds.ts';
import {
  AUTHORIZATION_POLICY,
  CONFIG_MAP,
  DESTINATION_RULE,
  ENDPOINT_SLICE,
  GATEWAY,
  HTTP_ROUTE,
  MESH_POLICY,
  NAMESPACE,
  NODE,
  PEER_AUTHENTICATION,
  POD,
  POLICY,
  PROXY_CONFIG,
  REQUEST_AUTHENTICATION,
  SERVICE,
  SERVICE_ENTRY,
  TELEMETRY,
  SIDECAR,
  VIRTUAL_SERVICE,
  WORKLOAD_ENTRY,
  resourceName,
  type ResourceType,
} from '#kube/resources.ts';

/** What the mesh is made of. */
const INGESTED: readonly ResourceType[] = [
  NAMESPACE,
  NODE,
  SERVICE,
  ENDPOINT_SLICE,
  POD,
  CONFIG_MAP,
  SERVICE_ENTRY,
  WORKLOAD_ENTRY,
  PEER_AUTHENTICATION,
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  SIDECAR,
  PROXY_CONFIG,
  MESH_POLICY,
  POLICY,
  REQUEST_AUTHENTICATION,
  TELEMETRY,
  GATEWAY,
  VIRTUAL_SERVICE,
  HTTP_ROUTE,
];

const ingested = new Set(INGESTED.map(resourceName));

/**
 * Watched in all namespaces. Of Istio's kinds that nothing acts on yet an object is at least told
 * what becomes of it.
 */
export const WATCHED: readonly ResourceType[] = [
  ...INGESTED,
  ...KINDS.map(({ type }) => type).filter((type) => !ingested.has(resourceName(type))),
];
