// Flows in isthmusd: takes agents' reports, stores them before it acknowledges, tells the second's
// changes, and answers what was.
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted, nextTurn, runTasks } from '#base/tasks.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import type { Denial } from '#api/events.ts';
import type { Sample } from '#api/graph.ts';
import type { EdgeReport } from '#api/edge-report.ts';
import type { Connection, Series, TalkedTo } from '#api/history.ts';
import { edgeReport } from '#telemetry/flows/edge-report.ts';
import type { StoredEdge } from '#telemetry/flows/edge-record.ts';
import { FlowTable } from '#telemetry/flows/flow-table.ts';
import type { ConnectionEvent, ConnectionQuery } from '#telemetry/flows/flows.ts';
import type { EdgeState, EdgeWitness, FlowFigures } from '#telemetry/flows/flows.ts';
import type { Flows, FlowTick } from '#telemetry/flows/flows.ts';
import type {
  OpenSession,
  PastEdge,
  SeriesQuery,
  Span,
  Unsubscribe,
} from '#telemetry/flows/flows.ts';
import { FLOW_METHOD } from '#telemetry/flows/limits.ts';
import { MetricPool } from '#telemetry/flows/metric-pool.ts';
import type { FlowNames } from '#telemetry/flows/naming.ts';
import type { StoredBehind } from '#telemetry/flows/pending.ts';
import { History } from '#telemetry/history/history.ts';
import { samplesAt } from '#telemetry/history/samples.ts';
import { readSlices } from '#telemetry/history/read.ts';
import { keptSpan, seriesOf, stepsFor, wholeSteps } from '#telemetry/history/series.ts';
import { StepSums } from '#telemetry/history/step-sums.ts';
import type { Admission } from '#xds/server.ts';
import { createFlowHandler } from './flow-service.ts';

const TICK_MS = 1000;
/** Reports that come within this are stored together. */
const STORE_DELAY_MS = 200;
const FOLD_INTERVAL_MS = 60_000;
/** After a failed write: disks fill up, and are emptied. */
const STORE_RETRY_MS = 5000;
/** What the map shows at once after a restart. */
const RESTORED_MS = 3600_000;
const RESTORED_MAX = 4000;

export type FlowKeeperOptions = {
  /** undefined: in memory alone, for tests of other parts. */
  readonly stateDir: string | undefined;
  readonly names: FlowNames;
  readonly authenticate: (call: GrpcCall) => Admission<WorkloadIdentity>;
  readonly clock: Clock;
  readonly log: Logger;
};

export class FlowKeeper implements Flows, Disposable {
  readonly methods: Readonly<Record<string, GrpcHandler>>;
  readonly metrics = new MetricPool();
  readonly #options: FlowKeeperOptions;
  readonly #table: FlowTable;
  readonly #history: History;
  readonly #counts = { receivedBytes: 0, refusedMetrics: 0 };
  readonly #listeners = new Set<(tick: FlowTick) => void>();
  #acknowledgements: (() => void)[] = [];
  #due = Promise.withResolvers<void>();

  /** @throws OperatorError STORE_FAILED */
  constructor(options: FlowKeeperOptions) {
    const { stateDir, names, authenticate, clock, log } = options;
    this.#options = options;
    this.#history = new History(stateDir === undefined ? ':memory:' : join(stateDir, 'flows.db'));
    const nowMs = clock.nowMs();
    this.#table = new FlowTable({ store: this.#history, names, nowMs });
    this.#table.restore({
      edges: this.#history.recentEdges(nowMs - RESTORED_MS, RESTORED_MAX),
      behind: this.#history.behind(),
    });
    this.methods = {
      [FLOW_METHOD]: createFlowHandler({
        table: this.#table,
        pool: this.metrics,
        authenticate,
        onStored: (acknowledge) => this.#storeSoon(acknowledge),
        counts: this.#counts,
        clock,
        log,
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#history[Symbol.dispose]();
  }

  async run(signal: AbortSignal): Promise<void> {
    await runTasks(signal, [
      (group) => this.#storeWhenDue(group),
      (group) => this.#tickEverySecond(group),
      (group) => this.#foldEveryMinute(group),
    ]);
  }

  *edges(): Iterable<EdgeState> {
    const nowMs = this.#options.clock.nowMs();
    for (const edge of this.#table.edges.all()) yield edge.state(nowMs);
  }

  edge(id: string): EdgeState | undefined {
    return this.#table.edges.get(id)?.state(this.#options.clock.nowMs());
  }

  samples(): readonly Sample[] {
    return this.#table.samples();
  }

  witness(id: string): EdgeWitness {
    return this.#table.edges.get(id)?.witness() ?? { reachedMs: 0, answeredMs: 0 };
  }

  async samplesAt(atMs: number, edges: readonly PastEdge[]): Promise<readonly Sample[]> {
    return await samplesAt(this.#history, { atMs, edges, nowMs: this.#options.clock.nowMs() });
  }

  onTick(listener: (tick: FlowTick) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connections(query: ConnectionQuery): readonly Connection[] {
    return this.#table.connections.list(query);
  }

  openAt(node: string): readonly OpenSession[] {
    return this.#table.connections.openAt(node);
  }

  onConnection(listener: (event: ConnectionEvent) => void): Unsubscribe {
    return this.#table.connections.onEvent(listener);
  }

  async series(query: SeriesQuery): Promise<Series | undefined> {
    const { of } = query;
    const known = 'edge' in of ? this.#history.edgeById(of.edge) : undefined;
    const edges = 'edge' in of ? (known ? [known] : []) : this.#history.edgesOfNode(of.node);
    if (edges.length === 0) return undefined;
    const nowMs = this.#options.clock.nowMs();
    const kept = keptSpan(query, nowMs);
    const { stored, told } = stepsFor({ ...query, ...kept }, nowMs);
    const span = wholeSteps(kept, told, nowMs);
    const requesting = new Set(edges.filter(isHttp).map(({ index }) => index));
    const sums = new StepSums(told, (edge) => requesting.has(edge));
    const wanted = { edges: edges.map(({ index }) => index), span, step: stored };
    for (const _ of readSlices(this.#history, wanted, sums)) await nextTurn();
    return seriesOf(
      {
        sums: sums.finish(),
        uptimes: this.#history.uptimes(span),
        // of a node, somebody else may be reporting another edge
        silences: known ? this.#history.silences(known.index, span) : [],
        firstSeenMs: Math.min(...edges.map(({ firstSeenMs }) => firstSeenMs)),
      },
      span,
      told,
    );
  }

  edgeReport(id: string): EdgeReport | undefined {
    const edge = this.#table.edges.get(id);
    const nowMs = this.#options.clock.nowMs();
    return edge && edgeReport(edge, this.#table.connections.of(edge), nowMs);
  }

  talkedTo(span: Span): readonly TalkedTo[] {
    return this.#history.talkedTo(span);
  }

  denials(span: Span): readonly Denial[] {
    return this.#history.denials(span);
  }

  onDenial(listener: (denial: Denial) => void): Unsubscribe {
    return this.#table.onDenial(listener);
  }

  get figures(): FlowFigures {
    const { counts, edges } = this.#table;
    return {
      reporters: this.#table.reporters(this.#options.clock.nowMs()),
      edges: edges.size,
      openConnections: this.#table.openConnections(),
      batches: counts.batches,
      repeated: counts.repeated,
      refused: counts.refused + this.#counts.refusedMetrics,
      receivedBytes: this.#counts.receivedBytes,
    };
  }

  #storeSoon(acknowledge: () => void): void {
    this.#acknowledgements.push(acknowledge);
    this.#due.resolve();
  }

  async #storeWhenDue(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const over = aborted(signal);
    while (!signal.aborted) {
      await Promise.race([this.#due.promise, over]);
      if (!signal.aborted) await clock.sleep(STORE_DELAY_MS, signal).catch(() => undefined);
      this.#due = Promise.withResolvers();
      if (this.#store()) continue;
      log.error('flows are not stored; agents keep theirs', { retryMs: STORE_RETRY_MS });
      this.#due.resolve();
      await clock.sleep(STORE_RETRY_MS, signal).catch(() => undefined);
    }
  }

  /** @returns false: it could not be written, and is still pending */
  #store(): boolean {
    const acknowledgements = this.#acknowledgements;
    try {
      const behind = (): Iterable<StoredBehind> => this.#table.behind();
      this.#history.store(this.#table.pending, behind, this.#options.clock.nowMs());
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.error(error.message, { remedy: error.remedy });
      return false;
    }
    this.#table.clearPending();
    this.#acknowledgements = [];
    for (const acknowledge of acknowledgements) acknowledge();
    return true;
  }

  async #tickEverySecond(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(TICK_MS - (clock.nowMs() % TICK_MS), signal);
      const nowMs = clock.nowMs();
      const tick = this.#table.tick(nowMs);
      const silences = this.#table.takeSilences();
      this.#tryTo(() => this.#history.tick(nowMs, this.#table.openByEdge(), silences));
      for (const listener of this.#listeners) listener(tick);
      if (this.#history.isFoldDue) this.#tryTo(() => void this.#history.fold(nowMs));
    }
  }

  async #foldEveryMinute(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(FOLD_INTERVAL_MS, signal);
      this.#tryTo(() => {
        while (this.#history.fold(clock.nowMs()));
        this.#history.prune(clock.nowMs());
      });
    }
  }

  /** What a full disk costs here is history, and nothing else. */
  #tryTo(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.error(error.message, { remedy: error.remedy });
    }
  }
}

const isHttp = ({ protocol }: StoredEdge): boolean => protocol !== 'tcp';
