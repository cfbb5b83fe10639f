// What of the mesh is drawn: the scope, what is hidden, and groups in place of workloads when there
// are too many. Pure.
import type { MeshEdge, MeshNode, Network } from '../../api/types.ts';
import { matchesEdge, matchesNode } from '../../find/match.ts';
import type { Expression } from '../../find/parse.ts';
import type { Samples } from '../../store/samples.ts';
import type { ViewState } from '../../url/view-state.ts';
import type { LayoutNode } from './layout/layout.ts';

/** As many shapes are drawn one by one; above, namespaces stand for their workloads. */
export const DRAWN_MAX = 300;

export type SceneNode = LayoutNode & {
  readonly name: string;
  /** The workloads: one, or those that a group stands for. */
  readonly members: readonly MeshNode[];
  readonly isGroup: boolean;
};

export type SceneEdge = {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Several where groups stand for workloads. */
  readonly members: readonly MeshEdge[];
  /** Its place among those between the same two, from the middle: 0, 1, -1, 2, … */
  readonly lane: number;
};

export type SceneGroup = { readonly id: string; readonly title: string; readonly detail: string };

export type Scene = {
  readonly nodes: readonly SceneNode[];
  readonly edges: readonly SceneEdge[];
  readonly groups: ReadonlyMap<string, SceneGroup>;
  /** Workloads and edges shown, drawn alone or in groups. */
  readonly meshNodes: readonly MeshNode[];
  readonly meshEdges: readonly MeshEdge[];
  readonly isCollapsed: boolean;
};

export type SceneInput = {
  readonly nodes: readonly MeshNode[];
  readonly edges: readonly MeshEdge[];
  readonly networks: readonly Network[];
  readonly view: Pick<ViewState, 'ns' | 'group'>;
  readonly hide: Expression | null;
  readonly samples: Samples;
  readonly isSilent: (node: string) => boolean;
  readonly nowMs: number;
};

export function sceneOf(input: SceneInput): Scene {
  const { meshNodes, meshEdges } = shownOf(input);
  const isCollapsed = meshNodes.length > DRAWN_MAX;
  const nodes = isCollapsed ? groupsAsNodes(meshNodes) : meshNodes.map(asSceneNode);
  const placed = withGroups(nodes, meshEdges, input.view.group);
  return {
    nodes: placed,
    edges: sceneEdges(placed, meshEdges),
    groups: groupsOf(placed, input.networks, input.view.group),
    meshNodes,
    meshEdges,
    isCollapsed,
  };
}

/** The scope and its direct peers, without what is hidden. */
function shownOf(input: SceneInput): Pick<Scene, 'meshNodes' | 'meshEdges'> {
  const { nodes, edges, view, hide, samples, nowMs } = input;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const isOwn = (id: string): boolean =>
    view.ns.length === 0 || view.ns.includes(byId.get(id)?.namespace ?? '');
  const isHiddenNode = (node: MeshNode): boolean =>
    hide !== null && matchesNode(hide, { node, isSilent: input.isSilent(node.id), nowMs });
  const isHiddenEdge = (edge: MeshEdge): boolean =>
    hide !== null &&
    matchesEdge(hide, {
      edge,
      from: byId.get(edge.from),
      to: byId.get(edge.to),
      numbers: samples.of(edge.index),
      movedMs: samples.movedMs(edge.index),
      nowMs,
    });
  const inScope = edges.filter(({ from, to }) => isOwn(from) || isOwn(to));
  const peers = new Set(inScope.flatMap(({ from, to }) => [from, to]));
  const meshNodes = nodes.filter(
    (node) => (isOwn(node.id) || peers.has(node.id)) && !isHiddenNode(node),
  );
  const shown = new Set(meshNodes.map(({ id }) => id));
  const meshEdges = inScope.filter(
    (edge) => shown.has(edge.from) && shown.has(edge.to) && !isHiddenEdge(edge),
  );
  return { meshNodes, meshEdges };
}

const asSceneNode = (node: MeshNode): SceneNode => ({
  id: node.id,
  name: node.name,
  members: [node],
  isGroup: false,
  group: '',
  groupClass: 0,
});

const collapsedId = (node: MeshNode): string => `group:${node.network}/${node.namespace}`;

function groupsAsNodes(nodes: readonly MeshNode[]): SceneNode[] {
  return [...Map.groupBy(nodes, collapsedId)].map(([id, members]) => ({
    id,
    name: members[0]?.namespace || 'outside of the mesh',
    members,
    isGroup: true,
    group: '',
    groupClass: 0,
  }));
}

const isOutside = (node: SceneNode): boolean =>
  node.members.every(({ kind }) => kind === 'external' || kind === 'unknown');

/** Strangers that call stand left, what is called outside stands right; neither has a box. */
function withGroups(
  nodes: readonly SceneNode[],
  edges: readonly MeshEdge[],
  by: ViewState['group'],
): SceneNode[] {
  const called = new Set(edges.map(({ to }) => to));
  return nodes.map((node) => {
    const [first] = node.members;
    if (!first) return node;
    if (isOutside(node)) {
      const isCalled = node.members.some(({ id }) => called.has(id));
      return { ...node, group: isCalled ? '>' : '<', groupClass: isCalled ? 3 : 0 };
    }
    if (by === 'none') return { ...node, group: '*', groupClass: 1 };
    if (by === 'namespace') return { ...node, group: `ns:${first.namespace}`, groupClass: 1 };
    return { ...node, group: `net:${first.network}`, groupClass: first.network === '' ? 1 : 2 };
  });
}

function sceneEdges(nodes: readonly SceneNode[], edges: readonly MeshEdge[]): SceneEdge[] {
  const homeOf = new Map(
    nodes.flatMap((node) => node.members.map(({ id }) => [id, node] as const)),
  );
  const isSingle = nodes.every(({ isGroup }) => !isGroup);
  const bundles = Map.groupBy(edges, (edge) => {
    const [from, to] = [homeOf.get(edge.from)?.id, homeOf.get(edge.to)?.id];
    return isSingle ? edge.id : `${from}>${to}`;
  });
  const lanes = new Map<string, number>();
  return [...bundles].flatMap(([id, members]) => {
    const [first] = members;
    const from = first && homeOf.get(first.from)?.id;
    const to = first && homeOf.get(first.to)?.id;
    if (from === undefined || to === undefined || (!isSingle && from === to)) return [];
    const pair = from < to ? `${from} ${to}` : `${to} ${from}`;
    const count = lanes.get(pair) ?? 0;
    lanes.set(pair, count + 1);
    const lane = count % 2 === 0 ? -count / 2 : (count + 1) / 2;
    return [{ id, from, to, members, lane: lane === 0 ? 0 : lane }];
  });
}

function groupsOf(
  nodes: readonly SceneNode[],
  networks: readonly Network[],
  by: ViewState['group'],
): ReadonlyMap<string, SceneGroup> {
  const groups = new Map<string, SceneGroup>();
  if (by === 'none') return groups;
  for (const { group, members } of nodes) {
    if (group === '<' || group === '>' || groups.has(group)) continue;
    const first = members[0];
    if (by === 'namespace') {
      groups.set(group, { id: group, title: `Namespace ${first?.namespace}`, detail: '' });
      continue;
    }
    const network = networks.find(({ id }) => id === first?.network);
    const title = network?.title ?? (first?.network ? `Network: ${first.network}` : 'The cluster');
    groups.set(group, { id: group, title, detail: network?.ranges.join(' ') ?? '' });
  }
  return groups;
}
