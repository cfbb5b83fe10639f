// The mesh as a client has it: a snapshot, and the events that came after it.
import type { MeshEvent } from '#api/events.ts';
import type { Alert, MeshEdge, MeshNode, MeshStatus, Sample, Snapshot } from '#api/graph.ts';
import { printable } from '#base/printable.ts';
import { isRecord } from '#kube/objects.ts';

/** Names of what is outside of the mesh may be anything. */
const NAME_LENGTH_MAX = 80;

export class MeshState {
  readonly nodes: Map<string, MeshNode>;
  readonly edges: Map<string, MeshEdge>;
  /** By an edge's index. */
  readonly samples: Map<number, Sample>;
  readonly alerts: Map<string, Alert>;
  status: MeshStatus;
  nowMs: number;

  constructor(snapshot: Snapshot) {
    this.nodes = new Map(snapshot.nodes.map((node) => [node.id, node]));
    this.edges = new Map(snapshot.edges.map((edge) => [edge.id, edge]));
    this.samples = new Map(snapshot.samples.map((sample) => [sample[0], sample]));
    this.alerts = new Map(snapshot.alerts.map((alert) => [alert.id, alert]));
    this.status = snapshot.status;
    this.nowMs = snapshot.nowMs;
  }

  /** @returns false: the events do not go on from here, fetch the snapshot anew */
  apply(event: MeshEvent): boolean {
    switch (event.type) {
      case 'node.upsert':
        this.nodes.set(event.node.id, event.node);
        return true;
      case 'node.gone':
        this.nodes.delete(event.id);
        return true;
      case 'edge.upsert':
        this.edges.set(event.edge.id, event.edge);
        return true;
      case 'edge.gone':
        this.edges.delete(event.id);
        return true;
      case 'sample':
        this.nowMs = event.atMs;
        for (const sample of event.samples) this.samples.set(sample[0], sample);
        return true;
      case 'config.sync':
        ({ status: this.status } = event);
        return true;
      case 'alert':
        if (event.isOver) this.alerts.delete(event.alert.id);
        else this.alerts.set(event.alert.id, event.alert);
        return true;
      case 'reset':
        return false;
      default:
        return true; // says what happened, and changes no state
    }
  }

  edgeOf(id: string): MeshEdge | undefined {
    return this.edges.get(id);
  }

  nameOf(id: string): string {
    const node = this.nodes.get(id);
    const { name, namespace } = node ?? { name: id.replace(/^(wl|host|ip):/, ''), namespace: '' };
    return printable(namespace === '' ? name : `${name}.${namespace}`, NAME_LENGTH_MAX);
  }
}

/** Is it what `GET /api/v1/snapshot` answers, as far as commands rely on it? */
export function isSnapshot(value: unknown): value is Snapshot {
  if (!isRecord(value) || !isRecord(value['status']) || !isRecord(value['mesh'])) return false;
  const lists = ['nodes', 'edges', 'samples', 'alerts', 'networks'];
  if (typeof value['revision'] !== 'number' || typeof value['nowMs'] !== 'number') return false;
  if (!lists.every((name) => Array.isArray(value[name]))) return false;
  const { nodes, edges } = value;
  return [nodes, edges].every(
    (list) =>
      Array.isArray(list) && list.every((one) => isRecord(one) && typeof one['id'] === 'string'),
  );
}

/** Is it one of the events, as far as its type goes? Of unknown ones nothing is to be done. */
export function isMeshEvent(type: string, data: unknown): data is MeshEvent {
  return isRecord(data) && data['type'] === type;
}
