// A typed message as the bytes that every proxy of a class shares.
import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { EncodedResource } from '#xds/catalog.ts';

/** 64 bits of a SHA-256: versions are only ever compared for one name, a few at a time. */
const VERSION_HEX_LENGTH = 16;

/**
 * Encodes a resource once. Its version is a hash of its content, so that a control plane that was
 * restarted, and every replica, has the same version for the same content.
 *
 * The message must have been made in a fixed order (sorted), or equal state has unequal bytes.
 *
 * @param options.endpoints for an EDS cluster: the name of its ClusterLoadAssignment
 */
export function encodeResource<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
  options: { readonly aliases?: readonly string[]; readonly endpoints?: string } = {},
): EncodedResource {
  const { aliases = [], endpoints } = options;
  const value = toBinary(schema, create(schema, init));
  const version = versionOf(value, aliases);
  const resource = create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value });
  const bytes = toBinary(
    ResourceSchema,
    create(ResourceSchema, { name, version, aliases: [...aliases], resource }),
  );
  return { name, version, bytes, ...(endpoints !== undefined && { endpoints }) };
}

/**
 * The answer "there is none" for a name that Envoy waits for: a resource without content, under its
 * alias. Said as a removal, Envoy would go on waiting.
 */
export function encodeAbsence(name: string): EncodedResource {
  const version = versionOf(new Uint8Array(), [name]);
  const bytes = toBinary(
    ResourceSchema,
    create(ResourceSchema, { name, version, aliases: [name] }),
  );
  return { name, version, bytes };
}

function versionOf(value: Uint8Array, aliases: readonly string[]): string {
  const hash = createHash('sha256').update(value);
  for (const alias of aliases) hash.update(`\0${alias}`);
  return hash.digest('hex').slice(0, VERSION_HEX_LENGTH);
}

/** Stops the wave of recomputation: nobody is told of a resource whose content is the same. */
export const isSameResource = (a: EncodedResource, b: EncodedResource): boolean =>
  a.version === b.version && a.name === b.name;
