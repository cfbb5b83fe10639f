// What comes to a workload, and what goes out from it.
import {
  BY_CLIENT,
  BY_SERVICE,
  bytes,
  connections,
  durations,
  encrypted,
  principals,
  requests,
} from './traffic.ts';
import type { Dashboard } from './panel.ts';

const IN =
  'reporter="destination", destination_workload_namespace="$namespace", ' +
  'destination_workload=~"$workload"';
const OUT =
  'reporter="source", source_workload_namespace="$namespace", source_workload=~"$workload"';

export const WORKLOAD: Dashboard = {
  uid: 'isthmus-workload',
  title: 'Isthmus: workload',
  about: 'One workload, Pods or VMs: what comes in, as its own proxy reports, and what goes out.',
  variables: [
    {
      name: 'namespace',
      label: 'Namespace',
      ofLabel: 'namespace',
      query:
        'query_result(group by (namespace) (' +
        'label_replace({__name__=~"istio_tcp_received_bytes_total|istio_requests_total"}, ' +
        '"namespace", "$1", "source_workload_namespace", "(.*)") or ' +
        'label_replace({__name__=~"istio_tcp_received_bytes_total|istio_requests_total"}, ' +
        '"namespace", "$1", "destination_workload_namespace", "(.*)")))',
    },
    {
      name: 'workload',
      label: 'Workload',
      ofLabel: 'workload',
      isMany: true,
      query:
        'query_result(group by (workload) (' +
        'label_replace({__name__=~"istio_tcp_received_bytes_total|istio_requests_total", ' +
        'source_workload_namespace="$namespace"}, ' +
        '"workload", "$1", "source_workload", "(.*)") or ' +
        'label_replace({__name__=~"istio_tcp_received_bytes_total|istio_requests_total", ' +
        'destination_workload_namespace="$namespace"}, ' +
        '"workload", "$1", "destination_workload", "(.*)")))',
    },
  ],
  rows: [
    { title: 'Coming in: TCP', panels: [bytes(IN, BY_CLIENT), connections(IN), encrypted(IN)] },
    { title: 'Coming in: requests', panels: [requests(IN, BY_CLIENT), durations(IN)] },
    {
      title: 'Going out: TCP',
      panels: [bytes(OUT, BY_SERVICE), connections(OUT), encrypted(OUT)],
    },
    { title: 'Going out: requests', panels: [requests(OUT, BY_SERVICE), durations(OUT)] },
    { title: 'By certificate', panels: [principals(IN), principals(OUT)] },
  ],
};
