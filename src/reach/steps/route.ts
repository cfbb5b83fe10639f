// Steps 3 to 5: which listener takes the connection, where it is led, and who is there.
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import { compareText } from '#model/services.ts';
import {
  BLACK_HOLE_STAT_NAME,
  hostPort,
  PASSTHROUGH_STAT_NAME,
  VIRTUAL_OUTBOUND,
} from '#resolve/names.ts';
import { failed, fix, nameOf, objectOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import { nearest } from '../suggest.ts';
import type { Walk } from '../walk.ts';

export function listenerStep({ question, evidence, hasProxy, listener, dialled }: Walk): Finding {
  const { from } = question;
  if (!hasProxy || from.isGateway) {
    return passed('configured', `no listener of a sidecar is on the way from ${nameOf(from)}`);
  }
  const [rejected] = evidence.client.rejections;
  if (rejected) {
    const summary = `Envoy beside ${from.name} refuses ${rejected.name}: ${rejected.text}`;
    const command = `isthmus proxy-status ${from.name}`;
    return failed('observed', summary, { fix: fix('see what it refuses', { command }) });
  }
  if (dialled === undefined) {
    return unknown(
      'configured',
      'what address is dialled only DNS knows, and so by which listener',
    );
  }
  const where = hostPort(dialled);
  const notes = evidence.client.isConfigured
    ? []
    : [`the proxy of ${from.name} has no open stream: it goes by what it was told last`];
  const why = listener === VIRTUAL_OUTBOUND ? 'by its address' : 'by its port';
  return passed('configured', `${where} → ${listener}, ${why}`, { evidence: notes });
}

export function routeStep(walk: Walk): Finding {
  const { cluster, dialled, routes, service, port, hasProxy } = walk;
  if (!hasProxy && cluster?.leads === 'to-endpoints') {
    return passed('configured', `${cluster.name}, as Kubernetes or the network leads it`);
  }
  const undeclared = service && !service.ports.some(({ number }) => number === port);
  if (undeclared) return noSuchPort(walk, service);
  if (routes?.isBlocked) return closed(walk);
  if (routes && routes.clusters.length === 0) return answeredByRoute(walk, routes.statuses);
  if (cluster === undefined) {
    return unknown('configured', 'where it leads cannot be told without its address');
  }
  const object = service ? objectOf(service) : null;
  const evidence = routes && routes.clusters.length > 1 ? routes.clusters.slice(0, 8) : [];
  switch (cluster.leads) {
    case 'wherever': {
      const where = dialled ? hostPort(dialled) : walk.question.name;
      const summary =
        `${where} is nobody's in the mesh: it goes past it, in plaintext ` +
        `(${PASSTHROUGH_STAT_NAME})`;
      return passed('configured', summary, { object });
    }
    case 'nobody':
      return ledNowhere(walk);
    default:
      return passed('configured', `cluster ${cluster.name}`, { evidence, object });
  }
}

function noSuchPort({ service, port, question }: Walk, declared: Walk['service']): Finding {
  const ports = (declared ?? service)?.ports ?? [];
  const list = ports.map(({ number, name }) => (name === '' ? `${number}` : `${number} (${name})`));
  const object = service ? objectOf(service) : null;
  const only = ports.length === 1 ? ports[0] : undefined;
  const near =
    only?.number ??
    Number(
      nearest(
        String(port),
        ports.map((it) => `${it.number}`),
      ),
    );
  const mend = near ? fix(`dial ${near}, or declare ${port}`) : fix(`declare port ${port}`);
  const summary = `${question.name} has no port ${port}; it has ${list.join(', ') || 'none'}`;
  return failed('configured', summary, { object, fix: mend });
}

function answeredByRoute({ question }: Walk, statuses: readonly number[]): Finding {
  const codes = statuses.length > 0 ? ` with ${statuses.join(', ')}` : '';
  const summary = `requests to ${question.name} are answered by the proxy itself${codes}`;
  return failed('configured', summary);
}

/** The connection is closed at once: why? */
function ledNowhere(walk: Walk): Finding {
  const { mesh, question, service, dialled, port } = walk;
  const { from } = question;
  const { namespace, labels } = from;
  if (service && !mesh.isImported(namespace, labels, service, port)) {
    const summary = `a Sidecar of ${namespace} does not import ${service.host}`;
    const mend = fix(`add ${service.namespace}/${service.host} to its egress hosts`);
    return failed('configured', summary, { object: objectOf(service), fix: mend });
  }
  if (service) {
    const summary =
      `no way leads to ${service.host}:${port} (${BLACK_HOLE_STAT_NAME}): ` +
      'what rules ask for is not to be had';
    return failed('configured', summary, { object: objectOf(service) });
  }
  const where = dialled ? hostPort(dialled) : question.name;
  if (dialled && isAutomaticAddress(dialled.address)) {
    const summary = `${where} is an address of the mesh that stands for nothing now`;
    return failed('configured', `${summary} (${BLACK_HOLE_STAT_NAME})`);
  }
  return closed(walk);
}

function closed({ question, dialled }: Walk): Finding {
  const where = dialled ? hostPort(dialled) : question.name;
  const summary =
    `${where} is nobody's in the mesh, and REGISTRY_ONLY lets nothing else out ` +
    `(${BLACK_HOLE_STAT_NAME})`;
  const mend = fix('register it with a ServiceEntry, or allow any destination');
  return failed('configured', summary, { fix: mend });
}

export function endpointsStep(walk: Walk): Finding {
  const { cluster, service, server, question, evidence } = walk;
  const object = service ? objectOf(service) : null;
  if (cluster === undefined || cluster.leads === 'to-names') {
    const what = cluster?.endpoints.map(({ address, port }) => `${address}:${port}`) ?? [];
    if (what.length > 0) return passed('configured', `looked up by name: ${what.join(', ')}`);
    return unknown('configured', 'who is there is looked up by name when it is dialled');
  }
  if (cluster.leads === 'wherever') {
    return passed('configured', `wherever it was dialled: ${question.name}`);
  }
  const { endpoints } = cluster;
  const ready = endpoints.filter(({ isHealthy }) => isHealthy);
  const list = endpoints
    .map((one) => `${hostPort(one)}${one.isHealthy ? '' : ' (not ready)'}`)
    .toSorted(compareText)
    .slice(0, 20);
  if (endpoints.length === 0) {
    const summary = `${cluster.name} has no endpoint: nothing is selected, or registered`;
    const mend = fix('compare its selector with the labels of what should be behind it', {
      command: 'isthmus analyze',
    });
    return failed('configured', summary, { object, fix: mend });
  }
  if (ready.length === 0) {
    const summary = `none of ${endpoints.length} endpoints is ready`;
    return failed('configured', summary, { object, evidence: list });
  }
  if (server && !server.endpoint.isHealthy) {
    const summary = `${hostPort(server.endpoint)} is not ready; others are`;
    return failed('configured', summary, { object, evidence: list });
  }
  const { ejected = 0 } = evidence.answers;
  if (ejected >= ready.length) {
    const summary = `Envoy beside ${question.from.name} has ejected all ${ejected} for their failures`;
    const mend = fix('mend what fails there; Envoy takes them back by itself', {
      command: `isthmus logs ${question.from.name} -f`,
    });
    return failed('probed', summary, { object, evidence: list, fix: mend });
  }
  const aside = ejected > 0 ? [`${ejected} are ejected for their failures just now`] : [];
  const network = server?.known?.network;
  const where = network ? ` (network ${network})` : '';
  const via = server && server.known === undefined && service ? ", a gateway's" : '';
  const first = server ? `${hostPort(server.endpoint)}${where}${via}` : '';
  const summary = `${ready.length} of ${endpoints.length} ready: ${first}`;
  const more = [...aside, ...(list.length > 1 ? list : [])];
  return passed('configured', summary, { object, evidence: more });
}
