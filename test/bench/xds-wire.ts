// The client's half of delta xDS on the wire, as cheap as it can be: a thousand simulated proxies
// share two cores with the server that is measured.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export type Request = {
  readonly typeUrl: string;
  readonly subscribe?: readonly string[];
  readonly nonce?: string;
};

export function encodeRequest({ typeUrl, subscribe = [], nonce = '' }: Request): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(2, WireType.LengthDelimited).string(typeUrl);
  for (const name of subscribe) writer.tag(3, WireType.LengthDelimited).string(name);
  if (nonce !== '') writer.tag(6, WireType.LengthDelimited).string(nonce);
  return writer.finish();
}

export type ReceivedResource = {
  readonly name: string;
  readonly version: string;
  /** The message inside the resource's Any. */
  readonly value: Uint8Array;
};

export type Response = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
};

export function decodeResponse(bytes: Uint8Array): Response {
  const resources: ReceivedResource[] = [];
  const texts = { typeUrl: '', nonce: '' };
  eachField(bytes, (field, reader) => {
    if (field === 2) resources.push(decodeResource(reader.bytes()));
    else if (field === 4) texts.typeUrl = reader.string();
    else if (field === 5) texts.nonce = reader.string();
    else return false;
    return true;
  });
  return { ...texts, resources };
}

/** `eds_cluster_config.service_name` of an encoded Cluster: the assignment it will ask for. */
export function endpointsNameOf(cluster: Uint8Array): string | undefined {
  let name: string | undefined;
  eachField(cluster, (field, reader) => {
    if (field !== 3) return false;
    eachField(reader.bytes(), (field, reader) => {
      if (field !== 2) return false;
      name = reader.string();
      return true;
    });
    return true;
  });
  return name;
}

function decodeResource(bytes: Uint8Array): ReceivedResource {
  const resource = { name: '', version: '', value: new Uint8Array(0) };
  eachField(bytes, (field, reader) => {
    if (field === 1) resource.version = reader.string();
    else if (field === 3) resource.name = reader.string();
    else if (field === 2) {
      eachField(reader.bytes(), (field, reader) => {
        if (field !== 2) return false;
        resource.value = new Uint8Array(reader.bytes());
        return true;
      });
    } else return false;
    return true;
  });
  return resource;
}

/** @param read returns false for a field that it has not read */
function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const isRead = wireType === WireType.LengthDelimited && read(field, reader);
    if (!isRead) reader.skip(wireType, field);
  }
}
