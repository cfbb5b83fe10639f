// The two messages of delta xDS on the wire (envoy/service/discovery/v3/discovery.proto), by hand:
// requests come from strangers and are bounded while they are read, and a response is a short head
// around resources that were encoded long before, for everybody.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { EncodedResource } from './catalog.ts';

export type DeltaRequest = {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client still holds of this type from an earlier stream: name → version. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Of the response that this answers; empty when it answers none. */
  readonly nonce: string;
  /** Why the client refused that response (NACK); undefined when it took it (ACK). */
  readonly rejection: string | undefined;
  /** What the client calls itself: for logs, never for decisions. */
  readonly nodeId: string;
};

export type DeltaResponse = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly EncodedResource[];
  readonly removed: readonly string[];
};

export type DecodedRequest =
  | { readonly ok: true; readonly value: DeltaRequest }
  | { readonly ok: false; readonly problem: string };

/** Istio's longest names (a host of 253 characters in a route name) stay far below. */
const NAME_LENGTH_MAX = 1024;
/**
 * In one request. Envoy never lets go of a name, and names them all when it connects anew, those
 * over its quota included: were that too many, it could never come back.
 */
export const REQUEST_NAMES_MAX = 100_000;
export const REJECTION_LENGTH_MAX = 2000;

/** Unknown fields (`resource_locators_subscribe`, the whole node but its id) are skipped. */
export function decodeDeltaRequest(bytes: Uint8Array): DecodedRequest {
  try {
    return { ok: true, value: readRequest(new BinaryReader(bytes)) };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function readRequest(reader: BinaryReader): DeltaRequest {
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  const request = { typeUrl: '', nonce: '', nodeId: '' };
  let rejection: string | undefined;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    // every field that is read here is length-delimited; another wire type is no such field
    const isKnown = wireType === WireType.LengthDelimited;
    if (isKnown && field === 1) request.nodeId = readStringField(reader.bytes(), 1);
    else if (isKnown && field === 2) request.typeUrl = readName(reader);
    else if (isKnown && field === 3) subscribe.push(readName(reader));
    else if (isKnown && field === 4) unsubscribe.push(readName(reader));
    else if (isKnown && field === 5) {
      const entry = reader.bytes();
      initialVersions.set(readStringField(entry, 1), readStringField(entry, 2));
    } else if (isKnown && field === 6) request.nonce = readName(reader);
    else if (isKnown && field === 7) {
      rejection = readStringField(reader.bytes(), 2).slice(0, REJECTION_LENGTH_MAX);
    } else reader.skip(wireType, field);
    if (subscribe.length + unsubscribe.length + initialVersions.size > REQUEST_NAMES_MAX) {
      throw new RangeError(`more than ${REQUEST_NAMES_MAX} names`);
    }
  }
  if (request.typeUrl === '') throw new RangeError('no type_url');
  return { ...request, subscribe, unsubscribe, initialVersions, rejection };
}

export function readName(reader: BinaryReader): string {
  const name = reader.string();
  if (name.length > NAME_LENGTH_MAX) throw new RangeError('name is too long');
  return name;
}

/** One string field of an embedded message: of a node its id, of a status its message. */
export function readStringField(message: Uint8Array, wanted: number): string {
  const reader = new BinaryReader(message);
  let value = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted && wireType === WireType.LengthDelimited) value = reader.string();
    else reader.skip(wireType, field);
  }
  return value;
}

/** Smaller resources are copied into one buffer: many little writes cost more than copying. */
const SHARED_BYTES_MIN = 4096;

/**
 * The response as consecutive parts. Large resources are their shared bytes themselves: a repeated
 * field is plain concatenation, so nothing is encoded again and nothing is copied.
 */
export function encodeDeltaResponse(response: DeltaResponse): Uint8Array[] {
  const { typeUrl, nonce, removed, resources } = response;
  const head = new FieldWriter(copiedSize(response));
  head.text(4, typeUrl);
  head.text(5, nonce);
  for (const name of removed) head.text(6, name);
  const parts: Uint8Array[] = [];
  for (const { bytes } of resources) {
    head.tag(2, bytes.length);
    if (bytes.length < SHARED_BYTES_MIN) head.bytes(bytes);
    else parts.push(head.cut(), bytes);
  }
  const rest = head.cut();
  if (rest.length > 0) parts.push(rest);
  return parts;
}

/** A tag below 16 is one byte; a length is at most five. */
const FIELD_HEAD_BYTES_MAX = 6;

/** At least as many bytes as everything but the shared resources takes. */
function copiedSize({ typeUrl, nonce, removed, resources }: DeltaResponse): number {
  let size = Buffer.byteLength(typeUrl) + nonce.length + 2 * FIELD_HEAD_BYTES_MAX;
  for (const name of removed) size += Buffer.byteLength(name) + FIELD_HEAD_BYTES_MAX;
  for (const { bytes } of resources) {
    size += FIELD_HEAD_BYTES_MAX + (bytes.length < SHARED_BYTES_MIN ? bytes.length : 0);
  }
  return size;
}

/** Writes length-delimited fields into one buffer, and hands it out in pieces. */
class FieldWriter {
  readonly #buffer: Buffer;
  #cutAt = 0;
  #at = 0;

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  tag(field: number, length: number): void {
    this.#buffer[this.#at++] = (field << 3) | WireType.LengthDelimited;
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
    this.#buffer[this.#at++] = rest;
  }

  text(field: number, text: string): void {
    this.tag(field, Buffer.byteLength(text));
    this.#at += this.#buffer.write(text, this.#at);
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** What was written since the last cut. */
  cut(): Uint8Array {
    const piece = this.#buffer.subarray(this.#cutAt, this.#at);
    this.#cutAt = this.#at;
    return piece;
  }
}

/** What a resource, or the name of a removed one, adds to a response, within a few bytes. */
export const resourceSize = (resource: EncodedResource): number => resource.bytes.length + 6;
export const removalSize = (name: string): number => name.length + 4;
