// `/stats/prometheus` on 15020: the mesh's standard metrics of this workload, the agent's own, its
// Envoy's, and the application's where its Pod says that it has some, in one scrape.
import type { HttpHandler } from './http-server.ts';
import { EXPOSITION_CONTENT_TYPE, type Family, renderFamilies } from '#telemetry/exposition.ts';

export const METRICS_PATH = '/stats/prometheus';

export type MetricsSources = {
  /** Istio's standard metrics, rendered. */
  readonly standard: () => string;
  readonly agent: () => AgentFigures;
  /** Texts of others, empty when they do not answer: what is there is told all the same. */
  readonly others: readonly (() => Promise<string>)[];
};

/** What the agent tells of itself. */
export type AgentFigures = {
  /** Undefined: there is no certificate. */
  readonly certificateNotAfterMs: number | undefined;
  readonly nowMs: number;
  readonly isConnected: boolean;
  readonly openConnections: number;
  readonly pendingCalls: number;
};

export function createMetricsHandler(sources: MetricsSources, next: HttpHandler): HttpHandler {
  return async (request, response) => {
    if (request.url?.split('?')[0] !== METRICS_PATH) return next(request, response);
    const others = await Promise.all(sources.others.map(async (text) => await text()));
    response.writeHead(200, { 'content-type': EXPOSITION_CONTENT_TYPE });
    response.end(
      [sources.standard(), renderFamilies(agentFamilies(sources.agent())), ...others].join(''),
    );
  };
}

/** Istio's names (`istio_agent_…`, pilot-agent) where they mean the same. */
function agentFamilies(figures: AgentFigures): readonly Family[] {
  const { certificateNotAfterMs: notAfterMs, nowMs } = figures;
  const gauge = (name: string, help: string, value: number): Family => ({
    type: 'gauge',
    name,
    help,
    samples: [{ labels: [], value }],
  });
  return [
    ...(notAfterMs === undefined
      ? []
      : [
          gauge(
            'istio_agent_cert_expiry_seconds',
            'Seconds until the workload’s certificate expires; negative once it has.',
            (notAfterMs - nowMs) / 1000,
          ),
        ]),
    gauge(
      'isthmus_agent_control_plane_connected',
      '1 while the proxy’s stream to the control plane is open.',
      figures.isConnected ? 1 : 0,
    ),
    gauge('isthmus_agent_open_connections', 'Connections being counted.', figures.openConnections),
    gauge(
      'isthmus_agent_calls_without_names',
      'Kinds of calls that are counted once it is known who their ends are.',
      figures.pendingCalls,
    ),
  ];
}
