// From recipe to resource, for a workload's own inbound side.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { FilterChainConfigSchema } from '#gen/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { authorizerOf } from './authorizer.ts';
import { encodeResource } from './encode.ts';
import { buildAuthorizer, buildTcpAuthorizer } from './ext-authz.ts';
import type { Authorizer } from './ext-authz.ts';
import { endsTls, firstSpeaker, inboundContent } from './first-speaker.ts';
import type { HostLookup } from './host-lookup.ts';
import { buildHttpRbac } from './http-rbac.ts';
import { serviceNames } from './identity-metadata.ts';
import { buildInboundCluster, buildInboundPassthrough } from './inbound-cluster.ts';
import {
  HTTP_INSPECTION,
  HTTP_POLICY_KINDS,
  httpPolicyName,
  TCP_AUTHORIZER,
} from './inbound-names.ts';
import type { HttpPolicyKind } from './inbound-names.ts';
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
import { packed } from './message.ts';
import { isReachedByIpv6 } from './outbound.ts';
import type { InboundRecipe } from './recipe.ts';
import { buildNoTcpAuthorizer, buildRbac } from './rbac.ts';
import { TelemetryPlanner } from './telemetry.ts';
import { trustDomainsOf } from './tls.ts';

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;

export class InboundMaker {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #telemetry: TelemetryPlanner;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#telemetry = new TelemetryPlanner(mesh, serviceOf);
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
      case 'http-policy':
        return this.#httpPolicy(recipe.workload, recipe.port);
      case 'rbac':
        return this.#rbac(recipe);
      case 'tcp-authorizer':
        return this.#tcpAuthorizer(recipe.workload);
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
      telemetry: this.#telemetry.requests(workload, 'server'),
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
    const authorizer = this.#authorizer(workload);
    const all = this.#mesh.authorization(workload);
    // an authorizer over HTTP is asked about requests only; as in Istio, its policies do not count
    const isOfHttp = authorizer?.settings.protocol === 'http';
    const extension = buildRbac({
      kind,
      port,
      authorization: isOfHttp ? { ...all, custom: [] } : all,
      hasAuthorizer: authorizer !== undefined,
      trustDomains: this.#trustDomains(),
    });
    return encodeResource(rbacName(kind, port), TypedExtensionConfigSchema, extension);
  }

  #tcpAuthorizer(workloadKey: string): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(workloadKey);
    if (workload === undefined) return undefined;
    const authorizer = this.#authorizer(workload);
    const isAsked = authorizer?.settings.protocol === 'grpc';
    const extension = isAsked ? buildTcpAuthorizer(authorizer) : buildNoTcpAuthorizer();
    return encodeResource(TCP_AUTHORIZER, TypedExtensionConfigSchema, extension);
  }

  #authorizer(workload: Workload): Authorizer | undefined {
    return authorizerOf({ mesh: this.#mesh, serviceOf: this.#serviceOf }, workload);
  }

  #httpPolicy(workloadKey: string, port: number): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(workloadKey);
    if (workload === undefined) return undefined;
    const filters = HTTP_POLICY_KINDS.flatMap(
      (kind) => this.#httpFilter(workload, port, kind) ?? [],
    );
    const name = httpPolicyName(port);
    return encodeResource(name, TypedExtensionConfigSchema, {
      name,
      typedConfig: packed(FilterChainConfigSchema, {
        // a chain without filters is refused; no chain lets everything pass
        ...(filters.length > 0 && { defaultFilterChain: { filters } }),
      }),
    });
  }

  /** undefined: it would have nothing to do. */
  #httpFilter(workload: Workload, port: number, kind: HttpPolicyKind): Extension | undefined {
    switch (kind) {
      case 'jwt': {
        const { jwtRules, jwksOf } = this.#mesh.requestAuthentications;
        const clearsRouteCache = workload.isGateway;
        return buildJwt({ rules: jwtRules(workload), jwksOf, clearsRouteCache });
      }
      case 'authorizer': {
        const authorizer = this.#authorizer(workload);
        return authorizer && buildAuthorizer(authorizer);
      }
      case 'custom':
      case 'deny':
      case 'allow':
        return buildHttpRbac({
          kind,
          port,
          authorization: this.#mesh.authorization(workload),
          hasAuthorizer: this.#authorizer(workload) !== undefined,
          trustDomains: this.#trustDomains(),
        });
      default:
        return assertNever(kind);
    }
  }
}

/** No port has this number: asks for the mode of the workload as a whole. */
const NO_PORT = 0;
