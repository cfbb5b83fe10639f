// Prometheus asks one port of a Pod: the agent's, which asks the application for its part. Pure;
// what annotations mean is as in Istio (pkg/kube/inject/webhook.go, applyPrometheusMerge).
import { STATUS_PORT } from './probes.ts';

const MERGE = 'prometheus.istio.io/merge-metrics';
const FALSE_WORDS = new Set(['0', 'f', 'F', 'false', 'False', 'FALSE']);

/** Where Prometheus finds the workload's metrics. */
const OURS = {
  'prometheus.io/scrape': 'true',
  'prometheus.io/port': String(STATUS_PORT),
  'prometheus.io/path': '/stats/prometheus',
};

type Annotations = Readonly<Record<string, string>>;

/**
 * The Pod's annotations with the agent's place in those of Prometheus, and what the agent is told of
 * the application's. Whoever says `scrape: false`, or that nothing be merged, keeps what there is.
 */
export function mergeMetrics(annotations: Annotations): {
  readonly annotations: Annotations;
  readonly env: Annotations;
} {
  const scrape = valueOf(annotations, 'scrape');
  const port = valueOf(annotations, 'port');
  const path = valueOf(annotations, 'path');
  const isUnwanted = [scrape, annotations[MERGE]].some((text) => FALSE_WORDS.has(text ?? ''));
  // Its own place already: injected before, or the user's own doing.
  if (isUnwanted || port === String(STATUS_PORT)) return { annotations, env: {} };
  const own = { ...(scrape && { scrape }), ...(path && { path }), ...(port && { port }) };
  const others = Object.entries(annotations).filter(([key]) => !isOfPrometheus(key));
  return {
    annotations: { ...Object.fromEntries(others), ...OURS },
    env: Object.keys(own).length > 0 ? { ISTIO_PROMETHEUS_ANNOTATIONS: JSON.stringify(own) } : {},
  };
}

/** Prometheus sees `prometheus.io/port` and `prometheus_io_port` alike. */
const sanitized = (key: string): string => key.replaceAll(/[^a-zA-Z0-9_]/g, '_');

const isOfPrometheus = (key: string): boolean =>
  /^prometheus_io_(scrape|port|path)$/.test(sanitized(key));

const valueOf = (annotations: Annotations, name: string): string | undefined =>
  Object.entries(annotations).find(([key]) => sanitized(key) === `prometheus_io_${name}`)?.[1];
