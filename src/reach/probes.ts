// What would have to be tried to know more: data, for whoever can ask agents.
import { isHttp } from '#istio/core/protocol.ts';
import { canonicalIp } from '#base/ip.ts';
import type { Probe } from './evidence.ts';
import type { Walk } from './walk.ts';

/** The name first, alone: where it leads may decide what the others are. */
export function nameProbes({ question, hasProxy }: Walk): readonly Probe[] {
  const { from, name, target } = question;
  const isAddress = canonicalIp(name) !== undefined;
  if (isAddress || target.kind === 'hidden' || !hasProxy || from.isGateway) return [];
  return [{ id: 'dns', at: from.key, name }];
}

export function wireProbes(walk: Walk): readonly Probe[] {
  const { question, hasProxy, dialled, server, cluster } = walk;
  const client = question.from.key;
  const probes: Probe[] = [];
  const isAsked = hasProxy && !question.from.isGateway;
  if (isAsked) probes.push({ id: 'capture', at: client });
  if (isAsked && cluster?.ejects) {
    probes.push({ id: 'ejected', at: client, cluster: cluster.name });
  }
  const isPlace = server && canonicalIp(server.endpoint.address) !== undefined;
  if (hasProxy && isPlace) {
    const { address, port } = server.endpoint;
    probes.push({ id: 'direct', at: client, address, port });
  }
  if (isAsked && dialled) {
    const { address, port } = dialled;
    probes.push({ id: 'through', at: client, address, port, expect: expectedOf(walk) });
  }
  if (server?.workload?.tlsMode === 'istio') {
    probes.push({ id: 'sockets', at: server.workload.key });
    probes.push({ id: 'server-capture', at: server.workload.key });
  }
  return probes;
}

/** Istio has no protocol for it; people do. */
const POSTGRES_PORTS = new Set([5432, 6432]);
const POSTGRES_NAME = /(^|-)(postgres|postgresql|psql)(-|$)/;

function expectedOf({ protocol, port, service }: Walk): 'postgres' | 'http' | undefined {
  if (isHttp(protocol)) return protocol === 'http' ? 'http' : undefined;
  const name = service?.ports.find(({ number }) => number === port)?.name ?? '';
  return POSTGRES_NAME.test(name) || POSTGRES_PORTS.has(port) ? 'postgres' : undefined;
}
