// What requests are made in, on their way to a cluster, and what holds for the connections that
// they share.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Http2ProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js';
import type { RouteAction_HashPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { Protocol } from '#istio/core/protocol.ts';
import type { ConnectionPool, HashKey } from '#istio/destinationrule/traffic-policy.ts';
import type { ClientSecurity } from './client-policy.ts';
import { milliseconds, packed } from './message.ts';

/** What those who use a cluster speak: bytes, or requests, made in what the client made them in. */
export type Spoken = 'tcp' | 'http1' | 'http2' | 'as-client';

/** What whoever routes requests to a port of this protocol makes of them. */
export function spokenBy(protocol: Protocol | undefined): Spoken {
  switch (protocol) {
    case 'http2':
    case 'grpc':
    case 'grpc-web':
      return 'http2';
    case 'http':
    case 'http-proxy':
      return 'http1';
    case 'auto':
      return 'as-client';
    default:
      return 'tcp';
  }
}

/** By which a server of the mesh tells requests from other bytes, the most telling first. */
export const MESH_ALPNS: Readonly<Record<Exclude<Spoken, 'tcp'>, readonly string[]>> = {
  http1: ['istio-http/1.1', 'istio-http/1.0', 'istio', 'http/1.1'],
  http2: ['istio-h2', 'istio', 'h2'],
  // nothing that a server could agree to: it sees which of both it is by the first bytes
  'as-client': ['istio-http/1.1', 'istio-http/1.0', 'istio-h2', 'istio'],
};

/** What a rule makes of what a port speaks. */
export function spokenUnder(
  port: Spoken,
  options: { readonly pool: ConnectionPool | undefined; readonly upgradesToHttp2: boolean },
): Spoken {
  if (port === 'tcp' || port === 'http2') return port;
  if (options.pool?.usesClientProtocol === true) return 'as-client';
  const said = options.pool?.http2;
  const isUpgraded = said === 'upgrade' || (said === undefined && options.upgradesToHttp2);
  return port === 'http1' && isUpgraded ? 'http2' : port;
}

type Options = MessageInitShape<typeof HttpProtocolOptionsSchema>;

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function httpOptions(
  spoken: Spoken,
  options: {
    readonly pool: ConnectionPool | undefined;
    readonly security: ClientSecurity;
    /** By which requests are alike, for a cluster that balances by it. */
    readonly hashKey?: HashKey | undefined;
  },
): Pick<MessageInitShape<typeof ClusterSchema>, 'typedExtensionProtocolOptions'> {
  if (spoken === 'tcp') return {};
  const common = commonOptions(options.pool);
  const named = namedByRequest(options.security);
  const { hashKey } = options;
  const isSilent = common === undefined && named === undefined && hashKey === undefined;
  if (spoken === 'http1' && isSilent) return {};
  const value: Options = {
    ...(common && { commonHttpProtocolOptions: common }),
    ...(named && { upstreamHttpProtocolOptions: named }),
    upstreamProtocolOptions: protocolOf(spoken, options.pool),
    ...(hashKey && { hashPolicy: [{ policySpecifier: hashPolicyOf(hashKey) }] }),
  };
  return {
    typedExtensionProtocolOptions: { [EXTENSION]: packed(HttpProtocolOptionsSchema, value) },
  };
}

function commonOptions(
  pool: ConnectionPool | undefined,
): Options['commonHttpProtocolOptions'] | undefined {
  const { idleTimeoutMs, maxConnectionDurationMs, maxRequestsPerConnection } = pool ?? NO_POOL;
  const isSaid =
    (idleTimeoutMs ?? maxConnectionDurationMs ?? maxRequestsPerConnection) !== undefined;
  if (!isSaid) return undefined;
  return {
    ...(idleTimeoutMs !== undefined && { idleTimeout: milliseconds(idleTimeoutMs) }),
    ...(maxConnectionDurationMs !== undefined && {
      maxConnectionDuration: milliseconds(maxConnectionDurationMs),
    }),
    ...(maxRequestsPerConnection !== undefined && { maxRequestsPerConnection }),
  };
}

const NO_POOL: Partial<ConnectionPool> = {};

type HashPolicy = NonNullable<
  MessageInitShape<typeof RouteAction_HashPolicySchema>['policySpecifier']
>;

function hashPolicyOf(key: HashKey): HashPolicy {
  switch (key.kind) {
    case 'source-ip':
      return { case: 'connectionProperties', value: { sourceIp: true } };
    case 'header':
      return { case: 'header', value: { headerName: key.name } };
    case 'query':
      return { case: 'queryParameter', value: { name: key.name } };
    case 'cookie': {
      const { name, path, ttlMs, attributes } = key;
      const ttl = ttlMs === undefined ? {} : { ttl: milliseconds(ttlMs) };
      return { case: 'cookie', value: { name, path, ...ttl, attributes: [...attributes] } };
    }
    default:
      return assertNever(key);
  }
}

/** TLS to strangers asks for the host that the request is for, where no rule names another. */
function namedByRequest(
  security: ClientSecurity,
): Options['upstreamHttpProtocolOptions'] | undefined {
  if (security.kind !== 'own' || security.sni !== '') return undefined;
  const isUnchecked = security.skipsVerification || security.subjectAltNames.length > 0;
  return { autoSni: true, autoSanValidation: !isUnchecked };
}

function protocolOf(
  spoken: Exclude<Spoken, 'tcp'>,
  pool: ConnectionPool | undefined,
): NonNullable<Options['upstreamProtocolOptions']> {
  const http2ProtocolOptions = http2Options(pool);
  switch (spoken) {
    case 'http1':
      return {
        case: 'explicitHttpConfig',
        value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } },
      };
    case 'http2':
      return {
        case: 'explicitHttpConfig',
        value: { protocolConfig: { case: 'http2ProtocolOptions', value: http2ProtocolOptions } },
      };
    case 'as-client':
      return {
        case: 'useDownstreamProtocolConfig',
        value: { httpProtocolOptions: {}, http2ProtocolOptions },
      };
    default:
      return assertNever(spoken);
  }
}

function http2Options(
  pool: ConnectionPool | undefined,
): MessageInitShape<typeof Http2ProtocolOptionsSchema> {
  const { maxConcurrentStreams, http2KeepAlive } = pool ?? NO_POOL;
  const { intervalMs, timeoutMs } = http2KeepAlive ?? {};
  return {
    ...(maxConcurrentStreams !== undefined && { maxConcurrentStreams }),
    ...(intervalMs !== undefined &&
      timeoutMs !== undefined && {
        connectionKeepalive: {
          interval: milliseconds(intervalMs),
          timeout: milliseconds(timeoutMs),
        },
      }),
  };
}
