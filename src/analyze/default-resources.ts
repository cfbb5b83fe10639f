// What an installation of Istio has and users' files have not: without its ingress gateway every
// Gateway in a file would select nobody. Only for analysis without a cluster.
import { fieldsOf, textAt } from '#kube/fields.ts';
import { resourceOf } from './resource.ts';
import type { Resource } from './resource.ts';

const PORTS: readonly (readonly [string, number])[] = [
  ['http2', 80],
  ['https', 443],
  ['tcp', 31_400],
  ['tls', 15_443],
];

/** @param config MeshConfig as parsed YAML */
export function defaultResources(config: unknown): readonly Resource[] {
  const root = fieldsOf(config);
  if (root['ingressControllerMode'] === 'OFF') return [];
  const service = textAt(root, 'ingressService') || 'istio-ingressgateway';
  const namespace = 'istio-system';
  const labels = { istio: 'ingressgateway' };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${service}-dummypod`, namespace, labels },
    spec: { containers: [{ name: 'istio-proxy' }] },
  };
  const ports = PORTS.map(([name, port]) => ({ name, port, protocol: 'TCP', targetPort: port }));
  const itsService = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, namespace },
    spec: { ports, selector: labels },
  };
  return [pod, itsService].map((object) => resourceOf(object));
}
