// isthmusd's own metrics. Names are Istio's (pilot, citadel, galley) where they mean the same; no
// label is anything that a client chooses.
import type { CertificateCounters } from '#ca/service.ts';
import type { Family, Sample } from '#telemetry/exposition.ts';
import type { Histogram } from '#base/histogram.ts';
import type { Labels } from '#telemetry/report.ts';
import type { ControlPlane } from './build.ts';
import type { WebhookCounters } from './webhooks/counters.ts';

/** What Node tells of the process. */
export type ProcessFigures = {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Since the Unix epoch. */
  readonly startSeconds: number;
  readonly version: string;
};

type Parts = Pick<ControlPlane, 'xds' | 'mesh' | 'catalog' | 'counters'> & {
  readonly authority: Pick<ControlPlane['authority'], 'current'>;
};

export function controlPlaneFamilies(parts: Parts, process: ProcessFigures): readonly Family[] {
  const { authority, counters } = parts;
  const expiries = authority.current().roots.map(({ validTo }) => Date.parse(validTo) / 1000);
  return [
    ...xdsFamilies(parts),
    histogram(
      'pilot_proxy_convergence_time',
      'Seconds from a change to the last byte handed to a proxy that it concerns.',
      counters.changes.converged,
    ),
    ...meshFamilies(parts),
    ...certificateFamilies(counters.certificates),
    gauge(
      'citadel_server_root_cert_expiry_timestamp',
      'When the first root certificate expires, in seconds since 1970.',
      Math.min(...expiries),
    ),
    ...webhookFamilies(counters.webhooks),
    ...processFamilies(process),
  ];
}

function xdsFamilies({ xds, catalog }: Parts): readonly Family[] {
  const { bytes, responsesByType, rejectionsByType, refusedStreams } = xds.counters;
  const counts = xds.status().map((stream) => stream.counts);
  const sum = (read: (one: (typeof counts)[number]) => number): number =>
    counts.reduce((total, one) => total + read(one), 0);
  return [
    gauge('pilot_xds', 'Streams of proxies and agents that are open.', xds.streamCount),
    byType('pilot_xds_pushes', 'Responses sent.', responsesByType),
    counter('isthmus_xds_bytes_total', 'Bytes of responses sent.', bytes),
    byType('pilot_total_xds_rejects', 'Responses that a proxy refused.', rejectionsByType),
    counter('isthmus_xds_refused_streams_total', 'Streams turned away.', refusedStreams),
    gauge('isthmus_xds_resources', 'Resources that are held by anybody.', catalog.size),
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

function meshFamilies({ mesh }: Parts): readonly Family[] {
  return [
    gauge('pilot_services', 'Services in the mesh.', mesh.services.size),
    gauge('pilot_virt_services', 'VirtualServices in force.', mesh.virtualServices.inForce.size),
    gauge('isthmus_workloads', 'Pods and WorkloadEntries in the mesh.', mesh.workloads.size),
    gauge('isthmus_rejected_objects', 'Objects not in force as written.', mesh.rejections.size),
  ];
}

const certificateFamilies = (counts: CertificateCounters): readonly Family[] => [
  counter('citadel_server_csr_count', 'Requests for certificates.', counts.requests),
  counter(
    'citadel_server_success_cert_issuance_count',
    'Certificates issued to workloads.',
    counts.issued,
  ),
  counter(
    'citadel_server_authentication_failure_count',
    'Requests whose caller could not prove who it is.',
    counts.unauthenticated,
  ),
  counter(
    'citadel_server_csr_parsing_err_count',
    'Requests of known callers that could not be read.',
    counts.unreadable,
  ),
];

function webhookFamilies({ injection, validation }: WebhookCounters): readonly Family[] {
  const { injected, skipped, refused } = injection;
  const all = injected + skipped + refused;
  const verdicts = (read: 'passed' | 'failed'): readonly Sample<number>[] =>
    [...validation].map(([kind, counts]) => ({ labels: labelsOf(kind), value: counts[read] }));
  return [
    counter('sidecar_injection_requests_total', 'Pods that injection was asked about.', all),
    counter('sidecar_injection_success_total', 'Pods that got a sidecar.', injected),
    counter('sidecar_injection_skip_total', 'Pods that are to have none.', skipped),
    counter('sidecar_injection_failure_total', 'Pods refused.', refused),
    {
      type: 'counter',
      name: 'galley_validation_passed',
      help: 'Objects that were found valid.',
      samples: verdicts('passed'),
    },
    {
      type: 'counter',
      name: 'galley_validation_failed',
      help: 'Objects that were refused.',
      samples: verdicts('failed'),
    },
  ];
}

function labelsOf(kind: string): Labels {
  const [group = '', version = '', resource = ''] = kind.split('/');
  return [
    ['group', group],
    ['version', version],
    ['resource', resource],
  ];
}

const processFamilies = (process: ProcessFigures): readonly Family[] => [
  info('pilot_info', 'The version that runs.', [['version', process.version]]),
  info('istio_build', 'The version that runs.', [
    ['component', 'pilot'],
    ['tag', process.version],
  ]),
  counter('process_cpu_seconds_total', 'Processor time used, in seconds.', process.cpuSeconds),
  gauge('process_resident_memory_bytes', 'Memory in use.', process.residentBytes),
  gauge('process_start_time_seconds', 'Start, in seconds since 1970.', process.startSeconds),
  gauge('nodejs_heap_size_used_bytes', 'Of the JavaScript heap.', process.heapUsedBytes),
];

const one = <Value>(value: Value): readonly Sample<Value>[] => [{ labels: [], value }];

function gauge(name: string, help: string, value: number): Family {
  return { type: 'gauge', name, help, samples: one(value) };
}

function counter(name: string, help: string, value: number): Family {
  return { type: 'counter', name, help, samples: one(value) };
}

function histogram(name: string, help: string, value: Histogram): Family {
  return { type: 'histogram', name, help, samples: one(value) };
}

function info(name: string, help: string, labels: Labels): Family {
  return { type: 'gauge', name, help, samples: [{ labels, value: 1 }] };
}

function byType(name: string, help: string, counts: ReadonlyMap<string, number>): Family {
  const samples = [...counts].map(([type, value]) => ({
    labels: [['type', type]] as const,
    value,
  }));
  return { type: 'counter', name, help, samples };
}
