// From what an agent calls the two ends to nodes of the map. An agent speaks for itself alone: its
// own end is the workload of its certificate, and what contradicts that is refused.
import { createHash } from 'node:crypto';
import { isNobodys } from '#base/access-log-tags.ts';
import { parsePeerName } from '#base/peer-name.ts';
import type { FlowEdge } from '#gen/isthmus/v1/flows_pb.js';
import type { EdgeName } from './edge-record.ts';
import type { AgentIdentity } from './reporters.ts';

/** What the mesh knows; isthmusd's model answers. */
export type FlowNames = {
  /** The node of a peer (`base/peer-name.ts`): `wl:<namespace>/<workload>`; undefined: none. */
  nodeOf(peer: string): string | undefined;
  /** Whose an address is that this client has dialled in vain; undefined: nobody's. */
  dialledNode(address: string, client: string): string | undefined;
  /** `postgres`, from the name of the port that a service has there; empty: it does not say. */
  applicationOf(edge: EdgeName, serviceHost: string): string;
};

/** An end; `isFound`: it is a workload that the mesh knows. */
export type End = { readonly node: string; readonly isFound: boolean };
export type Ends = { readonly from: End; readonly to: End };

/** All that an agent may not introduce any more is told together. */
export const OTHERS = 'ip:others';

/** @returns undefined: it is about somebody else */
export function endsOf(facts: FlowEdge, agent: AgentIdentity, names: FlowNames): Ends | undefined {
  const { isDestination } = facts;
  const ownPeer = isDestination ? facts.serverPeer : facts.clientPeer;
  const ownPrincipal = isDestination ? facts.serverPrincipal : facts.clientPrincipal;
  const own = ownEnd(agent, names);
  if (!isOwn(ownPeer, agent, own.node, names)) return undefined;
  if (ownPrincipal !== '' && ownPrincipal !== agent.spiffeId) return undefined;
  return isDestination
    ? { from: clientEnd(facts, names), to: own }
    : { from: own, to: serverEnd(facts, agent, names) };
}

const ownEnd = ({ peer }: AgentIdentity, names: FlowNames): End => peerEnd(peer, names);

/** Without a session its address stands for it, which may be one that the mesh does not know. */
function isOwn(peer: string, agent: AgentIdentity, node: string, names: FlowNames): boolean {
  if (peer === '' || peer === agent.peer) return true;
  if (peer.startsWith('cert|')) return false;
  const known = names.nodeOf(peer);
  return known === undefined || known === node;
}

const clientEnd = ({ clientPeer }: FlowEdge, names: FlowNames): End => peerEnd(clientPeer, names);

function serverEnd(
  { serverPeer, serviceHost, dialled }: FlowEdge,
  { peer: client }: AgentIdentity,
  names: FlowNames,
): End {
  const known = serverPeer === '' ? undefined : names.nodeOf(serverPeer);
  if (known !== undefined) return { node: known, isFound: true };
  if (serverPeer.startsWith('cert|')) return peerEnd(serverPeer, names);
  const wanted = dialled === '' ? undefined : names.dialledNode(dialled, client);
  if (wanted !== undefined) return { node: wanted, isFound: true };
  if (serviceHost !== '' && !isNobodys(serviceHost)) {
    return { node: `host:${serviceHost}`, isFound: false };
  }
  if (serverPeer !== '') return peerEnd(serverPeer, names);
  return { node: dialled === '' ? OTHERS : `ip:${dialled}`, isFound: false };
}

/** A workload that the mesh no longer knows keeps the name that its certificate has. */
function peerEnd(name: string, names: FlowNames): End {
  const known = names.nodeOf(name);
  if (known !== undefined) return { node: known, isFound: true };
  const peer = parsePeerName(name);
  if (peer === undefined) return { node: OTHERS, isFound: false };
  if (peer.kind === 'address') return { node: `ip:${peer.address}`, isFound: false };
  const { namespace, serviceAccount, workload } = peer.identity;
  return { node: `wl:${namespace}/${workload?.name ?? serviceAccount}`, isFound: false };
}

/** Follows from what names the edge alone, and fits into a URL. */
export function edgeId({ from, to, port, protocol }: EdgeName): string {
  const name = [from, to, port, protocol].join(' ');
  return createHash('sha256').update(name).digest('base64url').slice(0, 16);
}
