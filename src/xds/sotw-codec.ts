// State-of-the-world xDS (envoy/service/discovery/v3/discovery.proto), as clients of gRPC speak it:
// each request lists all names that are wanted, each response says all that there is of a type. It
// is translated to and from the delta protocol, which decides what is sent and when.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { DecodedRequest, DeltaRequest, DeltaResponse } from './delta-wire.ts';
import {
  readName,
  readStringField,
  REJECTION_LENGTH_MAX,
  REQUEST_NAMES_MAX,
} from './delta-wire.ts';
import type { StreamCodec } from './stream.ts';
import { CLUSTER_TYPE, LISTENER_TYPE, ROUTES_TYPE } from './type-urls.ts';

/**
 * What a client without a proxy means by a listener, route table or cluster is not what Envoy
 * means: the catalog is asked for it under this prefix.
 */
export const PROXYLESS_PREFIX = 'grpc|';

const PREFIXED: ReadonlySet<string> = new Set([LISTENER_TYPE, ROUTES_TYPE, CLUSTER_TYPE]);
/** Of these a response names all, and what it does not name is gone; of others what has changed. */
const WHOLE: ReadonlySet<string> = new Set([LISTENER_TYPE, CLUSTER_TYPE]);

/** The codec of one stream: it knows what was asked for, and what was sent. */
export class SotwCodec implements StreamCodec {
  readonly #wanted = new Map<string, ReadonlySet<string>>();
  /** Type → name → the resource as Any, of the types that are told whole. */
  readonly #sent = new Map<string, Map<string, Uint8Array>>();

  decode(bytes: Uint8Array): DecodedRequest {
    try {
      return { ok: true, value: this.#translate(readRequest(new BinaryReader(bytes))) };
    } catch (error) {
      return { ok: false, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  encode({ typeUrl, nonce, resources, removed }: DeltaResponse): Uint8Array[] {
    const changed = new Map(resources.map(({ name, bytes }) => [name, anyOf(bytes)] as const));
    let all: ReadonlyMap<string, Uint8Array> = changed;
    if (WHOLE.has(typeUrl)) {
      const state = this.#sent.get(typeUrl) ?? new Map<string, Uint8Array>();
      this.#sent.set(typeUrl, state);
      for (const [name, any] of changed) state.set(name, any);
      for (const name of removed) state.delete(name);
      all = state;
    }
    const writer = new BinaryWriter();
    writer.tag(1, WireType.LengthDelimited).string(nonce); // a version for each response
    for (const any of all.values()) writer.tag(2, WireType.LengthDelimited).bytes(any);
    writer.tag(4, WireType.LengthDelimited).string(typeUrl);
    writer.tag(5, WireType.LengthDelimited).string(nonce);
    return [writer.finish()];
  }

  #translate(request: SotwRequest): DeltaRequest {
    const { typeUrl, nonce, nodeId, rejection } = request;
    const prefix = PREFIXED.has(typeUrl) ? PROXYLESS_PREFIX : '';
    const names = new Set(request.names.map((name) => `${prefix}${name}`));
    const before = this.#wanted.get(typeUrl);
    if (before === undefined && names.size === 0) {
      throw new RangeError('a client of this stream names what it wants');
    }
    this.#wanted.set(typeUrl, names);
    const held = before ?? new Set<string>();
    const unsubscribe = [...held].filter((name) => !names.has(name));
    for (const name of unsubscribe) this.#sent.get(typeUrl)?.delete(name);
    const subscribe = [...names].filter((name) => !held.has(name));
    const initialVersions = new Map<string, string>();
    return { typeUrl, nonce, nodeId, rejection, subscribe, unsubscribe, initialVersions };
  }
}

type SotwRequest = Pick<DeltaRequest, 'typeUrl' | 'nonce' | 'nodeId' | 'rejection'> & {
  readonly names: readonly string[];
};

function readRequest(reader: BinaryReader): SotwRequest {
  const names: string[] = [];
  const request = { typeUrl: '', nonce: '', nodeId: '' };
  let rejection: string | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const isKnown = wireType === WireType.LengthDelimited;
    if (isKnown && field === 2) request.nodeId = readStringField(reader.bytes(), 1);
    else if (isKnown && field === 3) names.push(readName(reader));
    else if (isKnown && field === 4) request.typeUrl = readName(reader);
    else if (isKnown && field === 5) request.nonce = readName(reader);
    else if (isKnown && field === 6) {
      rejection = readStringField(reader.bytes(), 2).slice(0, REJECTION_LENGTH_MAX);
    } else reader.skip(wireType, field);
    if (names.length > REQUEST_NAMES_MAX)
      throw new RangeError(`more than ${REQUEST_NAMES_MAX} names`);
  }
  if (request.typeUrl === '') throw new RangeError('no type_url');
  return { ...request, names, rejection };
}

/** The Any in an encoded envoy.service.discovery.v3.Resource; empty for an alias of nothing. */
function anyOf(resource: Uint8Array): Uint8Array {
  const reader = new BinaryReader(resource);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2 && wireType === WireType.LengthDelimited) return reader.bytes();
    reader.skip(wireType, field);
  }
  return new Uint8Array();
}
