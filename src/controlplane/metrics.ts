// isthmusd's own metrics. Names are Istio's (pilot, citadel, galley) where they mean the same; no
// label is anything that a client chooses.
import type { CertificateCounters } from '#ca/service.ts';
import type { Family, Sample } from '#telemetry/exposition.ts';
import type { Authority } from '#ca/authority.ts';
import type { Labels } from '#telemetry/report.ts';
import type { ControlPlane } from './build.ts';
import { counter, gauge, info } from './metric-families.ts';
import { ingestFamilies, meshFamilies } from './metrics-mesh.ts';
import { xdsFamilies } from './metrics-xds.ts';
import type { WebhookCounters } from './webhooks/counters.ts';

/** What Node tells of the process. */
export type ProcessFigures = {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Since the Unix epoch. */
  readonly startSeconds: number;
  /** The same of now. */
  readonly nowSeconds: number;
  readonly version: string;
};

type Parts = Pick<ControlPlane, 'xds' | 'mesh' | 'catalog' | 'counters'> & {
  readonly ingest: Pick<ControlPlane['ingest'], 'events'>;
  readonly authority: Pick<ControlPlane['authority'], 'current'>;
};

export function controlPlaneFamilies(parts: Parts, process: ProcessFigures): readonly Family[] {
  const { authority, counters, ingest, mesh } = parts;
  return [
    ...xdsFamilies(parts),
    ...meshFamilies(mesh),
    ...ingestFamilies(ingest),
    ...certificateFamilies(counters.certificates),
    ...expiryFamilies(authority.current(), process.nowSeconds),
    ...webhookFamilies(counters.webhooks),
    ...processFamilies(process),
  ];
}

/** Istio tells each twice: when, and how long that is from now. */
function expiryFamilies(
  { roots, notAfterMs }: Pick<Authority, 'roots' | 'notAfterMs'>,
  nowSeconds: number,
): readonly Family[] {
  const root = Math.min(...roots.map(({ validTo }) => Date.parse(validTo) / 1000));
  const chain = notAfterMs / 1000;
  const when = (name: string, help: string, at: number): readonly Family[] => [
    gauge(`${name}_timestamp`, `When ${help}, in seconds since 1970.`, at),
    gauge(`${name}_seconds`, `Seconds until ${help}; negative once it has.`, at - nowSeconds),
  ];
  return [
    ...when('citadel_server_root_cert_expiry', 'the first root certificate expires', root),
    ...when('citadel_server_cert_chain_expiry', 'the certificate that signs expires', chain),
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
