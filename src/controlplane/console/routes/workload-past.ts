// A workload as it was: at a moment gone by, or when it left. What its agent and the Kubernetes API
// say of it is not kept.
import type { MeshNode } from '#api/graph.ts';
import type { Join } from '#api/joins.ts';
import type { WorkloadOverview } from '#api/workload.ts';
import type { Clock } from '#base/clock.ts';
import type { Joins } from '#registry/joins/joins.ts';
import { joinsIn, nodeIn } from '../../past/documents.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { momentOf } from '../moment.ts';
import { notFound, type ApiCall } from '../route.ts';

export type PastParts = {
  readonly view: Pick<MeshView, 'momentAt' | 'node' | 'lastKnown' | 'marks'>;
  readonly joins: Pick<Joins, 'list'>;
  readonly clock: Clock;
};

/** Events of one that has left, or of a moment gone by: of the day before. */
const EVENTS_MS = 24 * 3_600_000;
/** Who looks at why it left wants to see that as well. */
const AFTER_MS = 1000;

/**
 * @returns undefined: it is there, and asked for as it is now
 * @throws ApiRefusal 404
 */
export function overviewThen(parts: PastParts, call: ApiCall): WorkloadOverview | undefined {
  const { view, joins, clock } = parts;
  const { namespace = '', name = '' } = call.params;
  const id = `wl:${namespace}/${name}`;
  const then = momentOf(call.query, { view, clock });
  if (then) {
    const node = nodeIn(then.documents, id);
    if (!node) throw notFound(`workload ${namespace}/${name} at that moment`);
    const join = joinsIn(then.documents).find((one) => one.node === id);
    return { ...remembered(parts, { node, join, toMs: then.atMs }), atMs: then.atMs };
  }
  if ((view.node(id)?.state ?? 'gone') !== 'gone') return undefined;
  const { node = null, leftAtMs = null } = view.lastKnown(id) ?? {};
  if (!node || leftAtMs === null) throw notFound(`workload ${namespace}/${name}`);
  const join = joins.list().find((one) => one.node === id);
  return { ...remembered(parts, { node, join, toMs: leftAtMs + AFTER_MS }), leftAtMs };
}

function remembered(
  { view }: PastParts,
  of: { readonly node: MeshNode; readonly join: Join | undefined; readonly toMs: number },
): WorkloadOverview {
  const { node, join, toMs } = of;
  const about = new Set([node.id, join?.id ?? '']);
  const marks = view.marks.marks({ fromMs: toMs - EVENTS_MS, toMs: toMs + 1 });
  const facts = [
    { name: 'addresses', value: node.addresses.join(', ') },
    { name: 'identity', value: node.identity },
    { name: 'agent', value: node.instances.find(({ agent }) => agent)?.agent?.version ?? '' },
  ];
  return {
    node,
    labels: {},
    facts: facts.filter(({ value }) => value !== ''),
    health: [],
    events: marks.filter((mark) => about.has(mark.about)),
    join: join ?? null,
    policies: [],
  };
}
