// A sidecar's outbound listeners where nothing is captured: the workload dials the proxy itself, at
// the address and port that its Sidecar names, and is taken to the service that has the port.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { isHttp } from '#istio/core/protocol.ts';
import { compareServices } from '#model/addresses.ts';
import { membersOf } from '#model/collection.ts';
import type { Index } from '#model/collection.ts';
import type { ExplicitEgress } from '#model/explicit-listeners.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import { imports } from '#model/sidecars.ts';
import type { Workload } from '#model/workload.ts';
import { TCP_KEEPALIVE } from './cluster.ts';
import { socketAddress } from './message.ts';
import { destinationClusterName, explicitListenerName, outboundName } from './names.ts';
import type { Destination } from './names.ts';
import { connectionManager } from './outbound-http.ts';
import { onDemandTcp } from './outbound.ts';
import type { OutboundRecipe } from './recipe.ts';
import type { RequestTelemetry, TelemetryPlanner } from './telemetry.ts';

type ExplicitRecipe = Extract<OutboundRecipe, { kind: 'explicit-outbound' }>;

export class ExplicitOutbound {
  readonly #mesh: Mesh;
  readonly #telemetry: TelemetryPlanner;
  /** Port number → services that have it. */
  readonly #byPort: Index;

  /** Adds an index to the mesh's graph. */
  constructor(mesh: Mesh, telemetry: TelemetryPlanner) {
    this.#mesh = mesh;
    this.#telemetry = telemetry;
    this.#byPort = mesh.graph.index('services by port', mesh.services, ({ ports }) =>
      ports.map(({ number }) => String(number)),
    );
  }

  /** Of those that lead anywhere. */
  names(workload: Workload): readonly string[] {
    return this.#mesh
      .explicitListeners(workload)
      .outbound.filter((egress) => this.#recipeOf(egress, workload) !== undefined)
      .map(({ listener }) => explicitListenerName('outbound', listener));
  }

  listener(name: string, workload: Workload): ExplicitRecipe | undefined {
    const found = this.#mesh
      .explicitListeners(workload)
      .outbound.find(({ listener }) => explicitListenerName('outbound', listener) === name);
    return found && this.#recipeOf(found, workload);
  }

  #recipeOf(egress: ExplicitEgress, workload: Workload): ExplicitRecipe | undefined {
    const { address, port, protocol } = egress.listener;
    const base = { kind: 'explicit-outbound', address: { address, port } } as const;
    if (isHttp(protocol)) {
      return { ...base, cluster: null, ...this.#telemetry.requests(workload, 'client') };
    }
    const service = this.#serviceOf(egress, workload);
    const logs = this.#telemetry.logs(workload, 'client');
    return service && { ...base, cluster: clusterOf(service, port), logs, trace: null };
  }

  /** Of several the one that an address of all of them would mean: bytes do not say whose. */
  #serviceOf(egress: ExplicitEgress, { namespace }: Workload): MeshService | undefined {
    const { port } = egress.listener;
    return membersOf(this.#byPort, String(port))
      .flatMap((key) => this.#mesh.services.get(key) ?? [])
      .filter((service) => isVisibleIn(service, namespace))
      .filter((service) => imports(egress, { namespace, service, port }))
      .toSorted(compareServices(namespace))[0];
  }
}

/** As if the service's own address had been dialled, where it has one: all its rules hold. */
function clusterOf({ addresses, host }: MeshService, port: number): string {
  const address = addresses.find((one) => !one.includes('/'));
  return address === undefined
    ? outboundName({ host, port })
    : destinationClusterName({ address, port });
}

/** @param cluster null: requests say where they go; nothing else is expected there */
export function buildExplicitOutbound(
  address: Destination,
  options: RequestTelemetry & { readonly cluster: string | null },
): MessageInitShape<typeof ListenerSchema> {
  const { cluster, logs } = options;
  return {
    name: explicitListenerName('outbound', address),
    address: socketAddress(address),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [
      cluster === null
        ? { name: 'http', filters: [connectionManager(address.port, options)] }
        : { name: 'tcp', filters: onDemandTcp(logs, cluster) },
    ],
    tcpKeepalive: TCP_KEEPALIVE,
  };
}
