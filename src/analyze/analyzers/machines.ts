// Virtual machines: entries that nobody uses, ports that are not there, addresses given twice.
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, fullName, SERVICE, SERVICE_ENTRY, WORKLOAD_ENTRY } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { renderSelector, selects, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { entryLabels, workloadsOf } from '../workloads.ts';

const unselectedEntry = messageType({
  code: 'ISM0101',
  name: 'WorkloadEntryWithoutService',
  level: 'Warning',
  says: () => 'No Service and no ServiceEntry selects this WorkloadEntry: nobody is sent to it.',
});

const entryWithoutWorkloads = messageType({
  code: 'ISM0102',
  name: 'ServiceEntryWithoutWorkloads',
  level: 'Warning',
  says: (selector: string) =>
    `No WorkloadEntry and no Pod has the labels ${selector}: there is nobody behind the hosts.`,
});

const missingPort = messageType({
  code: 'ISM0103',
  name: 'WorkloadEntryWithoutPort',
  level: 'Error',
  says: (service: string, port: string) =>
    `Service ${service} sends to the port named ${port}, which this WorkloadEntry does not have.`,
});

const sharedAddress = messageType({
  code: 'ISM0104',
  name: 'WorkloadEntryAddressTaken',
  level: 'Warning',
  says: (address: string, others: string) =>
    `The address ${address} is also that of WorkloadEntry ${others}: only one of them is meant ` +
    'where the mesh goes by address.',
});

export const machines: Analyzer = {
  name: 'isthmus.MachineAnalyzer',
  description: 'Checks that WorkloadEntries are selected, have the ports, and an address alone',
  finds: [unselectedEntry, entryWithoutWorkloads, missingPort, sharedAddress],
  *run(snapshot) {
    const entries = snapshot.of(WORKLOAD_ENTRY);
    yield* lonelyServiceEntries(snapshot);
    for (const entry of entries) {
      const services = servicesOf(entry, snapshot);
      const isUsed = services.length > 0 || isInServiceEntry(entry, snapshot);
      if (!isUsed) yield message(unselectedEntry, entry);
      for (const service of services) yield* missingPorts(entry, service);
      yield* takenAddress(entry, entries);
    }
  },
};

const hasLabels = (selector: Labels): boolean => Object.keys(selector).length > 0;

const selectorOf = (entry: Resource): Labels =>
  textMapOf(fieldsOf(specOf(entry)['workloadSelector'])['labels']);

function servicesOf(entry: Resource, snapshot: Snapshot): readonly Resource[] {
  return snapshot.of(SERVICE).filter((service) => {
    const selector = textMapOf(specOf(service)['selector']);
    const isNear = service.namespace === entry.namespace && hasLabels(selector);
    return isNear && selects(selector, entryLabels(entry));
  });
}

function isInServiceEntry(entry: Resource, snapshot: Snapshot): boolean {
  return snapshot.of(SERVICE_ENTRY).some((it) => {
    const selector = selectorOf(it);
    const isNear = it.namespace === entry.namespace && hasLabels(selector);
    return isNear && selects(selector, entryLabels(entry));
  });
}

function* lonelyServiceEntries(snapshot: Snapshot): Iterable<Message> {
  const workloads = workloadsOf(snapshot);
  for (const entry of snapshot.of(SERVICE_ENTRY)) {
    const selector = selectorOf(entry);
    const near = workloads.filter(({ resource }) => resource.namespace === entry.namespace);
    if (!hasLabels(selector) || near.some(({ labels }) => selects(selector, labels))) continue;
    const place = at(entry, 'spec', 'workloadSelector', 'labels');
    yield message(entryWithoutWorkloads, place, renderSelector(selector));
  }
}

/** A port of the Service that has a name for its target must be found under it. */
function* missingPorts(entry: Resource, service: Resource): Iterable<Message> {
  const known = fieldsOf(specOf(entry)['ports']);
  for (const { targetPort } of objectsAt(specOf(service), 'ports')) {
    if (typeof targetPort !== 'string' || Object.hasOwn(known, targetPort)) continue;
    yield message(missingPort, at(entry, 'spec', 'ports'), fullName(service), targetPort);
  }
}

function* takenAddress(entry: Resource, all: readonly Resource[]): Iterable<Message> {
  const address = textAt(specOf(entry), 'address');
  const network = textAt(specOf(entry), 'network');
  if (address === '') return;
  const others = all.filter(
    (it) =>
      it !== entry &&
      textAt(specOf(it), 'address') === address &&
      textAt(specOf(it), 'network') === network,
  );
  if (others.length === 0) return;
  const names = others.map(fullName).toSorted().join(', ');
  yield message(sharedAddress, at(entry, 'spec', 'address'), address, names);
}
