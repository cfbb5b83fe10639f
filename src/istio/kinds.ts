// The kinds of Istio's API that the mesh knows: to add one, write its folder and name it here.
import { authorizationPolicyKind } from './authorizationpolicy/schema.ts';
import { destinationRuleKind } from './destinationrule/schema.ts';
import { gatewayKind } from './gateway/schema.ts';
import type { Kind } from './kind.ts';
import { meshPolicyKind, policyKind } from './meshpolicy/schema.ts';
import { peerAuthenticationKind } from './peerauthentication/schema.ts';
import { serviceEntryKind } from './serviceentry/schema.ts';
import { virtualServiceKind } from './virtualservice/schema.ts';
import { workloadEntryKind } from './workloadentry/schema.ts';

export const KINDS: readonly Kind<unknown>[] = [
  authorizationPolicyKind,
  destinationRuleKind,
  gatewayKind,
  meshPolicyKind,
  peerAuthenticationKind,
  policyKind,
  serviceEntryKind,
  virtualServiceKind,
  workloadEntryKind,
];
