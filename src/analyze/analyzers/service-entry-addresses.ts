// TCP says nothing about which host is meant: without an address there is nothing to tell it by.
import { objectsAt, textAt, fieldsOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, SERVICE_ENTRY } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { specOf } from '../selectors.ts';
import type { MeshSettings } from '../mesh-settings.ts';

const addressesRequired = messageType({
  code: 'IST0134',
  name: 'ServiceEntryAddressesRequired',
  level: 'Warning',
  says: () => 'ServiceEntry addresses are required for this protocol.',
});

export const serviceEntryAddresses: Analyzer = {
  name: 'serviceentry.Analyzer',
  description: 'Checks the validity of ServiceEntry',
  finds: [addressesRequired],
  *run(snapshot) {
    if (isAllocating(snapshot.settings)) return;
    for (const entry of snapshot.of(SERVICE_ENTRY)) {
      if (hasAddresses(entry)) continue;
      for (const [index, port] of objectsAt(specOf(entry), 'ports').entries()) {
        const protocol = textAt(port, 'protocol').toUpperCase();
        if (protocol !== '' && protocol !== 'TCP') continue;
        yield message(addressesRequired, at(entry, 'spec', 'ports', index, 'name'));
      }
    }
  },
};

function isAllocating({ proxyMetadata }: MeshSettings): boolean {
  const isOn = (name: string): boolean => proxyMetadata[name] === 'true';
  return (
    isOn('ISTIO_META_DNS_CAPTURE') &&
    (isOn('ISTIO_META_DNS_AUTO_ALLOCATE') || isOn('PILOT_ENABLE_IP_AUTOALLOCATE'))
  );
}

/** Its own, or those that the mesh has given it. */
function hasAddresses(entry: Resource): boolean {
  const given = objectsAt(fieldsOf(entry.object.status), 'addresses');
  return given.length > 0 || Array.isArray(specOf(entry)['addresses']);
}
