// isthmusd itself: how much it does, how fast, and what is refused.
import { query } from './panel.ts';
import type { Dashboard, Panel } from './panel.ts';

const OVER = '[$__rate_interval]';

const line = (title: string, unit: string, about: string, queries: Panel['queries']): Panel => ({
  title,
  about,
  kind: 'timeseries',
  unit,
  queries,
});

const stat = (title: string, unit: string, about: string, expression: string): Panel => ({
  title,
  about,
  kind: 'stat',
  unit,
  queries: [query(expression)],
});

const quantiles = (metric: string): Panel['queries'] =>
  [0.5, 0.9, 0.99].map((quantile) =>
    query(
      `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket${OVER})))`,
      `p${quantile * 100}`,
    ),
  );

export const CONTROL_PLANE: Dashboard = {
  uid: 'isthmus-control-plane',
  title: 'Isthmus: control plane',
  about: 'isthmusd: proxies, pushes, what they refuse, certificates, admission, the process.',
  variables: [],
  rows: [
    {
      title: 'Now',
      panels: [
        stat('Streams', 'short', 'Of proxies and agents.', 'sum(pilot_xds)'),
        stat('Services', 'short', 'In the mesh.', 'max(pilot_services)'),
        stat('Workloads', 'short', 'Pods and WorkloadEntries.', 'max(isthmus_workloads)'),
        stat(
          'Refused objects',
          'short',
          'Not in force as written; their status says why.',
          'max(isthmus_rejected_objects)',
        ),
        stat(
          'First root expires',
          'dateTimeAsIso',
          'Every certificate of the mesh hangs on it.',
          'min(citadel_server_root_cert_expiry_timestamp) * 1000',
        ),
      ],
    },
    {
      title: 'Configuration',
      panels: [
        line('Changes', 'short', 'What the Kubernetes API told, a second, by kind.', [
          query(`sum by (type, event) (rate(pilot_k8s_reg_events${OVER}))`, '{{type}} {{event}}'),
          query(`sum by (type, event) (rate(pilot_k8s_cfg_events${OVER}))`, '{{type}} {{event}}'),
        ]),
        line('Pushes', 'short', 'Responses to proxies, a second, by type.', [
          query(`sum by (type) (rate(pilot_xds_pushes${OVER}))`, '{{type}}'),
        ]),
        line(
          'From a change to the proxies',
          's',
          'To the last byte handed to each proxy that it concerns.',
          quantiles('pilot_proxy_convergence_time'),
        ),
      ],
    },
    {
      title: 'Sending',
      panels: [
        line('Bytes', 'Bps', 'Of responses.', [
          query(`sum(rate(isthmus_xds_bytes_total${OVER}))`, 'sent'),
        ]),
        line(
          'Waiting for room',
          's',
          'Until a connection had taken a response: slow proxies, or slow ways to them.',
          quantiles('pilot_xds_send_time'),
        ),
        line('Held', 'short', 'Resources and names that somebody holds.', [
          query('sum(isthmus_xds_resources)', 'resources'),
          query('sum(isthmus_xds_names)', 'names'),
          query('sum(isthmus_xds_unknown_names)', 'names that mean nothing'),
        ]),
      ],
    },
    {
      title: 'What is wrong',
      panels: [
        line('Refused by proxies, now', 'short', 'A proxy stays with what it had before.', [
          query(
            'sum by (__name__) ({__name__=~"pilot_xds_(cds|eds|lds|rds)_reject"})',
            '{{__name__}}',
          ),
        ]),
        line('In the mesh', 'short', 'Nobody behind a port; protocols that contradict.', [
          query('max(pilot_eds_no_instances)', 'ports without endpoints'),
          query('max(pilot_conflict_inbound_listener)', 'ports in conflict'),
          query('sum(pilot_total_xds_internal_errors)', 'internal errors'),
        ]),
        line('Turned away', 'short', 'Streams, a second.', [
          query(`sum(rate(isthmus_xds_refused_streams_total${OVER}))`, 'streams'),
          query('sum(isthmus_xds_names_over_quota)', 'names over quota'),
        ]),
      ],
    },
    {
      title: 'Certificates and admission',
      panels: [
        line('Certificates', 'short', 'A second.', [
          query(`sum(rate(citadel_server_success_cert_issuance_count${OVER}))`, 'issued'),
          query(`sum(rate(citadel_server_authentication_failure_count${OVER}))`, 'not proved who'),
          query(`sum(rate(citadel_server_csr_parsing_err_count${OVER}))`, 'not to be read'),
        ]),
        line('Injection', 'short', 'Pods, a second.', [
          query(`sum(rate(sidecar_injection_success_total${OVER}))`, 'with a sidecar'),
          query(`sum(rate(sidecar_injection_skip_total${OVER}))`, 'without'),
          query(`sum(rate(sidecar_injection_failure_total${OVER}))`, 'refused'),
        ]),
      ],
    },
    {
      title: 'Process',
      panels: [
        line('Processor', 'short', 'Cores in use.', [
          query(`sum(rate(process_cpu_seconds_total{job="isthmusd"}${OVER}))`, 'cores'),
        ]),
        line('Memory', 'bytes', 'Of the process, and of the JavaScript heap.', [
          query('sum(process_resident_memory_bytes{job="isthmusd"})', 'resident'),
          query('sum(nodejs_heap_size_used_bytes)', 'heap'),
        ]),
        stat('Version', 'short', 'Of each component.', 'count by (component, tag) (istio_build)'),
      ],
    },
  ],
};
