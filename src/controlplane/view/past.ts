// The mesh at a moment gone by: the documents of then, with the rates that the ring of flows
// remembers. Pure.
import type { Snapshot } from '#api/graph.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import { alertsIn, edgesIn, networksIn, nodesIn, statusIn } from '../past/documents.ts';
import type { Moment } from '../past/store.ts';

/** @param now what does not change while isthmusd runs is of now: the mesh's own name */
export async function pastSnapshot(
  now: Snapshot,
  { atMs, documents }: Moment,
  flows: Pick<Flows, 'samplesAt'>,
): Promise<Snapshot> {
  const edges = edgesIn(documents);
  return {
    ...now,
    atMs,
    networks: networksIn(documents) ?? now.networks,
    nodes: nodesIn(documents),
    edges,
    samples: edges.length === 0 ? [] : await flows.samplesAt(atMs, edges),
    alerts: alertsIn(documents),
    status: statusIn(documents) ?? now.status,
  };
}
