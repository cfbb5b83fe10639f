// For tests of Istio's rules: a mesh of objects as their users write them, and what one of its Pods
// is told.
import assert from 'node:assert/strict';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { HttpProtocolOptions } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { UpstreamTlsContext } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { apply, meshOf } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from './catalog.ts';
import { hostPort, TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';

/** The Pod that asks. */
const WEB = `
kind: Pod
metadata:
  name: web
  labels: { app: web, version: v1, security.istio.io/tlsMode: istio }
spec: { nodeName: n1 }
status: { podIP: 10.24.0.100 }
`;

const NODES = `
kind: Node
metadata:
  name: n1
  labels: { topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1 }
---
kind: Node
metadata:
  name: n2
  labels: { topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z2 }
---
kind: Node
metadata:
  name: n3
  labels: { topology.kubernetes.io/region: r2, topology.kubernetes.io/zone: z3 }
`;

const identityOf = (namespace: string, name: string): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace,
  serviceAccount: 'default',
  workload: { kind: 'Pod', name },
});

export const CLIENT = identityOf('default', 'web');

/** What is told of an endpoint: `address weight`, `!` before one that is not to be tried. */
type Told = readonly string[];

export class RulesWorld {
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;

  constructor(yaml: string) {
    this.mesh = meshOf([WEB, NODES, yaml].join('\n---\n'));
    assert.deepEqual(
      [...this.mesh.rejections.entries()].flatMap(([key, { violations }]) => [key, violations]),
      [],
      'every object is good',
    );
    this.catalog = new MeshCatalog(this.mesh);
  }

  apply(yaml: string): void {
    apply(this.mesh, yaml);
  }

  /** Who asks, by `namespace/name` of a Pod. */
  as(pod: string): WorkloadIdentity {
    const [namespace = '', name = ''] = pod.split('/');
    return identityOf(namespace, name);
  }

  cluster(name: string, proxy = CLIENT): Cluster {
    const answer = ask(this.catalog, { proxy, typeUrl: TYPE_URL.cluster, name });
    assert(answer, `${name} is answered`);
    return decode(ClusterSchema, answer);
  }

  /** `STATIC`, `EDS`, …; with where it leads in logs and statistics. */
  kindOf(name: string, proxy = CLIENT): string {
    const { clusterDiscoveryType, altStatName } = this.cluster(name, proxy);
    assert(clusterDiscoveryType.case === 'type');
    return `${Cluster_DiscoveryType[clusterDiscoveryType.value]} ${altStatName}`;
  }

  lbPolicy(name: string): string {
    return Cluster_LbPolicy[this.cluster(name).lbPolicy] ?? '';
  }

  assignment(name: string, proxy = CLIENT): ClusterLoadAssignment | undefined {
    const cluster = this.cluster(name, proxy);
    const eds = cluster.edsClusterConfig?.serviceName;
    if (eds === undefined) return cluster.loadAssignment;
    const answer = ask(this.catalog, { proxy, typeUrl: TYPE_URL.endpoints, name: eds });
    return answer && decode(ClusterLoadAssignmentSchema, answer);
  }

  /** The endpoints by priority. */
  told(name: string, proxy = CLIENT): readonly Told[] {
    const priorities: string[][] = [];
    for (const { priority, lbEndpoints } of this.assignment(name, proxy)?.endpoints ?? []) {
      for (const { hostIdentifier, healthStatus, loadBalancingWeight } of lbEndpoints) {
        assert(hostIdentifier.case === 'endpoint');
        const address = hostIdentifier.value.address?.address;
        const text =
          address?.case === 'pipe'
            ? address.value.path
            : address?.case === 'socketAddress' && address.value.portSpecifier.case === 'portValue'
              ? hostPort({
                  address: address.value.address,
                  port: address.value.portSpecifier.value,
                })
              : assert.fail('an address');
        const mark = healthStatus === HealthStatus.HEALTHY ? '' : '!';
        (priorities[priority] ??= []).push(`${mark}${text} ${loadBalancingWeight}`);
      }
    }
    return priorities;
  }

  /** The weight of each place, by its locality. */
  weights(name: string): Readonly<Record<string, number | undefined>> {
    const groups = this.assignment(name)?.endpoints ?? [];
    return Object.fromEntries(
      groups.map(({ locality, loadBalancingWeight }) => [
        `${locality?.region}/${locality?.zone}`,
        loadBalancingWeight,
      ]),
    );
  }

  /** TLS of the first transport socket; undefined: plaintext. */
  tls(name: string): UpstreamTlsContext | undefined {
    const { transportSocket, transportSocketMatches } = this.cluster(name);
    const socket = transportSocketMatches[0]?.transportSocket ?? transportSocket;
    if (socket?.configType.case !== 'typedConfig') return undefined;
    return anyUnpack(socket.configType.value, UpstreamTlsContextSchema);
  }

  http(name: string): HttpProtocolOptions | undefined {
    const { typedExtensionProtocolOptions: all } = this.cluster(name);
    const options = all['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'];
    return options && anyUnpack(options, HttpProtocolOptionsSchema);
  }
}
