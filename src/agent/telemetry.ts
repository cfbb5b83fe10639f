// What the workload's proxy reports becomes Istio's standard metrics, and flows for the map.
import { X509Certificate } from 'node:crypto';
import type { Logger } from '#base/log.ts';
import type { GrpcHandler } from '#grpc/call.ts';
import { ConnectionAccount } from '#telemetry/connection-account.ts';
import { type Family, renderFamilies } from '#telemetry/exposition.ts';
import type { MetricRule } from '#telemetry/metric-rules.ts';
import { type FactsOf, StandardMetrics } from '#telemetry/standard-metrics.ts';
import { createAlsHandler } from './als.ts';
import { callKind, type CertificateFacts } from './call-kind.ts';
import { FlowAccount } from './flows/account.ts';
import type { Svid } from './identity.ts';

const NOBODY: CertificateFacts = { spiffeId: '', subject: '' };

export class Telemetry {
  readonly handler: GrpcHandler;
  readonly flows: FlowAccount;
  readonly #account: ConnectionAccount;
  readonly #metrics: StandardMetrics;
  #self = NOBODY;

  /** @param options.sinceMs when counting begins: what was before is an earlier agent's */
  constructor(options: {
    readonly sinceMs: number;
    readonly peerFacts: { readonly factsOf: FactsOf };
    readonly log: Logger;
  }) {
    this.#account = new ConnectionAccount(options.sinceMs);
    this.#metrics = new StandardMetrics((peer) => options.peerFacts.factsOf(peer));
    this.flows = new FlowAccount(options.sinceMs);
    this.handler = createAlsHandler({
      reader: {
        connection: (facts, entry, { wire, attributes }) => {
          const delta = this.#account.record(entry);
          const kind = callKind(facts, this.#self);
          this.#metrics.recordConnection(kind, delta, attributes);
          this.flows.connection(kind, facts, { entry, delta, wire });
        },
        request: (facts, report, { wire, attributes }) => {
          const kind = callKind(facts, this.#self);
          this.#metrics.recordRequest(kind, report, attributes);
          this.flows.request(kind, facts, { report, wire });
        },
      },
      log: options.log,
    });
  }

  setIdentity({ spiffeId, chainPem }: Svid): void {
    this.#self = { spiffeId, subject: new X509Certificate(chainPem).subject };
  }

  /** What Telemetry says of the metrics. */
  setMetricRules(rules: readonly MetricRule[]): void {
    this.#metrics.setRules(rules);
  }

  get openConnections(): number {
    return this.#account.openConnections;
  }

  /** Calls that are counted once it is known who their ends are. */
  get pendingCalls(): number {
    return this.#metrics.pendingCount;
  }

  families(): readonly Family[] {
    return this.#metrics.families();
  }

  /** Prometheus' text format. */
  render(): string {
    return renderFamilies(this.families());
  }
}
