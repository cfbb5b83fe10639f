// Small builders for what Envoy's configuration repeats everywhere: typed extensions, durations,
// config sources, addresses, metadata.
import { create } from '@bufbuild/protobuf';
import type { DescMessage, JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { AddressSchema, CidrRangeSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import type { MetadataSchema } from '#gen/envoy/config/core/v3/base_pb.js';
import { ApiConfigSource_ApiType } from '#gen/envoy/config/core/v3/config_source_pb.js';
import type { ApiVersion, ConfigSourceSchema } from '#gen/envoy/config/core/v3/config_source_pb.js';
import type { GrpcServiceSchema } from '#gen/envoy/config/core/v3/grpc_service_pb.js';
import { parseIp, parseRange, renderIp } from '#base/ip.ts';
import type { IpAddress } from '#base/ip.ts';
import { SDS_CLUSTER } from './names.ts';
import type { Destination } from './names.ts';

/** `ApiVersion.V3`, the only version that Envoy still speaks. */
export const V3: ApiVersion.V3 = 2;

export function packed<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

export type TypedConfig = {
  readonly name: string;
  readonly configType: { readonly case: 'typedConfig'; readonly value: Any };
};

/** A named extension with its typed configuration: the shape of filters, loggers and sockets. */
export function extension<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
): TypedConfig {
  return { name, configType: { case: 'typedConfig', value: packed(schema, init) } };
}

export function milliseconds(ms: number): { readonly seconds: bigint; readonly nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

type ConfigSource = MessageInitShape<typeof ConfigSourceSchema>;

/** From the control plane, over the one aggregated stream. */
export const ADS: ConfigSource = {
  configSourceSpecifier: { case: 'ads', value: {} },
  resourceApiVersion: V3,
};

/**
 * From the agent, over its Unix socket. Every use must be byte-equal to this one: Envoy shares a
 * secret between clusters and listeners only when name and source are the same. A timeout of 0
 * means that nothing is served before the certificate is there, rather than served without one.
 */
export const SDS: ConfigSource = fromAgent(0);

/**
 * The same for what one server among several shows: a Secret that is not there is the trouble of
 * that server, after so long, and not of all that share its port.
 */
export const SDS_OF_ONE: ConfigSource = fromAgent(2000);

function fromAgent(initialFetchTimeoutMs: number): ConfigSource {
  return {
    configSourceSpecifier: {
      case: 'apiConfigSource',
      value: {
        apiType: ApiConfigSource_ApiType.GRPC,
        transportApiVersion: V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [grpcService(SDS_CLUSTER)],
      },
    },
    initialFetchTimeout: milliseconds(initialFetchTimeoutMs),
    resourceApiVersion: V3,
  };
}

export function grpcService(clusterName: string): MessageInitShape<typeof GrpcServiceSchema> {
  return { targetSpecifier: { case: 'envoyGrpc', value: { clusterName } } };
}

export function socketAddress({
  address,
  port,
}: Destination): MessageInitShape<typeof AddressSchema> {
  return {
    address: {
      case: 'socketAddress',
      value: { address, portSpecifier: { case: 'portValue', value: port } },
    },
  };
}

const BITS = { 4: 32, 6: 128 } as const;

/** `10.0.0.0/8` or a single address, as Envoy has it; undefined when it is neither. */
export function cidrRange(text: string): MessageInitShape<typeof CidrRangeSchema> | undefined {
  const range = parseRange(text);
  if (range === undefined) return undefined;
  const first: IpAddress = { version: range.version, value: range.first };
  const hostBits = (range.last - range.first).toString(2).replace(/^0$/, '').length;
  return { addressPrefix: renderIp(first), prefixLen: BITS[range.version] - hostBits };
}

/** The loopback address of the family of `address`. */
export function loopbackFor(address: string): string {
  return parseIp(address)?.version === 6 ? '::1' : '127.0.0.1';
}

/** Keys in the order given, which must be a fixed one: a map's order is part of the bytes. */
export function metadata(
  filterMetadata: Record<string, JsonObject>,
): MessageInitShape<typeof MetadataSchema> {
  return { filterMetadata };
}
