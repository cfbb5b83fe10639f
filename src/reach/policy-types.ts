// The kinds of object that are edited as policies: those that decide who may do what, by what
// encryption, and where it leads. What only says who there is (a ServiceEntry) is none.
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  MESH_POLICY,
  PEER_AUTHENTICATION,
  POLICY,
  REQUEST_AUTHENTICATION,
  SIDECAR,
  TELEMETRY,
  VIRTUAL_SERVICE,
} from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';

export const POLICY_TYPES: readonly ResourceType[] = [
  AUTHORIZATION_POLICY,
  PEER_AUTHENTICATION,
  REQUEST_AUTHENTICATION,
  MESH_POLICY,
  POLICY,
  DESTINATION_RULE,
  VIRTUAL_SERVICE,
  SIDECAR,
  TELEMETRY,
];

/** Undefined: objects of the kind are no policies. */
export const policyType = (kind: string): ResourceType | undefined =>
  POLICY_TYPES.find((type) => type.kind === kind);
