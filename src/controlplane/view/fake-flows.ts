// For tests: flows that a test says, and whose seconds pass when it says so.
import type { Denial } from '#api/events.ts';
import type { MeshEdge, Sample } from '#api/graph.ts';
import type { Connection } from '#api/history.ts';
import type { ConnectionEvent, Flows, FlowTick } from '#telemetry/flows/flows.ts';
import { NO_FLOWS } from './nothing.ts';

export const edgeOf = (index: number, more: Partial<MeshEdge> = {}): MeshEdge => ({
  id: `e${index}`,
  index,
  from: 'wl:default/inventory',
  to: 'wl:default/db',
  port: 5000 + index,
  protocol: 'tcp',
  application: 'postgres',
  service: 'db.default.svc.cluster.local',
  encryption: {
    state: 'mutual',
    share: 1,
    version: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    clientIdentity: 'spiffe://cluster.local/ns/default/sa/inventory',
    serverIdentity: 'spiffe://cluster.local/ns/default/sa/db',
    seenAtMs: 1000,
  },
  reporters: ['source', 'destination'],
  recent: { bytes: 0, encryptedBytes: 0 },
  http: null,
  disagreement: null,
  failure: null,
  firstSeenMs: 1000,
  lastSeenMs: 1000,
  ...more,
});

export class FakeFlows implements Flows {
  readonly table = new Map<string, MeshEdge>();
  readonly rates = new Map<number, Sample>();
  readonly denied: Denial[] = [];
  open: Connection[] = [];
  readonly #ticks = new Set<(tick: FlowTick) => void>();
  readonly #denials = new Set<(denial: Denial) => void>();
  readonly #taps = new Set<(event: ConnectionEvent) => void>();

  edges = (): Iterable<MeshEdge> => this.table.values();
  edge = (id: string): MeshEdge | undefined => this.table.get(id);
  samples = (): readonly Sample[] => [...this.rates.values()];
  samplesAt: Flows['samplesAt'] = () => Promise.resolve([]);
  witness: Flows['witness'] = () => ({ reachedMs: 0, answeredMs: 0 });
  openAt: Flows['openAt'] = () => [];
  connections = (): readonly Connection[] => this.open;
  edgeReport: Flows['edgeReport'] = () => undefined;
  series: Flows['series'] = () => Promise.resolve(undefined);
  talkedTo: Flows['talkedTo'] = () => [];
  denials = (): readonly Denial[] => this.denied;
  readonly figures = NO_FLOWS.figures;

  onTick = (listener: (tick: FlowTick) => void): (() => void) => {
    this.#ticks.add(listener);
    return () => this.#ticks.delete(listener);
  };

  onDenial = (listener: (denial: Denial) => void): (() => void) => {
    this.#denials.add(listener);
    return () => this.#denials.delete(listener);
  };

  onConnection = (listener: (event: ConnectionEvent) => void): (() => void) => {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  };

  /** A second has passed, in which these moved. */
  tick(atMs: number, ...samples: readonly Sample[]): void {
    for (const sample of samples) this.rates.set(sample[0], sample);
    const changed = new Set(this.table.keys());
    for (const listener of this.#ticks) listener({ atMs, samples, changed, gone: [] });
  }

  deny(denial: Denial): void {
    this.denied.unshift(denial);
    for (const listener of this.#denials) listener(denial);
  }

  move(connection: Connection): void {
    for (const listener of this.#taps) listener({ kind: 'moved', connection });
  }
}
