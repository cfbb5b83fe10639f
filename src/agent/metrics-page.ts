// `/stats/prometheus` on 15020: the mesh's standard metrics of this workload, the agent's own, its
// Envoy's, and the application's where its Pod says that it has some, in one scrape.
import { type AgentFigures, agentFamilies, momentaryFamilies } from './agent-metrics.ts';
import type { HttpHandler } from './http-server.ts';
import {
  EXPOSITION_CONTENT_TYPE,
  type Family,
  renderFamilies,
  type Sample,
} from '#telemetry/exposition.ts';

export const METRICS_PATH = '/stats/prometheus';

export type MetricsSources = {
  /** Istio's standard metrics, rendered. */
  readonly standard: () => string;
  readonly agent: () => AgentFigures;
  /** Texts of others, undefined when they do not answer: what is there is told all the same. */
  readonly others: Readonly<Partial<Record<OtherSource, OtherText>>>;
};

/** @param limitMs when the text is to be there at the latest */
type OtherText = (limitMs: number) => Promise<string | undefined>;

/** Istio's names of them. */
export type OtherSource = 'envoy' | 'application';

export function createMetricsHandler(sources: MetricsSources, next: HttpHandler): HttpHandler {
  const counts = new ScrapeCounts();
  return async (request, response) => {
    if (request.url?.split('?')[0] !== METRICS_PATH) return next(request, response);
    const { envoy, application } = sources.others;
    const limitMs = limitOf(request.headers['x-prometheus-scrape-timeout-seconds']);
    const others = await Promise.all([envoy?.(limitMs), application?.(limitMs)]);
    counts.scrapes += 1;
    if (envoy && others[0] === undefined) counts.envoyFailures += 1;
    if (application && others[1] === undefined) counts.applicationFailures += 1;
    const figures = sources.agent();
    const own = renderFamilies([
      ...momentaryFamilies(figures),
      ...agentFamilies(figures),
      ...counts.families(),
    ]);
    response.writeHead(200, { 'content-type': EXPOSITION_CONTENT_TYPE });
    response.end([sources.standard(), own, ...others].join(''));
  };
}

const LIMIT_MS = 5_000;
/** Of the time that Prometheus waits: the rest is for the way, and for what is ours. */
const LIMIT_SHARE = 0.8;

/** Whoever scrapes says how long it waits: what comes later would cost it everything. */
function limitOf(header: string | readonly string[] | undefined): number {
  const waitsMs = Number(header) * 1000;
  return waitsMs > 0 ? Math.min(LIMIT_MS, Math.floor(waitsMs * LIMIT_SHARE)) : LIMIT_MS;
}

class ScrapeCounts {
  scrapes = 0;
  envoyFailures = 0;
  applicationFailures = 0;

  families(): readonly Family[] {
    const failures = (type: OtherSource, value: number): Sample<number> => ({
      labels: [['type', type]],
      value,
    });
    return [
      {
        type: 'counter',
        name: 'istio_agent_scrapes_total',
        help: 'Scrapes of this agent.',
        samples: [{ labels: [], value: this.scrapes }],
      },
      {
        type: 'counter',
        name: 'istio_agent_scrape_failures_total',
        help: 'Scrapes in which the part of this one was left out.',
        samples: [
          failures('envoy', this.envoyFailures),
          failures('application', this.applicationFailures),
        ],
      },
    ];
  }
}
