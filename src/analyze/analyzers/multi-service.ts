// Services that select the same workload and contradict each other about its ports.
import { fieldsOf, numberAt, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { isDeploymentInMesh } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, DEPLOYMENT, fullName, SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { goList, goQuote, labelsOf, selects, specOf } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';

const multipleServices = messageType({
  code: 'IST0116',
  name: 'DeploymentAssociatedToMultipleServices',
  level: 'Warning',
  says: (deployment: string, port: number, services: readonly string[]) =>
    `This deployment ${deployment} is associated with multiple services using port ${port} ` +
    `but different protocols: ${goList(services)}`,
});

const conflictingPorts = messageType({
  code: 'IST0137',
  name: 'DeploymentConflictingPorts',
  level: 'Warning',
  says: (
    deployment: string,
    services: readonly string[],
    targetPort: string,
    ports: readonly number[],
  ) =>
    `This deployment ${deployment} is associated with multiple services ${goList(services)} ` +
    `using targetPort ${goQuote(targetPort)} but different ports: ${goList(ports)}.`,
});

const MANAGED = 'gateway.istio.io/managed';

export const multiService: Analyzer = {
  name: 'deployment.MultiServiceAnalyzer',
  description: 'Checks association between services and pods',
  finds: [multipleServices, conflictingPorts],
  *run(snapshot) {
    for (const deployment of snapshot.of(DEPLOYMENT)) {
      const isWaypoint = labelsOf(deployment)[MANAGED] === 'istio.io-mesh-controller';
      if (isWaypoint || !isDeploymentInMesh(deployment, snapshot)) continue;
      const ports = portsFor(deployment, snapshot);
      yield* differentProtocols(deployment, ports);
      yield* differentPorts(deployment, ports);
    }
  },
};

type ServicePort = { readonly service: string; readonly port: Fields; readonly number: number };

function portsFor(deployment: Resource, snapshot: Snapshot): readonly ServicePort[] {
  const labels = textMapOf(fieldsOf(specOf(deployment), 'template', 'metadata')['labels']);
  return snapshot.of(SERVICE).flatMap((service) => {
    const selector = textMapOf(specOf(service)['selector']);
    const isEmpty = Object.keys(selector).length === 0;
    if (isEmpty || service.namespace !== deployment.namespace || !selects(selector, labels)) {
      return [];
    }
    return objectsAt(specOf(service), 'ports').map((port) => ({
      service: fullName(service),
      port,
      number: numberAt(port, 'port') ?? 0,
    }));
  });
}

function* differentProtocols(
  deployment: Resource,
  ports: readonly ServicePort[],
): Iterable<Message> {
  for (const [number, same] of Map.groupBy(ports, (it) => it.number)) {
    const protocols = new Set(same.map(({ port }) => textAt(port, 'protocol') || 'TCP'));
    if (protocols.size < 2) continue;
    const services = same.map(({ service }) => service).toSorted();
    const place = at(deployment, 'metadata', 'name');
    yield message(multipleServices, place, deployment.name, number, services);
  }
}

function* differentPorts(deployment: Resource, ports: readonly ServicePort[]): Iterable<Message> {
  for (const [target, same] of Map.groupBy(ports, targetPortOf)) {
    const byNumber = new Map(same.map(({ number, service }) => [number, service]));
    if (byNumber.size < 2) continue;
    const services = [...byNumber.values()].toSorted();
    const numbers = [...byNumber.keys()].toSorted((a, b) => a - b);
    const place = at(deployment, 'metadata', 'name');
    yield message(conflictingPorts, place, deployment.name, services, target, numbers);
  }
}

/** A number or a name; the port itself where nothing is said. */
function targetPortOf({ port, number }: ServicePort): string {
  const { targetPort } = port;
  const isSaid = (typeof targetPort === 'string' && targetPort !== '') || Number(targetPort) > 0;
  return String(isSaid ? targetPort : number);
}
