// Who calls a service, and who serves it.
import {
  BY_CLIENT,
  BY_SERVER,
  bytes,
  connections,
  durations,
  encrypted,
  principals,
  requests,
  success,
} from './traffic.ts';
import type { Dashboard } from './panel.ts';

/** As the servers' proxies report: also clients outside of the mesh are in it. */
const OF_SERVICE = 'reporter="destination", destination_service="$service"';
/** Calls that reached no server's proxy are in here only. */
const AS_CALLED = 'reporter="source", destination_service="$service"';

export const SERVICE: Dashboard = {
  uid: 'isthmus-service',
  title: 'Isthmus: service',
  about: 'One service: who calls it, who serves it, and whether it is encrypted.',
  variables: [
    {
      name: 'service',
      label: 'Service',
      query:
        'label_values({__name__=~"istio_tcp_received_bytes_total|istio_requests_total"}, ' +
        'destination_service)',
    },
  ],
  rows: [
    {
      title: 'TCP',
      panels: [bytes(OF_SERVICE), connections(OF_SERVICE), encrypted(OF_SERVICE)],
    },
    { title: 'TCP, by client', panels: [bytes(OF_SERVICE, BY_CLIENT), principals(OF_SERVICE)] },
    {
      title: 'TCP, by server',
      panels: [bytes(OF_SERVICE, BY_SERVER), connections(OF_SERVICE, BY_SERVER)],
    },
    {
      title: 'Requests',
      panels: [requests(OF_SERVICE, BY_CLIENT), durations(OF_SERVICE), success(OF_SERVICE)],
    },
    {
      title: 'Requests, as clients saw them answered',
      panels: [requests(AS_CALLED, BY_CLIENT), durations(AS_CALLED)],
    },
  ],
};
