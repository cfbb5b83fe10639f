// Gateways of one workload that claim the same hosts on the same port.
import { fieldsOf, numberAt, objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, fullName, GATEWAY, POD } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, renderSelector, selectorPath, selects, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import type { Snapshot } from '../snapshot.ts';

const conflictingGateways = messageType({
  code: 'IST0145',
  name: 'ConflictingGateways',
  level: 'Error',
  says: (gateways: string, selector: string, port: string, hosts: string) =>
    `Conflict with gateways ${gateways} (workload selector ${selector}, port ${port}, ` +
    `hosts ${hosts}).`,
});

type Server = {
  readonly port: number;
  readonly bind: string;
  readonly hosts: readonly string[];
  readonly index: number;
};

type Known = {
  readonly resource: Resource;
  readonly selector: Labels;
  readonly servers: readonly Server[];
};

export const gatewayConflicts: Analyzer = {
  name: 'gateway.ConflictingGatewayAnalyzer',
  description: "Checks a gateway's selector, port number and hosts",
  finds: [conflictingGateways, referencedResourceNotFound],
  *run(snapshot) {
    const gateways = snapshot.of(GATEWAY).map(knownOf);
    for (const gateway of gateways) {
      const { resource, selector, servers } = gateway;
      const text = renderSelector(selector);
      if (servers.length === 0 && text !== '') {
        const place = at(resource, ...selectorPath(selector, 'spec', 'selector'));
        yield message(referencedResourceNotFound, place, 'selector', text);
      }
      const others = gateways.filter(
        (it) => it !== gateway && haveCommonPods(gateway, it, snapshot),
      );
      for (const server of servers) {
        const rivals = others.filter((it) =>
          lastOnPort(it, server).some((one) => clash(server, one)),
        );
        if (rivals.length === 0) continue;
        const names = rivals
          .map((it) => fullName(it.resource))
          .toSorted()
          .join(',');
        const place = at(resource, 'spec', 'servers', server.index);
        const hosts = server.hosts.join(',');
        yield message(conflictingGateways, place, names, text, String(server.port), hosts);
      }
    }
  },
};

function knownOf(resource: Resource): Known {
  const spec = specOf(resource);
  const servers = objectsAt(spec, 'servers').map((server, index) => ({
    port: numberAt(fieldsOf(server['port']), 'number') ?? 0,
    bind: textAt(server, 'bind'),
    hosts: textsAt(server, 'hosts'),
    index,
  }));
  return { resource, selector: textMapOf(spec['selector']), servers };
}

/** Equal selectors need no Pod to clash; else one is within the other, and somebody in both. */
function haveCommonPods(a: Known, b: Known, snapshot: Snapshot): boolean {
  const [mine, theirs] = [renderSelector(a.selector), renderSelector(b.selector)];
  if (mine === theirs) return true;
  if (!mine.includes(theirs) && !theirs.includes(mine)) return false;
  return snapshot.of(POD).some((pod) => {
    const labels = labelsOf(pod);
    return selects(a.selector, labels) && selects(b.selector, labels);
  });
}

/** Of several servers of a Gateway on one port Istio compares with the last. */
const lastOnPort = ({ servers }: Known, { port }: Server): readonly Server[] =>
  servers.filter((it) => it.port === port).slice(-1);

const clash = (a: Server, b: Server): boolean =>
  a.bind === b.bind && a.hosts.some((host) => b.hosts.includes(host));
