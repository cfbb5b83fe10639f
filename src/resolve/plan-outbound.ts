// What the names of a sidecar's outbound side mean: the listeners that take its connections,
// their route tables and virtual hosts.
import type { Collection } from '#model/collection.ts';
import type { Workload } from '#model/workload.ts';
import type { Client } from './client.ts';
import { ExplicitOutbound } from './explicit-outbound.ts';
import {
  parseOutboundListenerName,
  parseSidecarRoutesName,
  parseVirtualHostName,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import { ANY_ADDRESS, isReachedByIpv6 } from './outbound.ts';
import { OutboundPorts } from './outbound-ports.ts';
import { OutboundTls } from './outbound-tls.ts';
import type { OutboundRecipe } from './recipe.ts';
import { TelemetryPlanner } from './telemetry.ts';
import { planVirtualHost } from './virtual-host.ts';
import type { VirtualHostContext } from './virtual-host.ts';

export class OutboundPlanner {
  readonly #context: VirtualHostContext;
  readonly #ports: OutboundPorts;
  readonly #tls: OutboundTls;
  readonly #telemetry: TelemetryPlanner;
  readonly #explicit: ExplicitOutbound;
  readonly #listeners: Collection<readonly string[]>;

  /**
   * Adds collections to the mesh's graph.
   *
   * @param options.namespaces whose proxies want all of their listeners, by name
   */
  constructor(
    context: VirtualHostContext,
    { namespaces }: { readonly namespaces: Collection<unknown> },
  ) {
    this.#context = context;
    const { graph } = context.mesh;
    this.#ports = new OutboundPorts(context.mesh);
    this.#tls = new OutboundTls(context.mesh, context.serviceOf);
    this.#telemetry = new TelemetryPlanner(context.mesh, context.serviceOf);
    this.#explicit = new ExplicitOutbound(context.mesh, this.#telemetry);
    // who is in a namespace changes its entry; only whether anybody is, is of interest
    const inhabited = graph.derive('inhabited namespaces', namespaces, () => true as const);
    this.#listeners = graph.derive(
      'outbound listeners',
      inhabited,
      (_, namespace) =>
        [
          ...new Set([
            ...this.#ports.listenerNames(namespace),
            ...this.#tls.listenerNames(namespace),
          ]),
        ].toSorted(),
      (a, b) => a.join(' ') === b.join(' '),
    );
  }

  /** The listeners that a wildcard subscription stands for, in no order. */
  listenerNames(
    { namespace }: Pick<Client, 'namespace'>,
    workload: Workload | undefined,
  ): readonly string[] {
    const explicit = workload ? this.#explicit.names(workload) : [];
    const captures = !workload || this.#context.mesh.explicitListeners(workload).capturesOutbound;
    if (!captures) return explicit;
    // Envoy refuses an address of a family that its machine does not have, bound or not
    const hasIpv6 = isReachedByIpv6(workload);
    const names = this.#listeners.get(namespace) ?? [];
    const ofFamilies = hasIpv6 ? names : names.filter((name) => !isIpv6(name));
    return [VIRTUAL_OUTBOUND, ...ofFamilies, ...explicit];
  }

  /** A listener that the workload dials at its own address. */
  explicitListener(name: string, workload: Workload): OutboundRecipe | undefined {
    return this.#explicit.listener(name, workload);
  }

  /** A listener for a port, or for one destination; undefined when there is none. */
  listener(
    name: string,
    client: Pick<Client, 'namespace' | 'labels' | 'hasIpv6'>,
  ): OutboundRecipe | undefined {
    const destination = parseOutboundListenerName(name);
    if (destination === undefined) return undefined;
    const { address, port } = destination;
    const { namespace, hasIpv6 } = client;
    if (isIpv6(address) && !hasIpv6) return undefined;
    if (address === ANY_ADDRESS) {
      return this.#ports.isHttp(namespace, port)
        ? {
            kind: 'http-listener',
            port,
            hasIpv6,
            ...this.#telemetry.requests(client, 'client'),
          }
        : undefined;
    }
    const logs = this.#telemetry.logs(client, 'client');
    const serverNames = this.#tls.serverNames(namespace, destination);
    if (serverNames.length > 0) return { kind: 'tls-listener', destination, serverNames, logs };
    return this.#ports.isTcp(namespace, destination)
      ? { kind: 'tcp-listener', destination, logs }
      : undefined;
  }

  /** A table that is asked for while its listener drains is there still. */
  routes(name: string): OutboundRecipe | undefined {
    const port = parseSidecarRoutesName(name);
    return port === undefined ? undefined : { kind: 'http-routes', port };
  }

  virtualOutbound(workload: Workload | undefined): OutboundRecipe {
    const logs = this.#telemetry.logs(workload ?? NOBODY, 'client');
    return { kind: 'virtual-outbound', hasIpv6: isReachedByIpv6(workload), logs };
  }

  /** `<port>/<authority>`: always answered, for whoever asks has a request that waits. */
  virtualHost(name: string, { namespace, labels }: Client): OutboundRecipe {
    const ref = parseVirtualHostName(name);
    if (ref === undefined || !isPlausible(ref.authority)) return { kind: 'no-virtual-host', name };
    return planVirtualHost(this.#context, { namespace, labels, ...ref });
  }
}

/** Whoever is no workload is of no namespace: what is said for the mesh is for them, too. */
const NOBODY = { namespace: '', labels: {} } as const;

/** A host name with its last dot, a colon and a port. */
const AUTHORITY_LENGTH_MAX = 254 + 1 + 5;

/** A virtual host for `*` would be Envoy's last: it would ask for no other any more. */
const isPlausible = (authority: string): boolean =>
  authority.length <= AUTHORITY_LENGTH_MAX && !authority.includes('*');

/** An address, or the name of a listener that begins with one. */
const isIpv6 = (text: string): boolean => text.includes(':');
