// What the names of a workload's own inbound side mean: its listener, the clusters that deliver to
// its ports, and the policies of their filter chains.
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { authorizerOf } from './authorizer.ts';
import { inboundContent } from './first-speaker.ts';
import type { HostLookup } from './host-lookup.ts';
import { HTTP_INSPECTION } from './inbound-names.ts';
import { looksForRequests } from './mtls-mode.ts';
import {
  explicitListenerName,
  INBOUND_PASSTHROUGH,
  inboundName,
  parseInboundName,
  VIRTUAL_INBOUND,
} from './names.ts';
import type { InboundRecipe } from './recipe.ts';
import { TelemetryPlanner } from './telemetry.ts';

export class InboundPlanner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #telemetry: TelemetryPlanner;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#telemetry = new TelemetryPlanner(mesh, serviceOf);
  }

  /** The clusters that a wildcard subscription stands for, in no order. */
  clusterNames(workload: Workload): readonly string[] {
    const ports = this.#mesh.inboundPorts(workload.key);
    return [
      INBOUND_PASSTHROUGH,
      ...ports.map(({ port }) => inboundName(port)),
      ...this.ownClusterNames(workload),
    ];
  }

  /** Whom the proxy itself asks and tells: nobody else might ask for these. */
  ownClusterNames(workload: Workload): readonly string[] {
    const parts = { mesh: this.#mesh, serviceOf: this.#serviceOf };
    const authorizer = authorizerOf(parts, workload);
    const told = this.#telemetry.clusterNames(workload);
    return authorizer ? [...new Set([authorizer.cluster, ...told])] : told;
  }

  /** The listener filter that looks for requests in plaintext. */
  inspection(name: string, workload: Workload): InboundRecipe | undefined {
    if (name !== HTTP_INSPECTION) return undefined;
    const ports = this.#mesh.inboundPorts(workload.key).map((served) => {
      const { port } = served;
      const mode = this.#mesh.mtlsMode(workload, port);
      return { port, content: inboundContent(served, mode), mode };
    });
    return { kind: 'http-inspection', isOn: looksForRequests(ports) };
  }

  /** The listeners that a wildcard subscription stands for, in no order. */
  listenerNames(workload: Workload): readonly string[] {
    const { capturesInbound, inbound } = this.#mesh.explicitListeners(workload);
    const names = inbound.map((address) => explicitListenerName('inbound', address));
    return capturesInbound ? [VIRTUAL_INBOUND, ...names] : names;
  }

  listener(name: string, workload: Workload): InboundRecipe | undefined {
    const { key } = workload;
    if (name === VIRTUAL_INBOUND) return { kind: 'virtual-inbound', workload: key };
    const { inbound } = this.#mesh.explicitListeners(workload);
    const found = inbound.find((address) => explicitListenerName('inbound', address) === name);
    if (found === undefined) return undefined;
    const { address, port } = found;
    return { kind: 'explicit-inbound', workload: key, address: { address, port } };
  }

  /** `inbound|<port>||`, or the cluster of all other ports. */
  cluster(name: string, workload: Workload): InboundRecipe | undefined {
    if (name === INBOUND_PASSTHROUGH) return { kind: 'inbound-passthrough' };
    const port = parseInboundName(name);
    return port !== undefined && this.#serves(workload, port)
      ? { kind: 'inbound-cluster', workload: workload.key, port }
      : undefined;
  }

  /** Has the port filter chains of its own? */
  hasChains(workload: Workload, port: number): boolean {
    return this.#serves(workload, port) || this.#mesh.mtlsPorts(workload).includes(port);
  }

  #serves({ key }: Workload, port: number): boolean {
    return this.#mesh.inboundPorts(key).some((served) => served.port === port);
  }
}
