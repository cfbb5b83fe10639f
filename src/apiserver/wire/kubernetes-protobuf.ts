// Kubernetes' protobuf bodies as the JSON that they stand for: an envelope with the type's name, and
// in it the fields of the type by the numbers of the field tables.
import type { DraftFields, Json } from '../object.ts';
import { putField } from '../object.ts';
import type { Field, FieldType } from '../types/notation.ts';
import { TYPES } from '../types/tables.ts';
import { ProtobufError, readFields, readPacked } from './protobuf-reader.ts';
import type { WireField } from './protobuf-reader.ts';

/** Begins every body: `k8s` and a zero. */
const MAGIC = Buffer.from('k8s\0');
const DEPTH_MAX = 64;

/** The field tables' packages by API group; all of them are version v1. */
const PACKAGES: Readonly<Record<string, string>> = {
  v1: 'core',
  'apps/v1': 'apps',
  'batch/v1': 'batch',
  'discovery.k8s.io/v1': 'discovery',
  'coordination.k8s.io/v1': 'coordination',
  'events.k8s.io/v1': 'events',
  'policy/v1': 'policy',
  'autoscaling/v1': 'autoscaling',
  'rbac.authorization.k8s.io/v1': 'rbac',
  'authentication.k8s.io/v1': 'authn',
  'authorization.k8s.io/v1': 'authz',
  'admissionregistration.k8s.io/v1': 'admission',
  'apiextensions.k8s.io/v1': 'crd',
  'meta.k8s.io/v1': 'meta',
};

/** @throws ProtobufError when the bytes are no object of a known type */
export function readKubernetesProtobuf(body: Uint8Array): Json {
  if (!MAGIC.equals(body.subarray(0, MAGIC.length))) {
    throw new ProtobufError('the body does not begin as Kubernetes protobuf does');
  }
  let [apiVersion, kind] = ['', ''];
  let raw: Uint8Array = new Uint8Array();
  for (const field of readFields(body.subarray(MAGIC.length))) {
    if (field.kind !== 'bytes') continue;
    if (field.number === 1) [apiVersion, kind] = readTypeMeta(field.value);
    if (field.number === 2) raw = field.value;
  }
  return { apiVersion, kind, ...readMessage(typeName(apiVersion, kind), raw, 0) };
}

function readTypeMeta(bytes: Uint8Array): [string, string] {
  const texts = ['', ''];
  for (const field of readFields(bytes)) {
    if (field.kind === 'bytes' && field.number <= 2) texts[field.number - 1] = text(field.value);
  }
  return [texts[0] ?? '', texts[1] ?? ''];
}

function typeName(apiVersion: string, kind: string): string {
  // Options of requests travel under the version of the resource that they are for.
  const names = [`${PACKAGES[apiVersion] ?? ''}.${kind}`, `meta.${kind}`];
  const found = names.find((name) => TYPES.has(name));
  if (found === undefined) {
    throw new ProtobufError(`${kind} in ${apiVersion} cannot be read as protobuf: send JSON`);
  }
  return found;
}

function readMessage(name: string, bytes: Uint8Array, depth: number): DraftFields {
  if (depth > DEPTH_MAX) throw new ProtobufError('the message is nested too deeply');
  const fields = TYPES.get(name) ?? [];
  // numbers begin at 1: what has 0 in the table is in JSON only
  const onWire = fields.filter(({ number }) => number > 0);
  const byNumber = new Map(onWire.map((field) => [field.number, field]));
  const message: DraftFields = {};
  for (const wire of readFields(bytes)) {
    const field = byNumber.get(wire.number);
    if (field) readField(message, field, wire, depth);
  }
  return message;
}

function readField(message: DraftFields, field: Field, wire: WireField, depth: number): void {
  const { type, name } = field;
  if (field.isEmbedded && type.kind === 'message') {
    Object.assign(message, readMessage(type.name, bytesOf(wire), depth + 1));
    return;
  }
  if (type.kind === 'list') {
    const present = message[name];
    const items = readItems(type.of, wire, depth);
    putField(message, name, [...(Array.isArray(present) ? present : []), ...items]);
    return;
  }
  if (type.kind === 'map') {
    const [key, value] = readEntry(type.of, bytesOf(wire), depth);
    const present = message[name];
    const map = typeof present === 'object' && present !== null ? present : {};
    putField(message, name, Object.fromEntries([...Object.entries(map), [key, value]]));
    return;
  }
  const value = readValue(type, wire, depth);
  if (value === undefined || (!field.hasZero && isZero(value))) return;
  putField(message, name, value);
}

/** What Go writes for a field that nobody set. */
function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false;
}

function readItems(type: FieldType, wire: WireField, depth: number): readonly Json[] {
  const isNumeric = type.kind === 'scalar' && (type.name === 'int32' || type.name === 'int64');
  if (isNumeric && wire.kind === 'bytes') return readPacked(wire.value).map((one) => integer(one));
  const item = readValue(type, wire, depth);
  return item === undefined ? [] : [item];
}

function readEntry(type: FieldType, bytes: Uint8Array, depth: number): [string, Json] {
  let key = '';
  let value: Json = type.kind === 'scalar' ? '' : {};
  for (const wire of readFields(bytes)) {
    if (wire.number === 1) key = text(bytesOf(wire));
    if (wire.number !== 2) continue;
    // A list as a map's value is a message of its own, with the items as its first field.
    value =
      type.kind === 'list'
        ? [...readFields(bytesOf(wire))].flatMap((item) => readItems(type.of, item, depth))
        : (readValue(type, wire, depth) ?? value);
  }
  return [key, value];
}

function readValue(type: FieldType, wire: WireField, depth: number): Json | undefined {
  if (type.kind === 'message') return readMessage(type.name, bytesOf(wire), depth + 1);
  if (type.kind !== 'scalar') throw new ProtobufError('lists and maps cannot be nested');
  switch (type.name) {
    case 'string':
      return text(bytesOf(wire));
    case 'bool':
      return wire.kind === 'varint' && wire.value !== 0n;
    case 'int32':
    case 'int64':
      return integer(wire.kind === 'varint' ? wire.value : 0n);
    case 'float64':
      return wire.kind === 'fixed64' ? Buffer.from(wire.value).readDoubleLE() : 0;
    case 'bytes':
      return Buffer.from(bytesOf(wire)).toString('base64');
    case 'Time':
    case 'MicroTime':
      return readTime(type.name, bytesOf(wire));
    case 'Quantity':
      return firstText(bytesOf(wire));
    case 'IntOrString':
      return readIntOrString(bytesOf(wire));
    case 'RawExtension':
    case 'FieldsV1':
    case 'any':
      return readRaw(bytesOf(wire));
    default:
      throw new ProtobufError(`${type.name} cannot be read as protobuf: send JSON`);
  }
}

function bytesOf(wire: WireField): Uint8Array {
  if (wire.kind !== 'bytes') throw new ProtobufError(`field ${wire.number} is of another type`);
  return wire.value;
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ProtobufError('a text is not UTF-8');
  }
}

/** Negative numbers travel as 64-bit two's complement. */
function integer(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function firstText(bytes: Uint8Array): string {
  for (const wire of readFields(bytes)) if (wire.number === 1) return text(bytesOf(wire));
  return '0';
}

/** A time that is not set is an empty message. */
function readTime(kind: 'Time' | 'MicroTime', bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  let [seconds, nanoseconds] = [0, 0];
  for (const wire of readFields(bytes)) {
    if (wire.kind !== 'varint') continue;
    if (wire.number === 1) seconds = integer(wire.value);
    if (wire.number === 2) nanoseconds = integer(wire.value);
  }
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new ProtobufError('a time is out of range');
  const whole = date.toISOString().slice(0, 19);
  if (kind === 'Time') return `${whole}Z`;
  return `${whole}.${String(Math.floor(nanoseconds / 1000)).padStart(6, '0')}Z`;
}

const INT_OR_STRING_TEXT = 1n;

function readIntOrString(bytes: Uint8Array): Json {
  let isText = false;
  let [number, string] = [0, ''];
  for (const wire of readFields(bytes)) {
    if (wire.number === 1) isText = wire.kind === 'varint' && wire.value === INT_OR_STRING_TEXT;
    if (wire.number === 2 && wire.kind === 'varint') number = integer(wire.value);
    if (wire.number === 3) string = text(bytesOf(wire));
  }
  return isText ? string : number;
}

/** JSON within protobuf. */
function readRaw(bytes: Uint8Array): Json | undefined {
  for (const wire of readFields(bytes)) {
    if (wire.number !== 1) continue;
    try {
      const value: Json = JSON.parse(text(bytesOf(wire)));
      return value;
    } catch (error) {
      if (error instanceof ProtobufError) throw error;
      throw new ProtobufError('embedded JSON is not JSON');
    }
  }
  return undefined;
}
