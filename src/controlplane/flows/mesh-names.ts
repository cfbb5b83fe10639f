// What the mesh's model says of the ends of flows.
import type { Mesh } from '#model/mesh.ts';
import { parsePeerName } from '#base/peer-name.ts';
import { workloadOfPeer } from '#resolve/workload-facts.ts';
import type { FlowNames } from '#telemetry/flows/naming.ts';
import { nodeIdOf } from '../view/node-id.ts';

/** Nodes of which it is remembered by which workload they were last met. */
const NODES_MAX = 10_000;
/** What a port's name begins with (Istio: "Protocol Selection") says how, not what. */
const PROTOCOL = /^(tcp|http|https|http2|grpc|grpc-web|tls|udp)(-|$)/;

export function meshNames(mesh: Mesh): FlowNames {
  const workloads = new Map<string, string>();
  return {
    nodeOf(peer) {
      const workload = workloadOfPeer(mesh, peer);
      if (!workload) return undefined;
      const node = nodeIdOf(workload);
      if (workloads.size >= NODES_MAX) workloads.clear();
      workloads.set(node, workload.key);
      return node;
    },
    dialledNode(address, client) {
      const peer = parsePeerName(client);
      const namespace = peer?.kind === 'certificate' ? peer.identity.namespace : '';
      const owner = mesh.ownerOf(namespace, address);
      if (owner?.kind === 'workload') return nodeIdOf(owner.workload);
      if (owner?.kind !== 'service' && owner?.kind !== 'endpoint') return undefined;
      const { host, key } = owner.service;
      const nodes = new Set(
        [...mesh.workloads.entries()]
          .filter(([workload]) =>
            mesh.inboundPorts(workload).some(({ service }) => service.key === key),
          )
          .map(([, workload]) => nodeIdOf(workload)),
      );
      const [only] = nodes;
      return nodes.size === 1 ? only : `host:${host}`;
    },
    applicationOf({ to, port }) {
      const key = workloads.get(to);
      const served = key === undefined ? [] : mesh.inboundPorts(key);
      const portName = served.find((each) => each.port === port)?.service.portName ?? '';
      return portName.replace(PROTOCOL, '');
    },
  };
}
