// What the names of a workload's own inbound side mean: its listener, the clusters that deliver to
// its ports, and the policies of their filter chains.
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { INBOUND_PASSTHROUGH, inboundName, parseInboundName } from './names.ts';
import type { InboundRecipe } from './recipe.ts';

export class InboundPlanner {
  readonly #mesh: Mesh;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** The clusters that a wildcard subscription stands for, in no order. */
  clusterNames({ key }: Workload): readonly string[] {
    const ports = this.#mesh.inboundPorts(key);
    return [INBOUND_PASSTHROUGH, ...ports.map(({ port }) => inboundName(port))];
  }

  listener({ key }: Workload): InboundRecipe {
    return { kind: 'virtual-inbound', workload: key };
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
