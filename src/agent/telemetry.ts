// What the workload's proxy reports becomes Istio's standard metrics.
import { X509Certificate } from 'node:crypto';
import type { Logger } from '#base/log.ts';
import type { GrpcHandler } from '#grpc/call.ts';
import { ConnectionAccount } from '#telemetry/connection-account.ts';
import { renderFamilies } from '#telemetry/exposition.ts';
import { type FactsOf, StandardMetrics } from '#telemetry/standard-metrics.ts';
import { createAlsHandler } from './als.ts';
import { callKind, type CertificateFacts } from './call-kind.ts';
import type { Svid } from './identity.ts';

const NOBODY: CertificateFacts = { spiffeId: '', subject: '' };

export class Telemetry {
  readonly handler: GrpcHandler;
  readonly #account: ConnectionAccount;
  readonly #metrics: StandardMetrics;
  #self = NOBODY;

  /** @param options.sinceMs when counting begins: what was before is an earlier agent's */
  constructor(options: {
    readonly sinceMs: number;
    readonly factsOf: FactsOf;
    readonly log: Logger;
  }) {
    this.#account = new ConnectionAccount(options.sinceMs);
    this.#metrics = new StandardMetrics(options.factsOf);
    this.handler = createAlsHandler({
      reader: {
        connection: (facts, entry) => {
          const delta = this.#account.record(entry);
          this.#metrics.recordConnection(callKind(facts, this.#self), delta);
        },
        request: (facts, report) =>
          this.#metrics.recordRequest(callKind(facts, this.#self), report),
      },
      log: options.log,
    });
  }

  setIdentity({ spiffeId, chainPem }: Svid): void {
    this.#self = { spiffeId, subject: new X509Certificate(chainPem).subject };
  }

  get openConnections(): number {
    return this.#account.openConnections;
  }

  /** Calls that are counted once it is known who their ends are. */
  get pendingCalls(): number {
    return this.#metrics.pendingCount;
  }

  /** Prometheus' text format. */
  render(): string {
    return renderFamilies(this.#metrics.families());
  }
}
