// The kinds of Istio's API that the mesh knows: to add one, write its folder and name it here.
import { authorizationPolicyKind } from './authorizationpolicy/schema.ts';
import { destinationRuleKind } from './destinationrule/schema.ts';
import { envoyFilterKind } from './envoyfilter/schema.ts';
import { gatewayKind } from './gateway/schema.ts';
import { httpRouteKind } from './httproute/schema.ts';
import type { Kind } from './kind.ts';
import { meshPolicyKind, policyKind } from './meshpolicy/schema.ts';
import { peerAuthenticationKind } from './peerauthentication/schema.ts';
import { proxyConfigKind } from './proxyconfig/schema.ts';
import { requestAuthenticationKind } from './requestauthentication/schema.ts';
import { serviceEntryKind } from './serviceentry/schema.ts';
import { sidecarKind } from './sidecar/schema.ts';
import { telemetryKind } from './telemetry/schema.ts';
import { trafficExtensionKind } from './trafficextension/schema.ts';
import { virtualServiceKind } from './virtualservice/schema.ts';
import { wasmPluginKind } from './wasmplugin/schema.ts';
import { workloadEntryKind } from './workloadentry/schema.ts';
import { workloadGroupKind } from './workloadgroup/schema.ts';

export const KINDS: readonly Kind<unknown>[] = [
  authorizationPolicyKind,
  destinationRuleKind,
  envoyFilterKind,
  gatewayKind,
  httpRouteKind,
  meshPolicyKind,
  peerAuthenticationKind,
  policyKind,
  proxyConfigKind,
  requestAuthenticationKind,
  serviceEntryKind,
  sidecarKind,
  telemetryKind,
  trafficExtensionKind,
  virtualServiceKind,
  wasmPluginKind,
  workloadEntryKind,
  workloadGroupKind,
];
