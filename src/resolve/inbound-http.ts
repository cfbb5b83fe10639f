// How a workload's requests are taken in: the HTTP half of its inbound filter chains. Policies are
// filters that come by name, so that a policy changes without the chain, and holds from the next
// request on, on open connections too.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { HttpFilterSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { httpAccessLogs } from './access-log.ts';
import { httpPolicyName } from './inbound-names.ts';
import { ADS, extension, milliseconds } from './message.ts';
import type { TypedConfig } from './message.ts';
import { inboundName, TYPE_URL } from './names.ts';
import type { RequestTelemetry } from './telemetry.ts';
import { traced } from './tracing.ts';

type HttpFilter = MessageInitShape<typeof HttpFilterSchema>;

/** As Istio's proxies call themselves. */
const SERVER_NAME = 'istio-envoy';
/** 0 is "never": a request may take, and a stream stay silent, as long as the client waits. */
const UNLIMITED = milliseconds(0);
/** A request that a connection, closed meanwhile, never began is made again. */
const RETRIES_MAX = 2;

export function inboundRequests(port: number, { logs, trace }: RequestTelemetry): TypedConfig {
  return extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
    statPrefix: `inbound_0.0.0.0_${port}`,
    routeSpecifier: { case: 'routeConfig', value: allTo(port) },
    httpFilters: [policyFilter(port), extension('envoy.filters.http.router', RouterSchema, {})],
    accessLog: httpAccessLogs(logs, 'inbound'),
    ...traced(trace),
    // the client is whom x-forwarded-for names last: on its way a request has met proxies only
    useRemoteAddress: false,
    // who calls, by certificate, is added; in plaintext, what the caller says of it is taken away
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD,
    setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
    normalizePath: true,
    proxy100Continue: true,
    serverName: SERVER_NAME,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    streamIdleTimeout: UNLIMITED,
  });
}

/** What decides about requests to a port, fetched by name; while it is missing all are refused. */
export const policyFilter = (port: number): HttpFilter => ({
  name: httpPolicyName(port),
  configType: {
    case: 'configDiscovery',
    value: { configSource: ADS, typeUrls: [TYPE_URL.httpFilterChain] },
  },
});

/** Named by the workload's own port alone: no service that comes or goes changes a chain. */
function allTo(port: number): MessageInitShape<typeof RouteConfigurationSchema> {
  const cluster = inboundName(port);
  return {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: `inbound|http|${port}`,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'cluster', value: cluster },
                timeout: UNLIMITED,
                maxStreamDuration: {
                  maxStreamDuration: UNLIMITED,
                  grpcTimeoutHeaderMax: UNLIMITED,
                },
                retryPolicy: { retryOn: 'reset-before-request', numRetries: RETRIES_MAX },
              },
            },
          },
        ],
      },
    ],
  };
}
