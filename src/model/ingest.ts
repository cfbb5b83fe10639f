// Takes Kubernetes objects in: parses each by its kind, and keeps the last good form of one that
// is refused, with the reasons.
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { parseEndpointSlice } from '#istio/core/endpoint-slice.ts';
import { parseNamespace, parseNode } from '#istio/core/place.ts';
import { parsePod } from '#istio/core/pod.ts';
import { parseService } from '#istio/core/service.ts';
import { parseDestinationRule } from '#istio/destinationrule/destination-rule.ts';
import { parseGateway } from '#istio/gateway/gateway.ts';
import {
  MESH_CONFIG_NAME,
  MESH_CONFIG_NAMESPACE,
  parseMeshConfig,
} from '#istio/meshconfig/mesh-config.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { parseMeshPolicy, parsePolicy } from '#istio/meshpolicy/legacy-policy.ts';
import type { ParseResult, Violation } from '#istio/object.ts';
import { parsePeerAuthentication } from '#istio/peerauthentication/peer-authentication.ts';
import { parseRequestAuthentication } from '#istio/requestauthentication/request-authentication.ts';
import { parseServiceEntry } from '#istio/serviceentry/service-entry.ts';
import { parseProxyConfig } from '#istio/proxyconfig/proxy-config.ts';
import { parseSidecar } from '#istio/sidecar/sidecar.ts';
import { httpRouteName, parseHttpRoute } from '#istio/httproute/http-route.ts';
import { parseTelemetry } from '#istio/telemetry/telemetry.ts';
import { parseVirtualService } from '#istio/virtualservice/virtual-service.ts';
import { parseWorkloadEntry } from '#istio/workloadentry/workload-entry.ts';
import { objectKey } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import { resourceName } from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { THE_MESH } from './inputs.ts';
import type { Inputs } from './inputs.ts';
import type { Source } from './source.ts';
import { workloadKey, workloadOfEntry, workloadOfPod } from './workload.ts';

export type Ingest = (
  type: ResourceType,
  object: KubeObject,
  change: 'applied' | 'deleted',
) => void;

/** Where the objects of one kind go. */
type Intake<V> = {
  readonly source: Source<V>;
  readonly keyOf: (object: KubeObject) => string;
  readonly parse: (object: KubeObject) => ParseResult<V>;
};

export function createIngest(
  inputs: Inputs,
  options: {
    readonly defaults: MeshConfig;
    readonly fullHost: (host: string, namespace: string) => string;
  },
): Ingest {
  const { defaults, fullHost } = options;
  const intakes = new Map<string, Ingest>();
  const take = <V>(type: ResourceType, intake: Intake<V>): void => {
    intakes.set(resourceName(type), (type, object, change) => {
      apply(inputs, intake, { type, object, change });
    });
  };
  const takeByName = <V>(type: ResourceType, source: Source<V>, parse: Intake<V>['parse']): void =>
    take(type, { source, keyOf: keyOfMeta, parse });
  takeByName(kube.SERVICE, inputs.services, always(parseService));
  takeByName(kube.ENDPOINT_SLICE, inputs.slices, always(parseEndpointSlice));
  takeByName(kube.NAMESPACE, inputs.namespaces, always(parseNamespace));
  takeByName(kube.NODE, inputs.nodes, always(parseNode));
  takeByName(kube.SERVICE_ENTRY, inputs.serviceEntries, parseServiceEntry);
  takeByName(kube.PEER_AUTHENTICATION, inputs.peerAuthentications, parsePeerAuthentication);
  takeByName(kube.MESH_POLICY, inputs.meshPolicies, parseMeshPolicy);
  takeByName(kube.POLICY, inputs.legacyPolicies, parsePolicy);
  takeByName(kube.AUTHORIZATION_POLICY, inputs.authorizationPolicies, parseAuthorizationPolicy);
  takeByName(
    kube.REQUEST_AUTHENTICATION,
    inputs.requestAuthentications,
    parseRequestAuthentication,
  );
  takeByName(kube.TELEMETRY, inputs.telemetries, parseTelemetry);
  takeByName(kube.DESTINATION_RULE, inputs.destinationRules, parseDestinationRule);
  takeByName(kube.PROXY_CONFIG, inputs.proxyConfigs, parseProxyConfig);
  takeByName(kube.SIDECAR, inputs.sidecars, parseSidecar);
  takeByName(kube.GATEWAY, inputs.gateways, parseGateway);
  takeByName(kube.VIRTUAL_SERVICE, inputs.virtualServices, parseVirtualService);
  take(kube.HTTP_ROUTE, {
    source: inputs.virtualServices,
    keyOf: ({ metadata }) => `${metadata.namespace ?? ''}/${httpRouteName(metadata.name)}`,
    parse: (object) => parseHttpRoute(object, fullHost),
  });
  take(kube.POD, {
    source: inputs.workloads,
    keyOf: ({ metadata }) => workloadKey('Pod', metadata.namespace ?? '', metadata.name),
    parse: always((object) => workloadOfPod(parsePod(object))),
  });
  take(kube.WORKLOAD_ENTRY, {
    source: inputs.workloads,
    keyOf: ({ metadata }) => workloadKey('WorkloadEntry', metadata.namespace ?? '', metadata.name),
    parse: (object) => {
      const result = parseWorkloadEntry(object);
      return result.ok ? { ok: true, value: workloadOfEntry(result.value) } : result;
    },
  });
  const meshConfig: Intake<MeshConfig> = {
    source: inputs.meshConfig,
    keyOf: () => THE_MESH,
    parse: (object) => parseMeshConfig(object, defaults),
  };
  intakes.set(resourceName(kube.CONFIG_MAP), (type, object, change) => {
    const { namespace, name } = object.metadata;
    if (namespace !== MESH_CONFIG_NAMESPACE || name !== MESH_CONFIG_NAME) return;
    apply(inputs, meshConfig, { type, object, change });
  });
  return (type, object, change) => intakes.get(resourceName(type))?.(type, object, change);
}

const keyOfMeta = ({ metadata }: KubeObject): string => objectKey(metadata);

/** For kinds whose objects the API server has checked: there is nothing left to refuse. */
const always =
  <V>(parse: (object: KubeObject) => V) =>
  (object: KubeObject): ParseResult<V> => ({ ok: true, value: parse(object) });

function apply<V>(
  { rejections, remarks }: Inputs,
  { source, keyOf, parse }: Intake<V>,
  event: {
    readonly type: ResourceType;
    readonly object: KubeObject;
    readonly change: 'applied' | 'deleted';
  },
): void {
  const { type, object, change } = event;
  const key = keyOf(object);
  const { namespace = '', name } = object.metadata;
  const reportKey = `${resourceName(type)}/${objectKey(object.metadata)}`;
  if (change === 'deleted') {
    source.delete(key);
    rejections.delete(reportKey);
    remarks.delete(reportKey);
    return;
  }
  const result = parse(object);
  if (result.ok) {
    source.set(key, result.value);
    rejections.delete(reportKey);
    const found = remarksOf(result.value);
    if (found.length === 0) remarks.delete(reportKey);
    else remarks.set(reportKey, { type, namespace, name, remarks: found });
    return;
  }
  const hasLastGood = source.latest(key) !== undefined;
  const { violations } = result;
  rejections.set(reportKey, { type, namespace, name, violations, hasLastGood });
}

/** Kinds of which only a part is acted on tell, in their values, what is not. */
function remarksOf(value: unknown): readonly Violation[] {
  if (typeof value !== 'object' || value === null || !('remarks' in value)) return [];
  const remarks: readonly Violation[] = Array.isArray(value.remarks) ? value.remarks : [];
  return remarks;
}
