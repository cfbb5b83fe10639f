// VirtualServices of sidecars that speak for the same host: only one of them is heard.
import { textsAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { exportScopes, fullHost } from '../hosts.ts';
import { matchesHost } from '../host-names.ts';
import { message, messageType } from '../message.ts';
import { at, fullName, VIRTUAL_SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { specOf } from '../selectors.ts';

const conflictingMeshHosts = messageType({
  code: 'IST0109',
  name: 'ConflictingMeshGatewayVirtualServiceHosts',
  level: 'Error',
  says: (names: string, host: string) =>
    `The VirtualServices ${names} associated with mesh gateway define the same host ${host} ` +
    'which can lead to undefined behavior. This can be fixed by merging the conflicting ' +
    'VirtualServices into a single resource.',
});

const EVERYBODY = '*';

type Scoped = { readonly scope: string; readonly host: string; readonly services: Resource[] };

export const meshHosts: Analyzer = {
  name: 'virtualservice.ConflictingMeshGatewayHostsAnalyzer',
  description:
    'Checks if multiple virtual services associated with the mesh gateway have conflicting hosts',
  finds: [conflictingMeshHosts],
  *run(snapshot) {
    const scoped = scopedHosts(snapshot.of(VIRTUAL_SERVICE).filter(isForMesh));
    const reported = new Set<Resource>();
    for (const { scope, host, services } of scoped) {
      const open = scoped.filter((it) => it.scope === EVERYBODY && matchesHost(host, it.host));
      const others = scope === EVERYBODY ? [] : open.flatMap((it) => it.services);
      const all = [...services, ...others];
      if (all.length < 2) continue;
      const names = all.map(fullName).toSorted().join(',');
      for (const service of all) {
        if (reported.has(service)) continue;
        reported.add(service);
        const place = at(service, 'metadata', 'name');
        yield message(conflictingMeshHosts, place, names, `${scope}/${host}`);
      }
    }
  },
};

function isForMesh(service: Resource): boolean {
  const gateways = textsAt(specOf(service), 'gateways');
  return gateways.length === 0 || gateways.includes('mesh');
}

function scopedHosts(services: readonly Resource[]): readonly Scoped[] {
  const scoped = new Map<string, Scoped>();
  for (const service of services) {
    const spec = specOf(service);
    for (const scope of exportScopes(textsAt(spec, 'exportTo'), service.namespace)) {
      for (const name of textsAt(spec, 'hosts')) {
        const host = fullHost(name, service.namespace);
        const key = `${scope}/${host}`;
        const known = scoped.get(key) ?? { scope, host, services: [] };
        known.services.push(service);
        scoped.set(key, known);
      }
    }
  }
  return [...scoped.values()];
}
