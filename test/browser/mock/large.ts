// A mesh as large as the map draws one by one: 300 workloads in twelve namespaces, a third of them
// VMs in four networks, and 600 edges. The same at every call.
import type { MeshEdge, MeshNode, Sample, Snapshot } from '#api/graph.ts';
import { edgeOf, libraryStory, nodeOf } from './story.ts';

const NAMESPACES = 12;
const VM_NETWORKS = 4;

/** A small generator of numbers that look random: https://en.wikipedia.org/wiki/Xorshift */
export function randomOf(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function largeMesh(nowMs: number, nodes = 300, edges = 600): Snapshot {
  const random = randomOf(nodes * 7919 + edges);
  const all = Array.from({ length: nodes }, (_, index) => nodeAt(index, nowMs));
  const links = new Map<string, MeshEdge>();
  while (links.size < edges) {
    const caller = Math.floor(random() * nodes);
    // Calls go mostly to nearby ones, as services of one team do.
    const called = Math.floor((caller + 1 + random() ** 3 * nodes) % nodes);
    const [from, to] = [all[caller], all[called]];
    if (!from || !to || from === to) continue;
    const edge = edgeOf(nowMs, from, to, { index: links.size, port: 5432 + (links.size % 3) });
    if (!links.has(edge.id)) links.set(edge.id, edge);
  }
  const networks = Array.from({ length: VM_NETWORKS }, (_, index) => ({
    id: `zone-${index}`,
    title: `VM network: zone-${index}`,
    ranges: [`10.${130 + index}.0.0/20`],
  }));
  const story = libraryStory(nowMs);
  return {
    ...story,
    networks: [...story.networks.slice(0, 1), ...networks],
    nodes: all,
    edges: [...links.values()],
    samples: samplesOf(links.size, 0),
    status: { ...story.status, proxies: nodes, proxiesInSync: nodes },
  };
}

function nodeAt(index: number, nowMs: number): MeshNode {
  const isVm = index % 3 === 0;
  return nodeOf(nowMs, {
    name: `${isVm ? 'vm' : 'app'}-${index}`,
    kind: isVm ? 'vm' : 'pod',
    namespace: `team-${index % NAMESPACES}`,
    network: isVm ? `zone-${index % VM_NETWORKS}` : '',
    addresses: [`10.24.${index >> 8}.${index & 255}`],
  });
}

/** Every edge's numbers of one second, another each second. */
export function samplesOf(edges: number, second: number): Sample[] {
  const random = randomOf(second + 17);
  return Array.from({ length: edges }, (_, index) => {
    const size = 10 ** (random() * 6);
    return [index, size, size * (1 + random()), index % 9, random(), 0, 0, 0];
  });
}
