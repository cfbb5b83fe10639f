// Asking an external authorizer about the requests, or over gRPC the connections, that CUSTOM
// policies select: the filter behind the one that marks them (`rbac-rules.ts`).
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { GrpcServiceSchema } from '#gen/envoy/config/core/v3/grpc_service_pb.js';
import { ExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import type { HttpServiceSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { ExtAuthzSchema as TcpExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js';
import type { MetadataMatcherSchema } from '#gen/envoy/type/matcher/v3/metadata_pb.js';
import type { ListStringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { AuthorizerSettings } from '#istio/meshconfig/extension-providers.ts';
import { HTTP_RBAC_METADATA } from './http-rbac.ts';
import { httpFilterName, TCP_AUTHORIZER } from './inbound-names.ts';
import { milliseconds, packed, V3 } from './message.ts';
import { TCP_RBAC_METADATA, TCP_STAT_PREFIX } from './rbac.ts';
import { regex, wildcard } from './rbac-match.ts';
import { CUSTOM_VERDICT, customRulePrefix } from './rbac-rules.ts';

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;

export type Authorizer = {
  /** Of the extension provider. */
  readonly provider: string;
  readonly settings: AuthorizerSettings;
  readonly host: string;
  /** Of the authorizer's service. */
  readonly cluster: string;
};

/** Without an answer the request is refused, unless the provider is to fail open. */
export function buildAuthorizer({ provider, settings, host, cluster }: Authorizer): Extension {
  const { protocol, requestHeaders, body, statusOnError, failOpen } = settings;
  const services = {
    grpc: { case: 'grpcService', value: grpcService({ settings, host, cluster }) },
    http: { case: 'httpService', value: httpService({ settings, host, cluster }) },
  } as const;
  return {
    name: httpFilterName('authorizer'),
    typedConfig: packed(ExtAuthzSchema, {
      services: services[protocol],
      transportApiVersion: V3,
      failureModeAllow: failOpen,
      filterEnabledMetadata: isMarked(HTTP_RBAC_METADATA, provider),
      ...(requestHeaders.length > 0 && { allowedHeaders: headerNames(requestHeaders) }),
      ...(statusOnError !== 0 && { statusOnError: { code: statusOnError } }),
      ...(body && {
        withRequestBody: {
          maxRequestBytes: body.bytesMax,
          allowPartialMessage: body.allowsPartial,
          packAsBytes: body.asBytes,
        },
      }),
    }),
  };
}

/**
 * The same of connections, once the client has sent something.
 *
 * @param authorizer one that speaks gRPC
 */
export function buildTcpAuthorizer(authorizer: Authorizer): Extension {
  return {
    name: TCP_AUTHORIZER,
    typedConfig: packed(TcpExtAuthzSchema, {
      statPrefix: TCP_STAT_PREFIX,
      grpcService: grpcService(authorizer),
      transportApiVersion: V3,
      failureModeAllow: authorizer.settings.failOpen,
      filterEnabledMetadata: isMarked(TCP_RBAC_METADATA, authorizer.provider),
    }),
  };
}

type Service = Omit<Authorizer, 'provider'>;

const grpcService = ({
  settings,
  host,
  cluster,
}: Service): MessageInitShape<typeof GrpcServiceSchema> => ({
  targetSpecifier: { case: 'envoyGrpc', value: { clusterName: cluster, authority: host } },
  timeout: milliseconds(settings.timeoutMs),
});

function httpService(options: Service): MessageInitShape<typeof HttpServiceSchema> {
  const { settings, host, cluster } = options;
  const { upstreamHeadersOnAllow, clientHeadersOnDeny, clientHeadersOnAllow } = settings;
  return {
    pathPrefix: settings.pathPrefix,
    serverUri: {
      uri: `http://${host}`, // demanded, and not used
      timeout: milliseconds(settings.timeoutMs),
      httpUpstreamType: { case: 'cluster', value: cluster },
    },
    authorizationRequest: {
      headersToAdd: settings.additionalHeaders.map(([key, value]) => ({ key, value })),
    },
    authorizationResponse: {
      ...(upstreamHeadersOnAllow.length > 0 && {
        allowedUpstreamHeaders: headerNames(upstreamHeadersOnAllow),
      }),
      ...(clientHeadersOnDeny.length > 0 && {
        allowedClientHeaders: headerNames(clientHeadersOnDeny),
      }),
      ...(clientHeadersOnAllow.length > 0 && {
        allowedClientHeadersOnSuccess: headerNames(clientHeadersOnAllow),
      }),
    },
  };
}

function headerNames(names: readonly string[]): MessageInitShape<typeof ListStringMatcherSchema> {
  return {
    patterns: names.map((name) =>
      // Envoy takes no case for expressions; any name is any name
      name === '*'
        ? { matchPattern: regex('.*') }
        : { ignoreCase: true, matchPattern: wildcard(name, '') },
    ),
  };
}

/** Did a rule of a CUSTOM policy match, as the RBAC filter before left it? */
function isMarked(
  filter: string,
  provider: string,
): MessageInitShape<typeof MetadataMatcherSchema> {
  const rule = { matchPattern: { case: 'prefix', value: customRulePrefix(provider) } } as const;
  return {
    filter,
    path: [{ segment: { case: 'key', value: CUSTOM_VERDICT } }],
    value: { matchPattern: { case: 'stringMatch', value: rule } },
  };
}
