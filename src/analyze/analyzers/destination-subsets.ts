// Destinations of VirtualServices that are no subset of any DestinationRule.
import { objectsAt, textAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message } from '../message.ts';
import { at, DESTINATION_RULE, VIRTUAL_SERVICE } from '../resource.ts';
import { destinationsOf } from '../routes.ts';
import { specOf } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';

export const destinationSubsets: Analyzer = {
  name: 'virtualservice.DestinationRuleAnalyzer',
  description: 'Checks the destination rules associated with each virtual service',
  finds: [referencedResourceNotFound],
  *run(snapshot) {
    const known = new Set<string>();
    for (const rule of snapshot.of(DESTINATION_RULE)) {
      const host = serviceOf(textAt(specOf(rule), 'host'), rule.namespace);
      for (const subset of objectsAt(specOf(rule), 'subsets')) {
        known.add(`${host}+${textAt(subset, 'name')}`);
      }
    }
    for (const service of snapshot.of(VIRTUAL_SERVICE)) {
      for (const { destination, path, isMirror } of destinationsOf(service)) {
        const [host, subset] = [textAt(destination, 'host'), textAt(destination, 'subset')];
        if (subset === '' || known.has(`${serviceOf(host, service.namespace)}+${subset}`)) continue;
        const what = `${isMirror ? 'mirror' : 'host'}+subset in destinationrule`;
        yield message(referencedResourceNotFound, at(service, ...path), what, `${host}+${subset}`);
      }
    }
  },
};

/** `namespace/name` for a service of the cluster, `namespace/host` for any other. */
function serviceOf(host: string, namespace: string): string {
  const [, name, own] = /^(.+)\.([^.]+)\.svc\.cluster\.local$/.exec(host) ?? [];
  return name === undefined ? `${namespace}/${host}` : `${own}/${name}`;
}
