// Everything that is looked for, by name. To add an analyzer, write its file and name it here.
import type { Analyzer } from './analyzer.ts';
import { annotations } from './analyzers/annotations.ts';
import { applicationUid } from './analyzers/application-uid.ts';
import { authorizationPolicies } from './analyzers/authorization-policies.ts';
import { blockedCidrs } from './analyzers/blocked-cidrs.ts';
import { caCertificates } from './analyzers/ca-certificates.ts';
import { claimRoutes } from './analyzers/claim-routes.ts';
import { conditions } from './analyzers/conditions.ts';
import { gatewayConflicts } from './analyzers/conflicting-gateways.ts';
import { deprecations } from './analyzers/deprecations.ts';
import { destinationHosts } from './analyzers/destination-hosts.ts';
import { destinationSubsets } from './analyzers/destination-subsets.ts';
import { envoyFilters } from './analyzers/envoy-filters.ts';
import { externalControlPlanes } from './analyzers/external-control-plane.ts';
import { gatewayApiVersions } from './analyzers/gateway-api-versions.ts';
import { gatewayCertificates } from './analyzers/gateway-certificates.ts';
import { gatewayPorts } from './analyzers/gateway-ports.ts';
import { gatewaySecrets } from './analyzers/gateway-secrets.ts';
import { gatewaySelectors } from './analyzers/gateway-selectors.ts';
import { imageAuto } from './analyzers/image-auto.ts';
import { injectionImage } from './analyzers/injection-image.ts';
import { injection } from './analyzers/injection.ts';
import { machines } from './analyzers/machines.ts';
import { meshHosts } from './analyzers/mesh-hosts.ts';
import { meshNetworks } from './analyzers/mesh-networks.ts';
import { multiService } from './analyzers/multi-service.ts';
import { notActedOnHere } from './analyzers/not-acted-on.ts';
import { portNames } from './analyzers/port-names.ts';
import { schemas } from './analyzers/schema.ts';
import { serviceEntryAddresses } from './analyzers/service-entry-addresses.ts';
import { serviceEntryProtocols } from './analyzers/service-entry-protocols.ts';
import { sidecarSelectors } from './analyzers/sidecar-selectors.ts';
import { subsets } from './analyzers/subsets.ts';
import {
  telemetryDefaults,
  telemetryLightstep,
  telemetryProviders,
  telemetrySelectors,
} from './analyzers/telemetry.ts';
import { virtualServiceGateways } from './analyzers/virtual-service-gateways.ts';
import { webhooks } from './analyzers/webhooks.ts';

const ALL: readonly Analyzer[] = [
  annotations,
  applicationUid,
  authorizationPolicies,
  blockedCidrs,
  caCertificates,
  claimRoutes,
  conditions,
  deprecations,
  destinationHosts,
  destinationSubsets,
  envoyFilters,
  externalControlPlanes,
  gatewayApiVersions,
  gatewayCertificates,
  gatewayConflicts,
  gatewayPorts,
  gatewaySecrets,
  gatewaySelectors,
  imageAuto,
  injection,
  injectionImage,
  machines,
  meshHosts,
  meshNetworks,
  multiService,
  notActedOnHere,
  portNames,
  ...schemas,
  serviceEntryAddresses,
  serviceEntryProtocols,
  sidecarSelectors,
  subsets,
  telemetryDefaults,
  telemetryLightstep,
  telemetryProviders,
  telemetrySelectors,
  virtualServiceGateways,
  webhooks,
];

export const ANALYZERS: readonly Analyzer[] = ALL.toSorted((a, b) => (a.name < b.name ? -1 : 1));
