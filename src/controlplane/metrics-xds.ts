// What is sent to proxies, as metrics: Istio's names (pilot/pkg/xds/monitoring.go) where they mean
// the same.
import type { Family } from '#telemetry/exposition.ts';
import { shortTypeName } from '#xds/type-urls.ts';
import type { ControlPlane } from './build.ts';
import { byType, counter, gauge, histogram, histogramByType } from './metric-families.ts';

type Parts = Pick<ControlPlane, 'xds' | 'catalog'> & {
  readonly counters: Pick<ControlPlane['counters'], 'changes'>;
};

/** The types of which Istio tells by a name of their own that proxies refuse one. */
const REFUSABLE = ['cds', 'eds', 'lds', 'rds'] as const;

export function xdsFamilies({ xds, catalog, counters }: Parts): readonly Family[] {
  const { bytes, responsesByType, rejectionsByType, refusedStreams } = xds.counters;
  const streams = xds.status();
  const refused = streams
    .flatMap(({ types }) => types)
    .flatMap(({ typeUrl, rejections }) => rejections.map(() => shortTypeName(typeUrl)));
  return [
    gauge('pilot_xds', 'Streams of proxies and agents that are open.', xds.streamCount),
    byType('pilot_xds_pushes', 'Responses sent.', responsesByType),
    histogramByType(
      'pilot_xds_push_time',
      'Seconds that it took to write a response and to hand it to its connection.',
      xds.counters.pushSecondsByType,
    ),
    histogram(
      'pilot_xds_send_time',
      'Seconds until a connection had taken a response.',
      xds.counters.sendSeconds,
    ),
    histogramByType(
      'pilot_xds_config_size_bytes',
      'Bytes of a response.',
      xds.counters.sizesByType,
    ),
    counter('isthmus_xds_bytes_total', 'Bytes of responses sent.', bytes),
    byType('pilot_total_xds_rejects', 'Responses that a proxy refused.', rejectionsByType),
    ...REFUSABLE.map((type) =>
      gauge(
        `pilot_xds_${type}_reject`,
        `Resources of ${type.toUpperCase()} that a proxy refuses as they are now.`,
        refused.filter((name) => name === type).length,
      ),
    ),
    counter('isthmus_xds_refused_streams_total', 'Streams turned away.', refusedStreams),
    histogram(
      'pilot_proxy_convergence_time',
      'Seconds from a change to the last byte handed to a proxy that it concerns.',
      counters.changes.converged,
    ),
    gauge('isthmus_xds_resources', 'Resources that are held by anybody.', catalog.size),
    ...nameFamilies(streams.map(({ counts }) => counts)),
  ];
}

type Counts = ReturnType<ControlPlane['xds']['status']>[number]['counts'];

function nameFamilies(counts: readonly Counts[]): readonly Family[] {
  const sum = (read: (one: Counts) => number): number =>
    counts.reduce((total, one) => total + read(one), 0);
  return [
    gauge(
      'isthmus_xds_names',
      'Names that open streams hold.',
      sum(({ names }) => names),
    ),
    gauge(
      'isthmus_xds_names_max',
      'Names that one open stream holds at most.',
      counts.reduce((most, { names }) => Math.max(most, names), 0),
    ),
    gauge(
      'isthmus_xds_unknown_names',
      'Of these, names that mean nothing.',
      sum(({ unknown }) => unknown),
    ),
    gauge(
      'isthmus_xds_names_over_quota',
      'Answers to open streams that were stand-ins, because a quota was full.',
      sum(({ refusals }) => refusals),
    ),
  ];
}
