// Why an edge is encrypted, or is not: `GET /api/v1/edges/{id}/tls`.
import type { MeshEdge } from '#api/graph.ts';
import type { EdgeTls } from '#api/identity.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { tlsOrigin } from '#reach/tls-origin.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import { nodeIdOf } from '../../view/node-id.ts';
import { notFound, ok, type ApiRoute } from '../route.ts';

export type EdgeTlsParts = {
  readonly mesh: Mesh;
  readonly flows: Pick<Flows, 'edge'>;
};

export const edgeTlsRoute = (parts: EdgeTlsParts): ApiRoute => ({
  method: 'GET',
  path: '/api/v1/edges/:id/tls',
  allow: { verb: 'get', resource: 'flows' },
  handle: ({ params: { id = '' } }) => {
    const reasons = edgeTls(parts, id);
    if (reasons === undefined) throw notFound(`edge ${id}`);
    return Promise.resolve(ok(reasons));
  },
});

/** undefined: nobody knows the edge. */
export function edgeTls({ mesh, flows }: EdgeTlsParts, id: string): EdgeTls | undefined {
  const edge = flows.edge(id);
  return edge && tlsOrigin(mesh, askedOf(mesh, edge));
}

function askedOf(mesh: Mesh, { from, to, port, service: host }: MeshEdge) {
  const [client, server] = [instanceOf(mesh, from), instanceOf(mesh, to)];
  const served = server ? mesh.inboundPorts(server.key) : [];
  const one =
    served.find((each) => each.port === port && each.service.key.endsWith(`/${host}`)) ??
    served.find((each) => each.port === port);
  const service = one && mesh.services.get(one.service.key);
  return { from: client, to: server, port, service };
}

/** All instances of a workload are alike in what policies say of them, but for their labels. */
function instanceOf(mesh: Mesh, node: string): Workload | undefined {
  if (!node.startsWith('wl:')) return undefined;
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  return all.find((workload) => nodeIdOf(workload) === node);
}
