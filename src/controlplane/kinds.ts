// The kinds that the mesh is made of.
import {
  AUTHORIZATION_POLICY,
  CONFIG_MAP,
  DESTINATION_RULE,
  ENDPOINT_SLICE,
  MESH_POLICY,
  NAMESPACE,
  NODE,
  PEER_AUTHENTICATION,
  POD,
  POLICY,
  SERVICE,
  SERVICE_ENTRY,
  WORKLOAD_ENTRY,
  type ResourceType,
} from '#kube/resources.ts';

/** Watched in all namespaces. */
export const INGESTED: readonly ResourceType[] = [
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
  MESH_POLICY,
  POLICY,
];
