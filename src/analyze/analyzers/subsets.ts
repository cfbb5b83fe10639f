// Subsets of a DestinationRule that nobody is in, and hosts that are nobody's.
import { objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { KnownHosts } from '../hosts.ts';
import { message, messageType } from '../message.ts';
import { at, DESTINATION_RULE, NODE, POD } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, selects, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { machinesOf } from '../workloads.ts';

const subsetWithoutPods = messageType({
  code: 'IST0173',
  name: 'DestinationRuleSubsetNotSelectPods',
  level: 'Error',
  says: (subset: string) =>
    `The Subset ${subset} defined in the DestinationRule does not select any pods. Which may ` +
    'lead to 503 UH (NoHealthyUpstream).',
});

const unknownRuleHost = messageType({
  code: 'IST0174',
  name: 'UnknownDestinationRuleHost',
  level: 'Warning',
  says: (host: string) =>
    `The host ${host} defined in the DestinationRule does not match any services in the mesh.`,
});

const REGION = 'topology.kubernetes.io/region';
const ZONE = 'topology.kubernetes.io/zone';
const SUBZONE = 'topology.istio.io/subzone';
const HOSTNAME = 'kubernetes.io/hostname';

export const subsets: Analyzer = {
  name: 'destinationrule.SubsetSelectPodAnalyzer',
  description: 'Checks if pods are selected by subsets in destination rules.',
  finds: [subsetWithoutPods, unknownRuleHost],
  *run(snapshot) {
    const hosts = new KnownHosts(snapshot);
    const workloads = [
      ...snapshot.of(POD).map((pod) => placedLabels(pod, snapshot)),
      ...machinesOf(snapshot).map(({ labels }) => labels),
    ];
    for (const rule of snapshot.of(DESTINATION_RULE)) {
      const spec = specOf(rule);
      const host = textAt(spec, 'host');
      const known = hosts.find(host, rule.namespace, textsAt(spec, 'exportTo'));
      if (known === undefined) {
        yield message(unknownRuleHost, at(rule, 'spec', 'host'), host);
        continue;
      }
      for (const [index, subset] of objectsAt(spec, 'subsets').entries()) {
        const selector = { ...known.selector, ...textMapOf(subset['labels']) };
        if (workloads.some((labels) => selects(selector, labels))) continue;
        const place = at(rule, 'spec', 'subsets', index, 'name');
        yield message(subsetWithoutPods, place, textAt(subset, 'name'));
      }
    }
  },
};

/** A Pod's labels with those that the mesh adds for where it runs. */
function placedLabels(pod: Resource, snapshot: Snapshot): Labels {
  const nodeName = textAt(specOf(pod), 'nodeName');
  if (nodeName === '') return labelsOf(pod);
  const node = snapshot.find(NODE, '', nodeName);
  const labels: Record<string, string> = { ...labelsOf(pod), [HOSTNAME]: nodeName };
  const place = node === undefined ? {} : labelsOf(node);
  for (const name of [REGION, ZONE, SUBZONE]) {
    const value = place[name] ?? '';
    if (value !== '') labels[name] = value;
  }
  return labels;
}
