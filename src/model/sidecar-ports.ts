// What a Sidecar makes of the ports that a workload serves: its own `ingress` instead of what
// services declare, and limits for all of them.
import { assertNever } from '#base/assert-never.ts';
import type { ConnectionPool } from '#istio/destinationrule/traffic-policy.ts';
import type { Delivery, Sidecar } from '#istio/sidecar/sidecar.ts';
import { deliveryAddressOf } from './workload.ts';
import type { InboundPort, Workload } from './workload.ts';

/** @param options.ports what services declare, ordered by port */
export function portsUnder(
  { namespace, name, ingress, inboundConnectionPool }: Sidecar,
  options: { readonly workload: Workload; readonly ports: readonly InboundPort[] },
): readonly InboundPort[] {
  const { workload, ports } = options;
  if (ingress === undefined) {
    return ports.map((port) => ({ ...port, ...limited(inboundConnectionPool) }));
  }
  return ingress
    .filter(({ port }) => port > 0)
    .toSorted((a, b) => a.port - b.port)
    .map(({ port, name: portName, protocol, deliverTo, connectionPool, termination }) => ({
      port,
      protocol,
      ...(termination && { termination }),
      ...deliveryOf(deliverTo, workload),
      ...limited(connectionPool ?? inboundConnectionPool),
      // without a service of its own it is the Sidecar's, as Istio names it
      service: ports.find((declared) => declared.port === port)?.service ?? {
        key: '',
        host: `${name}.${namespace}`,
        port,
        portName,
      },
    }));
}

const limited = (
  connectionPool: ConnectionPool | undefined,
): Pick<InboundPort, 'connectionPool'> => (connectionPool ? { connectionPool } : {});

function deliveryOf(
  delivery: Delivery,
  workload: Workload,
): Pick<InboundPort, 'deliverAddress' | 'deliverPort'> {
  switch (delivery.kind) {
    case 'as-dialled':
      return { deliverAddress: deliveryAddressOf(workload) };
    case 'own-address':
      return { deliverAddress: workload.addresses[0] ?? '127.0.0.1', deliverPort: delivery.port };
    case 'address':
      return { deliverAddress: delivery.address, deliverPort: delivery.port };
    case 'socket':
      return { deliverAddress: delivery.address };
    default:
      return assertNever(delivery);
  }
}
