// A Gateway's ports that its workload's Services do not have, and Gateways of no workload.
import { numberAt, objectsAt, textAt, textMapOf, fieldsOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, GATEWAY, POD, SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, renderSelector, selectorPath, selects, specOf } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import type { Snapshot } from '../snapshot.ts';

const gatewayPortUndefined = messageType({
  code: 'IST0162',
  name: 'GatewayPortNotDefinedOnService',
  level: 'Warning',
  says: (port: number, selector: string) =>
    `The gateway is listening on a target port (port ${port}) that is not defined in the ` +
    `Service associated with its workload instances (Pod selector ${selector}). If you need ` +
    'to access the gateway port through the gateway Service, it will not be available.',
});

export const gatewayPorts: Analyzer = {
  name: 'gateway.IngressGatewayPortAnalyzer',
  description: "Checks a gateway's ports against the gateway's Kubernetes service ports",
  finds: [gatewayPortUndefined, referencedResourceNotFound],
  *run(snapshot) {
    for (const gateway of snapshot.of(GATEWAY)) {
      const selector = textMapOf(specOf(gateway)['selector']);
      const place = at(gateway, ...selectorPath(selector, 'spec', 'selector'));
      const pods = snapshot.of(POD).filter((pod) => selects(selector, labelsOf(pod)));
      if (pods.length === 0) {
        yield message(referencedResourceNotFound, place, 'selector', renderSelector(selector));
        continue;
      }
      const known = servicePorts(pods, snapshot);
      for (const server of objectsAt(specOf(gateway), 'servers')) {
        if (server['port'] === undefined) continue;
        const number = numberAt(fieldsOf(server['port']), 'number') ?? 0;
        if (known.has(number)) continue;
        yield message(gatewayPortUndefined, place, number, renderSelector(selector));
      }
    }
  },
};

/** Ports that the Services of the Pods have, and those that they lead to. */
function servicePorts(pods: readonly Resource[], snapshot: Snapshot): ReadonlySet<number> {
  const known = new Set<number>();
  for (const service of snapshot.of(SERVICE)) {
    const selector = textMapOf(specOf(service)['selector']);
    const isSelecting = pods.some(
      (pod) => pod.namespace === service.namespace && selects(selector, labelsOf(pod)),
    );
    if (!isSelecting) continue;
    for (const port of objectsAt(specOf(service), 'ports')) {
      if ((textAt(port, 'protocol') || 'TCP') !== 'TCP') continue;
      known.add(numberAt(port, 'port') ?? 0);
      known.add(Number(port['targetPort']));
    }
  }
  return known;
}
