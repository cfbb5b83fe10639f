// Networks of registries that nobody knows.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { at, MESH_NETWORKS, SECRET } from '../resource.ts';
import { labelsOf, specOf } from '../selectors.ts';

const unknownRegistry = messageType({
  code: 'IST0126',
  name: 'UnknownMeshNetworksServiceRegistry',
  level: 'Error',
  says: (registry: string, network: string) =>
    `Unknown service registry ${registry} in network ${network}`,
});

/** Names that Istio gives to registries itself; the others are clusters with a remote secret. */
const BUILT_IN = ['Mock', 'Kubernetes', 'External'];
const REMOTE_SECRET = 'istio/multiCluster';

export const meshNetworks: Analyzer = {
  name: 'meshnetworks.MeshNetworksAnalyzer',
  description: 'Check the validity of MeshNetworks in the cluster',
  finds: [unknownRegistry],
  *run(snapshot) {
    const remote = snapshot.of(SECRET).filter((it) => labelsOf(it)[REMOTE_SECRET] === 'true');
    const known = new Set([
      ...BUILT_IN,
      ...remote.flatMap(({ object }) => Object.keys(fieldsOf(object['data']))),
    ]);
    for (const networks of snapshot.of(MESH_NETWORKS)) {
      for (const [name, network] of Object.entries(fieldsOf(specOf(networks)['networks']))) {
        for (const [index, it] of objectsAt(fieldsOf(network), 'endpoints').entries()) {
          const registry = textAt(it, 'fromRegistry');
          if (registry === '' || known.has(registry)) continue;
          const place = at(networks, 'networks', name, 'endpoints', index, 'fromRegistry');
          yield message(unknownRegistry, place, registry, name);
        }
      }
    }
  },
};
