// What is asked of the mesh's standard metrics, whoever's traffic it is.
//
// Bytes are counted under the same name at both ends: `istio_tcp_received_bytes_total` is from the
// client to the server, whichever end reports. So it is said here: → to server, ← to client.
import { query } from './panel.ts';
import type { Panel, Query } from './panel.ts';

/** Enough for two scrapes at least, whatever their interval. */
const OVER = '[$__rate_interval]';
const QUANTILES = [0.5, 0.9, 0.99];

export const rate = (metric: string, labels: string): string => `rate(${metric}{${labels}}${OVER})`;

const sumOf = (expression: string, by = ''): string =>
  by === '' ? `sum(${expression})` : `sum by (${by}) (${expression})`;

/** @param by labels, of which the legend is made */
export function bytes(labels: string, by = ''): Panel {
  const legend = legendOf(by);
  return {
    title: by === '' ? 'Bytes' : `Bytes by ${nounOf(by)}`,
    about: 'TCP: payload bytes a second, as they were carried, also of connections still open.',
    kind: 'timeseries',
    unit: 'Bps',
    queries: [
      query(sumOf(rate('istio_tcp_received_bytes_total', labels), by), `→ to server${legend}`),
      query(sumOf(rate('istio_tcp_sent_bytes_total', labels), by), `← to client${legend}`),
    ],
  };
}

export const connections = (labels: string, by = ''): Panel => ({
  title: by === '' ? 'Connections' : `Connections by ${nounOf(by)}`,
  about: 'TCP connections that were opened and closed, a second.',
  kind: 'timeseries',
  unit: 'cps',
  queries: [
    query(sumOf(rate('istio_tcp_connections_opened_total', labels), by), `opened${legendOf(by)}`),
    query(sumOf(rate('istio_tcp_connections_closed_total', labels), by), `closed${legendOf(by)}`),
  ],
});

export const requests = (labels: string, by: string): Panel => ({
  title: `Requests by ${nounOf(by)}`,
  about: 'HTTP and gRPC requests that have ended, a second, with their status.',
  kind: 'timeseries',
  unit: 'reqps',
  queries: [
    query(
      sumOf(rate('istio_requests_total', labels), [by, 'response_code'].filter(Boolean).join(', ')),
      `{{response_code}}${legendOf(by)}`,
    ),
  ],
});

export const success = (labels: string): Panel => ({
  title: 'Answered without 5xx',
  about: 'The share of the requests; without any there is nothing to show.',
  kind: 'stat',
  unit: 'percentunit',
  queries: [
    query(
      `${sumOf(rate('istio_requests_total', `${labels}, response_code!~"5.*|0"`))} / ` +
        sumOf(rate('istio_requests_total', labels)),
    ),
  ],
});

export const durations = (labels: string): Panel => ({
  title: 'Duration of requests',
  about: 'From a request’s first byte to the response’s last.',
  kind: 'timeseries',
  unit: 'ms',
  queries: QUANTILES.map((quantile) =>
    query(
      `histogram_quantile(${quantile}, ` +
        `${sumOf(rate('istio_request_duration_milliseconds_bucket', labels), 'le')})`,
      `p${quantile * 100}`,
    ),
  ),
});

/** The share under mutual TLS, of all that is carried. */
export const encrypted = (labels: string): Panel => ({
  title: '🔒 under mutual TLS',
  about: 'The share of the bytes of TCP that both proxies carried under mutual TLS.',
  kind: 'stat',
  unit: 'percentunit',
  queries: [encryptedShare(labels)],
});

function encryptedShare(labels: string): Query {
  const all = rate('istio_tcp_received_bytes_total', labels);
  const encrypted = rate(
    'istio_tcp_received_bytes_total',
    `${labels}, connection_security_policy="mutual_tls"`,
  );
  return query(`(${sumOf(encrypted)} or vector(0)) / ${sumOf(all)}`);
}

/** Who is who, by certificate. */
export const principals = (labels: string): Panel => ({
  title: 'Who is who',
  about: 'By certificate; unknown is whoever showed none.',
  kind: 'table',
  unit: 'Bps',
  queries: [
    query(
      sumOf(
        rate('istio_tcp_received_bytes_total', labels),
        'source_principal, destination_principal, destination_service, connection_security_policy',
      ),
    ),
  ],
});

const NOUNS: Readonly<Record<string, string>> = {
  'source_workload, source_workload_namespace': 'client',
  'destination_workload, destination_workload_namespace': 'server',
  destination_service: 'service',
};

const nounOf = (by: string): string => NOUNS[by] ?? by;

function legendOf(by: string): string {
  if (by === '') return '';
  const parts = by.split(', ').map((label) => `{{${label}}}`);
  return ` ${parts.join('.')}`;
}

export const BY_CLIENT = 'source_workload, source_workload_namespace';
export const BY_SERVER = 'destination_workload, destination_workload_namespace';
export const BY_SERVICE = 'destination_service';
