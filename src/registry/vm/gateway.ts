// Finds what leads machines outside of the cluster to the control plane: the gateway's Service, by
// Istio's names. Pure.
import { canonicalIp } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';
import { fieldsOf, numberAt, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';

/** In the order of preference: the one for other networks is for just this. */
const NAMES = ['istio-eastwestgateway', 'istio-ingressgateway'];
const XDS_PORT = 15_012;

/**
 * @param services those of the control plane's namespace
 * @returns an IP address, or a load balancer's DNS name
 * @throws OperatorError NOT_FOUND
 */
export function findGateway(services: readonly KubeObject[], namespace: string): string {
  const gateways = NAMES.flatMap((name) =>
    services.filter(({ metadata }) => metadata.name === name),
  ).filter(leadsToControlPlane);
  const addresses = gateways.flatMap(addressesOf);
  if (addresses[0] !== undefined) return addresses[0];
  const [pending] = gateways;
  if (pending) {
    const { name } = pending.metadata;
    throw new OperatorError('NOT_FOUND', `Service ${namespace}/${name} has no address yet`, {
      remedy: 'wait for its load balancer, or name what leads to it: --gateway IP',
    });
  }
  throw new OperatorError('NOT_FOUND', `no gateway in ${namespace} leads to the control plane`, {
    remedy: 'kubectl apply -f deploy/gateway, or name what leads to port 15012: --gateway IP',
  });
}

const leadsToControlPlane = ({ spec }: KubeObject): boolean =>
  objectsAt(fieldsOf(spec), 'ports').some((port) => numberAt(port, 'port') === XDS_PORT);

/** What its load balancer has, else what its owner has said. */
function addressesOf({ spec, status }: KubeObject): readonly string[] {
  const ingress = objectsAt(fieldsOf(status, 'loadBalancer'), 'ingress').map(
    (one) => textAt(one, 'ip') || textAt(one, 'hostname').toLowerCase(),
  );
  const external = textsAt(fieldsOf(spec), 'externalIPs');
  return [...ingress, ...external]
    .filter((address) => address !== '')
    .map((address) => canonicalIp(address) ?? address);
}
