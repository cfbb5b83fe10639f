// Which of the calls that an edit is about are drawn, and where: clients on the left, servers on
// the right, those that something becomes of first. Pure.
import type { FlowImpact, MeshNode, NodeKind, PolicyImpact } from '../../api/types.ts';
import { curveOf } from '../map/geometry.ts';
import type { Point } from '../map/layout/layout.ts';
import { shortName, type ImpactGroup } from './impact.ts';

/** More would be too small to read. */
const NODES_MAX = 6;
const ROW = 112;
const WIDTH = 600;
const LEFT = 110;

export type SceneSide = {
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  readonly point: Point;
};

export type SceneLine = {
  /** As of its row. */
  readonly key: string;
  readonly effect: ImpactGroup['key'];
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly middle: Point;
  readonly port: number;
};

export type ImpactScene = {
  readonly width: number;
  readonly height: number;
  readonly clients: readonly SceneSide[];
  readonly servers: readonly SceneSide[];
  readonly lines: readonly SceneLine[];
  /** Calls for which there is no room. */
  readonly left: number;
};

/** Of a row, and of what is drawn for it. */
export const flowKey = ({ from, to, port, clientIdentity }: FlowImpact): string =>
  JSON.stringify([from, to, port, clientIdentity]);

const ORDER: readonly ImpactGroup['key'][] = ['refused', 'allowed', 'moved', 'untold', 'unchanged'];

export function impactScene(impact: PolicyImpact, nodes: readonly MeshNode[]): ImpactScene {
  const clients: string[] = [];
  const servers: string[] = [];
  const drawn: { readonly flow: FlowImpact; readonly effect: ImpactGroup['key'] }[] = [];
  const all = ORDER.flatMap((effect) => impact[effect].map((flow) => ({ flow, effect })));
  for (const { flow, effect } of all) {
    if (takes(clients, flow.from) && takes(servers, flow.to)) {
      enter(clients, flow.from);
      enter(servers, flow.to);
      drawn.push({ flow, effect });
    }
  }
  const height = ROW * Math.max(clients.length, servers.length, 1);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const side = (ids: readonly string[], x: number): readonly SceneSide[] =>
    ids.map((id, index) => {
      const node = byId.get(id);
      const kind = node?.kind ?? (id.startsWith('host:') ? 'external' : 'unknown');
      const y = ((index + 0.5) * height) / ids.length - 12;
      return { id, name: node?.name ?? shortName(id), kind, point: { x, y } };
    });
  const [lefts, rights] = [side(clients, LEFT), side(servers, WIDTH - LEFT)];
  return {
    width: WIDTH,
    height,
    clients: lefts,
    servers: rights,
    lines: linesOf(drawn, lefts, rights),
    left: all.length - drawn.length,
  };
}

const takes = (ids: readonly string[], id: string): boolean =>
  ids.includes(id) || ids.length < NODES_MAX;

function enter(ids: string[], id: string): void {
  if (!ids.includes(id)) ids.push(id);
}

function linesOf(
  drawn: readonly { readonly flow: FlowImpact; readonly effect: ImpactGroup['key'] }[],
  clients: readonly SceneSide[],
  servers: readonly SceneSide[],
): readonly SceneLine[] {
  const between = new Map<string, number>();
  return drawn.flatMap(({ flow, effect }): readonly SceneLine[] => {
    const from = clients.find(({ id }) => id === flow.from);
    const to = servers.find(({ id }) => id === flow.to);
    if (!from || !to) return [];
    const pair = `${from.id} ${to.id}`;
    const count = between.get(pair) ?? 0;
    between.set(pair, count + 1);
    const lane = Math.ceil(count / 2) * (count % 2 === 0 ? -0.5 : 0.5);
    const { path, middle } = curveOf(from.point, to.point, lane);
    const key = flowKey(flow);
    return [{ key, effect, from: from.id, to: to.id, path, middle, port: flow.port }];
  });
}
