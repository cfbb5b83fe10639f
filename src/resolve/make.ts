// From recipe to resource: reads of the mesh just what the resource is made of, and encodes it.
// This file tells by kind whose a recipe is; the makers beside it make it.
import { assertNever } from '#base/assert-never.ts';
import {
  HostAddressesSchema,
  MeshAddressesSchema,
  MetricRulesSchema,
  WorkloadFactsSchema,
} from '#gen/isthmus/v1/agent_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { encodeResource } from './encode.ts';
import { makeGatewayListener, makeGatewayRoutes } from './gateway-make.ts';
import type { GatewayTables } from './gateway-table.ts';
import type { HostLookup } from './host-lookup.ts';
import { buildHostAddresses, UNKNOWN_HOST } from './host-addresses.ts';
import { ClusterMaker } from './make-clusters.ts';
import { InboundMaker } from './make-inbound.ts';
import { OutboundMaker } from './make-outbound.ts';
import { buildMeshAddresses } from './mesh-addresses.ts';
import { buildMetricRules } from './metric-rules.ts';
import { MESH_ADDRESSES, METRIC_RULES } from './names.ts';
import { makeProxyless } from './proxyless.ts';
import type { Recipe } from './recipe.ts';
import { trustDomainsOf } from './tls.ts';
import { buildWorkloadFacts, UNKNOWN_PEER } from './workload-facts.ts';

export class Maker {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #tables: GatewayTables;
  readonly #clusters: ClusterMaker;
  readonly #inbound: InboundMaker;
  readonly #outbound: OutboundMaker;

  /** Adds collections to the mesh's graph. */
  constructor(
    mesh: Mesh,
    { serviceOf, tables }: { readonly serviceOf: HostLookup; readonly tables: GatewayTables },
  ) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#tables = tables;
    this.#clusters = new ClusterMaker(mesh);
    this.#inbound = new InboundMaker(mesh, serviceOf);
    this.#outbound = new OutboundMaker(mesh, serviceOf);
  }

  /** undefined: what the recipe is about is not there. */
  make(recipe: Recipe): EncodedResource | undefined {
    switch (recipe.kind) {
      case 'virtual-outbound':
      case 'http-listener':
      case 'tcp-listener':
      case 'tls-listener':
      case 'explicit-outbound':
      case 'http-routes':
      case 'no-virtual-host':
      case 'virtual-host':
        return this.#outbound.make(recipe);
      case 'virtual-inbound':
      case 'explicit-inbound':
      case 'inbound-cluster':
      case 'inbound-passthrough':
      case 'http-inspection':
      case 'http-policy':
      case 'tcp-authorizer':
      case 'rbac':
        return this.#inbound.make(recipe);
      case 'service-cluster':
      case 'endpoint-cluster':
      case 'split-cluster':
      case 'table-cluster':
      case 'passthrough':
      case 'collector':
      case 'refused':
      case 'tombstone':
      case 'endpoints':
        return this.#clusters.make(recipe);
      case 'gateway-listener':
        return makeGatewayListener(recipe, {
          tables: this.#tables,
          trustDomains: trustDomainsOf(this.#mesh.config()),
        });
      case 'gateway-routes':
        return makeGatewayRoutes(recipe, this.#tables);
      case 'proxyless-listener':
      case 'proxyless-routes':
      case 'proxyless-cluster':
        return makeProxyless({ mesh: this.#mesh, serviceOf: this.#serviceOf }, recipe);
      case 'mesh-addresses': {
        const addresses = this.#mesh.meshAddresses(recipe.namespace);
        return encodeResource(MESH_ADDRESSES, MeshAddressesSchema, buildMeshAddresses(addresses));
      }
      case 'host-addresses':
        return this.#hostAddresses(recipe.name, recipe.service);
      case 'unknown-host':
        return encodeResource(recipe.name, HostAddressesSchema, UNKNOWN_HOST);
      case 'workload-facts':
        return this.#workloadFacts(recipe.name, recipe.workload);
      case 'unknown-peer':
        return encodeResource(recipe.name, WorkloadFactsSchema, UNKNOWN_PEER);
      case 'metric-rules':
        return encodeResource(METRIC_RULES, MetricRulesSchema, buildMetricRules(recipe.rules));
      default:
        return assertNever(recipe);
    }
  }

  #workloadFacts(name: string, key: string): EncodedResource {
    const workload = this.#mesh.workloads.get(key);
    const answer = workload ? buildWorkloadFacts(workload, this.#mesh.clusterId) : UNKNOWN_PEER;
    return encodeResource(name, WorkloadFactsSchema, answer);
  }

  #hostAddresses(name: string, key: string): EncodedResource {
    const service = this.#mesh.services.get(key);
    const answer = service
      ? buildHostAddresses(service, this.#mesh.endpoints.get(key))
      : UNKNOWN_HOST;
    return encodeResource(name, HostAddressesSchema, answer);
  }
}
