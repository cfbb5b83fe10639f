// The mesh that the mock server pretends to see: a snapshot that takes in events as the control
// plane's view does, and remembers them for who was away.
import type { MeshEvent } from '#api/events.ts';
import type { Alert, MeshEdge, MeshNode, Sample, Snapshot } from '#api/graph.ts';
import type { Join } from '#api/joins.ts';
import type { LastKnown } from '#api/past.ts';

export type RecordedEvent = { readonly revision: number; readonly event: MeshEvent };

/** As many as the control plane keeps. */
const EVENTS_MAX = 2_000;

export class MockMesh {
  readonly joins = new Map<string, Join>();
  revision: number;
  #base: Snapshot;
  readonly #nodes = new Map<string, MeshNode>();
  readonly #edges = new Map<string, MeshEdge>();
  readonly #samples = new Map<number, Sample>();
  readonly #alerts = new Map<string, Alert>();
  readonly #events: RecordedEvent[] = [];
  /** What has left, by node's id or `edge:<id>`. */
  readonly #left = new Map<string, LastKnown>();

  constructor(snapshot: Snapshot) {
    this.#base = snapshot;
    this.revision = snapshot.revision;
    for (const node of snapshot.nodes) this.#nodes.set(node.id, node);
    for (const edge of snapshot.edges) this.#edges.set(edge.id, edge);
    for (const sample of snapshot.samples) this.#samples.set(sample[0], sample);
    for (const alert of snapshot.alerts) this.#alerts.set(alert.id, alert);
  }

  snapshot(nowMs: number): Snapshot {
    return {
      ...this.#base,
      revision: this.revision,
      nowMs,
      nodes: [...this.#nodes.values()],
      edges: [...this.#edges.values()],
      samples: [...this.#samples.values()],
      alerts: [...this.#alerts.values()],
    };
  }

  node = (id: string): MeshNode | undefined => this.#nodes.get(id);
  edge = (id: string): MeshEdge | undefined => this.#edges.get(id);

  lastKnown(id: string): LastKnown | undefined {
    const there = { leftAtMs: null, node: this.node(id) ?? null, edge: null, ends: [] };
    return there.node ? there : this.#left.get(id);
  }

  /** Undefined: that is too long ago, or never was. */
  since(revision: number): readonly RecordedEvent[] | undefined {
    const first = this.#events[0]?.revision ?? this.revision + 1;
    if (revision > this.revision || revision < first - 1) return undefined;
    return this.#events.filter((entry) => entry.revision > revision);
  }

  apply(event: MeshEvent): RecordedEvent {
    if (event.type !== 'sample') this.revision += 1;
    const entry = { revision: this.revision, event };
    if (event.type !== 'sample') this.#events.push(entry);
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    this.#takeIn(event);
    return entry;
  }

  /** A revision that nobody is told of, as if an event was lost on the way. */
  skipRevision(): void {
    this.revision += 1;
  }

  #remember(event: MeshEvent): void {
    if (event.type === 'node.gone') {
      const node = this.#nodes.get(event.id) ?? null;
      this.#left.set(event.id, { leftAtMs: event.atMs, node, edge: null, ends: [] });
    }
    if (event.type === 'edge.gone') {
      const edge = this.#edges.get(event.id) ?? null;
      const ends = [edge?.from, edge?.to].flatMap((id) => this.#nodes.get(id ?? '') ?? []);
      const leftAtMs = edge?.lastSeenMs ?? 0;
      this.#left.set(`edge:${event.id}`, { leftAtMs, node: null, edge, ends });
    }
  }

  #takeIn(event: MeshEvent): void {
    this.#remember(event);
    if (event.type === 'node.upsert') this.#nodes.set(event.node.id, event.node);
    if (event.type === 'node.gone') this.#nodes.delete(event.id);
    if (event.type === 'edge.upsert') this.#edges.set(event.edge.id, event.edge);
    if (event.type === 'edge.gone') this.#edges.delete(event.id);
    if (event.type === 'sample') {
      for (const sample of event.samples) this.#samples.set(sample[0], sample);
    }
    if (event.type === 'join.step') this.joins.set(event.join.id, event.join);
    if (event.type === 'config.sync') this.#base = { ...this.#base, status: event.status };
    if (event.type === 'cert.upsert') {
      const node = this.#nodes.get(event.node);
      if (node) this.#nodes.set(node.id, { ...node, certificate: event.certificate });
    }
    if (event.type !== 'alert') return;
    if (event.isOver) this.#alerts.delete(event.alert.id);
    else this.#alerts.set(event.alert.id, event.alert);
  }
}
