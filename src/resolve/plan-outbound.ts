// What the names of a sidecar's outbound side mean: the listeners that take its connections.
import type { Workload } from '#model/workload.ts';
import type { Client } from './client.ts';
import { parseVirtualHostName, VIRTUAL_OUTBOUND } from './names.ts';
import { isReachedByIpv6 } from './outbound.ts';
import type { OutboundRecipe } from './recipe.ts';
import { planVirtualHost } from './virtual-host.ts';
import type { VirtualHostContext } from './virtual-host.ts';

export class OutboundPlanner {
  readonly #context: VirtualHostContext;

  constructor(context: VirtualHostContext) {
    this.#context = context;
  }

  /** The listeners that a wildcard subscription stands for, in no order. */
  listenerNames(): readonly string[] {
    return [VIRTUAL_OUTBOUND];
  }

  virtualOutbound(workload: Workload | undefined): OutboundRecipe {
    return { kind: 'virtual-outbound', hasIpv6: isReachedByIpv6(workload) };
  }

  /** `<port>/<authority>`; undefined when it is no such name. */
  virtualHost(name: string, { namespace, labels }: Client): OutboundRecipe | undefined {
    const ref = parseVirtualHostName(name);
    return ref && planVirtualHost(this.#context, { namespace, labels, ...ref });
  }
}
