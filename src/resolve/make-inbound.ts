// From recipe to resource, for a workload's own inbound side.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { chooseAuthorizer } from '#model/authorizers.ts';
import type { Mesh, WorkloadAuthorization } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { authorizerOf } from './authorizer.ts';
import { encodeResource } from './encode.ts';
import { buildAuthorizer } from './ext-authz.ts';
import { endsTls, firstSpeaker, inboundContent } from './first-speaker.ts';
import type { HostLookup } from './host-lookup.ts';
import { buildHttpRbac, buildNoPolicy } from './http-rbac.ts';
import { serviceNames } from './identity-metadata.ts';
import { buildInboundCluster, buildInboundPassthrough } from './inbound-cluster.ts';
import { HTTP_INSPECTION, httpPolicyName } from './inbound-names.ts';
import { buildExplicitInbound, buildHttpInspection, buildVirtualInbound } from './inbound.ts';
import type { InboundListenerPort, ListenerInput } from './inbound.ts';
import {
  explicitListenerName,
  INBOUND_PASSTHROUGH,
  inboundName,
  rbacName,
  VIRTUAL_INBOUND,
} from './names.ts';
import type { Destination } from './names.ts';
import { buildJwt } from './jwt.ts';
import { isReachedByIpv6 } from './outbound.ts';
import type { InboundRecipe } from './recipe.ts';
import { buildRbac } from './rbac.ts';
import { trustDomainsOf } from './tls.ts';

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;

export class InboundMaker {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  /** undefined: what the recipe is about is not there. */
  make(recipe: InboundRecipe): EncodedResource | undefined {
    switch (recipe.kind) {
      case 'virtual-inbound':
        return this.#virtualInbound(recipe.workload);
      case 'explicit-inbound':
        return this.#explicitInbound(recipe.workload, recipe.address);
      case 'inbound-cluster':
        return this.#inboundCluster(recipe.workload, recipe.port);
      case 'inbound-passthrough':
        return encodeResource(INBOUND_PASSTHROUGH, ClusterSchema, buildInboundPassthrough());
      case 'http-inspection': {
        const inspection = buildHttpInspection(recipe.isOn);
        return encodeResource(HTTP_INSPECTION, TypedExtensionConfigSchema, inspection);
      }
      case 'http-policy': {
        const policy = this.#httpPolicy(recipe);
        return (
          policy &&
          encodeResource(httpPolicyName(recipe.policy), TypedExtensionConfigSchema, policy)
        );
      }
      case 'rbac':
        return this.#rbac(recipe);
      default:
        return assertNever(recipe);
    }
  }

  #trustDomains(): readonly string[] {
    return trustDomainsOf(this.#mesh.config());
  }

  #virtualInbound(workloadKey: string): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(workloadKey);
    if (workload === undefined) return undefined;
    const listener = buildVirtualInbound({
      hasIpv6: isReachedByIpv6(workload),
      passthroughMode: this.#mesh.mtlsMode(workload, NO_PORT),
      ...this.#listenerInput(workload),
    });
    return encodeResource(VIRTUAL_INBOUND, ListenerSchema, listener);
  }

  #explicitInbound(workloadKey: string, address: Destination): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(workloadKey);
    if (workload === undefined) return undefined;
    const listener = buildExplicitInbound(address, this.#listenerInput(workload));
    const name = explicitListenerName('inbound', address);
    return listener && encodeResource(name, ListenerSchema, listener);
  }

  #listenerInput(workload: Workload): ListenerInput {
    return {
      ports: this.#listenerPorts(workload),
      trustDomains: this.#trustDomains(),
      accessLog: this.#mesh.textLogs(workload, 'server'),
    };
  }

  /** The ports that services declare, and those that only the workload's own policy names. */
  #listenerPorts(workload: Workload): readonly InboundListenerPort[] {
    const served = this.#mesh.inboundPorts(workload.key);
    const others = this.#mesh
      .mtlsPorts(workload)
      .filter((port) => !served.some((entry) => entry.port === port));
    return [
      ...served.map((entry) => {
        const { port, protocol, service, termination } = entry;
        const mode = this.#mesh.mtlsMode(workload, port);
        return {
          port,
          isServed: true,
          mode,
          speaker: firstSpeaker({ port, protocol, name: service.portName }),
          content: inboundContent(entry, mode),
          ...(endsTls(termination, mode) && { termination }),
        };
      }),
      ...others.map((port) => ({
        port,
        isServed: false,
        mode: this.#mesh.mtlsMode(workload, port),
        speaker: firstSpeaker({ port, protocol: 'auto', name: '' }),
        content: 'tcp' as const,
      })),
    ];
  }

  #inboundCluster(workloadKey: string, port: number): EncodedResource | undefined {
    const served = this.#mesh.inboundPorts(workloadKey).find((entry) => entry.port === port);
    if (served === undefined) return undefined;
    const { deliverAddress: deliverTo, deliverPort, service: ref, protocol } = served;
    const service = this.#mesh.services.get(ref.key);
    const cluster = buildInboundCluster({
      port,
      deliverTo,
      deliverPort,
      protocol,
      connectionPool: served.connectionPool,
      service: service && {
        ...serviceNames(service),
        port: ref.port,
        portName: ref.portName,
      },
    });
    return encodeResource(inboundName(port), ClusterSchema, cluster);
  }

  #rbac(recipe: Extract<InboundRecipe, { kind: 'rbac' }>): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(recipe.workload);
    if (workload === undefined) return undefined;
    const { half: kind, port } = recipe;
    const authorization = countingOnTcp(this.#mesh.authorization(workload), this.#mesh.config());
    const extension = buildRbac({ kind, port, authorization, trustDomains: this.#trustDomains() });
    return encodeResource(rbacName(kind, port), TypedExtensionConfigSchema, extension);
  }

  #httpPolicy({
    workload: key,
    policy,
  }: Extract<InboundRecipe, { kind: 'http-policy' }>): Extension | undefined {
    const workload = this.#mesh.workloads.get(key);
    if (workload === undefined) return undefined;
    const parts = { mesh: this.#mesh, serviceOf: this.#serviceOf };
    switch (policy.kind) {
      case 'jwt': {
        const { jwtRules, jwksOf } = this.#mesh.requestAuthentications;
        const clearsRouteCache = workload.isGateway;
        return buildJwt({ rules: jwtRules(workload), jwksOf, clearsRouteCache });
      }
      case 'authorizer': {
        const authorizer = authorizerOf(parts, workload);
        return authorizer ? buildAuthorizer(authorizer) : buildNoPolicy(httpPolicyName(policy));
      }
      case 'custom':
      case 'deny':
      case 'allow':
        return buildHttpRbac({
          kind: policy.kind,
          port: policy.port,
          authorization: this.#mesh.authorization(workload),
          hasAuthorizer: authorizerOf(parts, workload) !== undefined,
          trustDomains: this.#trustDomains(),
        });
      default:
        return assertNever(policy);
    }
  }
}

/** An authorizer over HTTP can be asked about requests only, as in Istio. */
function countingOnTcp(
  authorization: WorkloadAuthorization,
  config: MeshConfig,
): WorkloadAuthorization {
  const choice = chooseAuthorizer(authorization, config);
  const isOfHttp = choice.kind === 'one' && choice.settings.protocol === 'http';
  return isOfHttp ? { ...authorization, custom: [] } : authorization;
}

/** No port has this number: asks for the mode of the workload as a whole. */
const NO_PORT = 0;
