// What the console knows of the mesh: the snapshot, and every event since. Pure: the feed (feed.ts)
// brings the events, components subscribe to the topics they draw.
import type {
  Alert,
  Denial,
  Join,
  MeshEdge,
  MeshEvent,
  MeshNode,
  MeshStatus,
  Network,
  PolicyChange,
  Snapshot,
} from '../api/types.ts';
import { Samples } from './samples.ts';
import { isUnheard, NO_SILENCES, silencesOf, type Silences } from './silence.ts';

/** What a listener hears of: a kind of thing, or one of them as `node:<id>`, `edge:<id>`. */
export type Topic =
  | 'nodes'
  | 'edges'
  | 'networks'
  | 'alerts'
  | 'status'
  | 'joins'
  | 'news'
  | 'samples'
  | 'silences'
  | `node:${string}`
  | `edge:${string}`;

/** Something worth saying aloud: who came, who went, who was refused. */
export type News =
  | { readonly kind: 'denial'; readonly denial: Denial }
  | { readonly kind: 'policy'; readonly policy: PolicyChange }
  | { readonly kind: 'gone'; readonly node: MeshNode; readonly atMs: number }
  | { readonly kind: 'encryption'; readonly before: MeshEdge; readonly edge: MeshEdge }
  | { readonly kind: 'join'; readonly join: Join };

/** Kept for who opens a page about the past minutes. */
const NEWS_MAX = 200;

export class MeshStore {
  revision = -1;
  /** Server's clock minus this browser's, at the last snapshot. */
  skewMs = 0;
  mesh: Snapshot['mesh'] = { trustDomain: '', clusterId: '' };
  /** Set while the store shows the past. */
  pastMs: number | null = null;
  networks: readonly Network[] = [];
  status: MeshStatus | undefined;
  readonly samples = new Samples();

  readonly #nodes = new Map<string, MeshNode>();
  readonly #edges = new Map<string, MeshEdge>();
  readonly #alerts = new Map<string, Alert>();
  readonly #joins = new Map<string, Join>();
  #news: readonly News[] = [];
  /** Of whom nothing is known now. */
  #silences: Silences = NO_SILENCES;
  /** Arrays made of the maps, dropped when their topic changes. */
  readonly #lists = new Map<Topic, readonly unknown[]>();
  readonly #listeners = new Map<Topic, Set<() => void>>();
  readonly #changed = new Set<Topic>();

  get isLoaded(): boolean {
    return this.revision >= 0;
  }

  node = (id: string): MeshNode | undefined => this.#nodes.get(id);
  edge = (id: string): MeshEdge | undefined => this.#edges.get(id);
  join = (id: string): Join | undefined => this.#joins.get(id);
  nodes = (): readonly MeshNode[] => this.#list('nodes', this.#nodes);
  edges = (): readonly MeshEdge[] => this.#list('edges', this.#edges);
  alerts = (): readonly Alert[] => this.#list('alerts', this.#alerts);
  joins = (): readonly Join[] => this.#list('joins', this.#joins);
  silences = (): Silences => this.#silences;
  /** Newest first. */
  news = (): readonly News[] => this.#news;

  subscribe(topic: Topic, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(topic);
    };
  }

  /** @param times.pastMs the moment that it shows; null: now */
  load(
    snapshot: Snapshot,
    { browserMs, pastMs = null }: { readonly browserMs: number; readonly pastMs?: number | null },
  ): void {
    this.pastMs = pastMs;
    const before = [...this.#nodes.keys(), ...this.#edges.keys()];
    this.revision = snapshot.revision;
    this.skewMs = snapshot.nowMs - browserMs;
    this.mesh = snapshot.mesh;
    this.networks = snapshot.networks;
    this.status = snapshot.status;
    refill(this.#nodes, snapshot.nodes);
    refill(this.#edges, snapshot.edges);
    refill(this.#alerts, snapshot.alerts);
    this.samples.clear();
    const sampledMs = pastMs ?? snapshot.nowMs;
    for (const sample of snapshot.samples) this.samples.set(sample, sampledMs);
    for (const topic of ['nodes', 'edges', 'networks', 'alerts', 'status', 'samples'] as const) {
      this.#touch(topic);
    }
    for (const id of [...before, ...this.#nodes.keys(), ...this.#edges.keys()]) {
      this.#touch(`node:${id}`, `edge:${id}`);
    }
    this.#tell();
  }

  /** Has everything drawn that follows the samples: nobody drew while the page was hidden. */
  repaint(): void {
    this.#touch('samples');
    this.#tell();
  }

  /** Applies events in order, then tells each listener at most once. */
  apply(events: readonly { readonly revision: number; readonly event: MeshEvent }[]): void {
    for (const { revision, event } of events) {
      this.revision = Math.max(this.revision, revision);
      this.#applyOne(event);
    }
    this.#tell();
  }

  #applyOne(event: MeshEvent): void {
    switch (event.type) {
      case 'node.upsert':
        this.#nodes.set(event.node.id, event.node);
        return this.#touch('nodes', `node:${event.node.id}`);
      case 'node.gone':
        return this.#nodeGone(event.id, event.atMs);
      case 'edge.upsert':
        return this.#edgeUpsert(event.edge);
      case 'edge.gone':
        this.#edges.delete(event.id);
        return this.#touch('edges', `edge:${event.id}`);
      case 'sample':
        for (const sample of event.samples) this.samples.set(sample, event.atMs);
        return this.#touch('samples');
      case 'join.step':
        this.#joins.set(event.join.id, event.join);
        this.#addNews({ kind: 'join', join: event.join });
        return this.#touch('joins');
      case 'cert.upsert':
        return this.#certificate(event);
      case 'policy.upsert':
        return this.#addNews({ kind: 'policy', policy: event.policy });
      case 'denial':
        return this.#addNews({ kind: 'denial', denial: event.denial });
      case 'config.sync':
        this.status = event.status;
        return this.#touch('status');
      case 'alert':
        if (event.isOver) this.#alerts.delete(event.alert.id);
        else this.#alerts.set(event.alert.id, event.alert);
        return this.#touch('alerts');
      case 'reset':
        return undefined; // the feed fetches the snapshot
      default:
        return undefined; // of a newer control plane
    }
  }

  #nodeGone(id: string, atMs: number): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.delete(id);
    this.#addNews({ kind: 'gone', node, atMs });
    this.#touch('nodes', `node:${id}`);
  }

  #edgeUpsert(edge: MeshEdge): void {
    const before = this.#edges.get(edge.id);
    this.#edges.set(edge.id, edge);
    if (before && before.encryption.state !== edge.encryption.state) {
      this.#addNews({ kind: 'encryption', before, edge });
    }
    this.#touch('edges', `edge:${edge.id}`);
  }

  #certificate({ node: id, certificate }: Extract<MeshEvent, { type: 'cert.upsert' }>): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.set(id, { ...node, certificate });
    this.#touch('nodes', `node:${id}`);
  }

  #addNews(news: News): void {
    this.#news = [news, ...this.#news].slice(0, NEWS_MAX);
    this.#touch('news');
  }

  #list<T>(topic: Topic, map: ReadonlyMap<string, T>): readonly T[] {
    const kept = this.#lists.get(topic) as readonly T[] | undefined;
    if (kept) return kept;
    const made = [...map.values()];
    this.#lists.set(topic, made);
    return made;
  }

  #touch(...topics: readonly Topic[]): void {
    for (const topic of topics) {
      this.#lists.delete(topic);
      this.#changed.add(topic);
    }
  }

  /** What follows from several events: who is silent, and which edges nobody reports. */
  #listen(): void {
    const isDue = (['status', 'nodes', 'edges'] as const).some((topic) => this.#changed.has(topic));
    const wasSilent = this.#silences !== NO_SILENCES;
    if (!isDue || !(wasSilent || this.status?.silent.length)) return;
    this.#silences = silencesOf(this.status, this.#nodes.values());
    const unheard = this.edges().filter((edge) => isUnheard(edge, this.#silences));
    this.samples.hush(new Set(unheard.map(({ index }) => index)));
    this.#touch('silences', 'samples');
  }

  #tell(): void {
    this.#listen();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const topic of changed) {
      for (const listener of this.#listeners.get(topic) ?? []) listener();
    }
  }
}

function refill<T extends { readonly id: string }>(map: Map<string, T>, all: readonly T[]): void {
  map.clear();
  for (const one of all) map.set(one.id, one);
}
