// What isthmusd tells of itself on its monitoring port.
import type { ControlPlane } from './build.ts';
import { debugPages } from './debug.ts';
import { jsonPage, textPage, type Pages } from './monitoring.ts';

type Metric = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly value: number;
};

/** Prometheus text exposition format 0.0.4. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(
      ({ name, help, type, value }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`,
    )
    .join('');
}

/** Istio's names where they mean the same. */
function metricsOf({ xds, mesh, catalog }: ControlPlane): Metric[] {
  const { responses, bytes, rejections, refusedStreams } = xds.counters;
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'gauge',
    value,
  });
  const counter = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'counter',
    value,
  });
  return [
    gauge('pilot_xds', 'Streams of proxies and agents that are open.', xds.streamCount),
    gauge('pilot_services', 'Services in the mesh.', mesh.services.size),
    gauge('isthmus_workloads', 'Pods and WorkloadEntries in the mesh.', mesh.workloads.size),
    gauge('isthmus_rejected_objects', 'Objects not in force as written.', mesh.rejections.size),
    gauge('isthmus_xds_resources', 'Resources that are held by anybody.', catalog.size),
    counter('isthmus_xds_responses_total', 'Responses sent.', responses),
    counter('isthmus_xds_bytes_total', 'Bytes of responses sent.', bytes),
    counter('pilot_total_xds_rejects', 'Responses that a proxy refused.', rejections),
    counter('isthmus_xds_refused_streams_total', 'Streams turned away.', refusedStreams),
  ];
}

export function controlPlanePages(parts: ControlPlane): Pages {
  return {
    '/ready': () => (parts.isReady() ? textPage('ok\n') : textPage('not synced yet\n', 503)),
    '/metrics': () => ({
      status: 200,
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: renderMetrics(metricsOf(parts)),
    }),
    '/debug/syncz': () => jsonPage(parts.xds.status()),
    '/debug/rejections': () => jsonPage([...parts.mesh.rejections.entries()].map(([, one]) => one)),
    ...debugPages(parts),
  };
}
