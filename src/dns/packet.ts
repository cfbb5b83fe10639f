// DNS messages as values: bytes → message and back (RFC 1035 §4; AAAA 3596, SRV 2782, EDNS 6891).
// Pure; never throws on what came from the network. What is forwarded is forwarded as bytes: this
// codec is for reading questions and for writing our own answers.
import assert from 'node:assert/strict';
import { parseIp, renderIp, type IpVersion } from '#base/ip.ts';
import { PacketReader, PacketWriter, type DnsName } from './packet-reader.ts';

/** Resource record types, by their registered numbers. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;
export const CLASS_ANY = 255;
export const OPCODE_QUERY = 0;
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

export const HEADER_BYTES = 12;
/** A message behind TCP's two length bytes can be no longer. */
export const MESSAGE_BYTES_MAX = 65_535;

export type Header = {
  readonly id: number;
  /** QR: false for a query. */
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  readonly rcode: number;
};

export type Question = { readonly name: DnsName; readonly type: number; readonly class: number };

export type RecordData =
  /** A and AAAA: the address in its canonical spelling. */
  | { readonly kind: 'address'; readonly address: string }
  /** CNAME, NS, PTR. */
  | { readonly kind: 'name'; readonly name: DnsName }
  | {
      readonly kind: 'srv';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: DnsName;
    }
  | {
      readonly kind: 'soa';
      readonly primary: DnsName;
      readonly mailbox: DnsName;
      readonly serial: number;
      readonly refreshSeconds: number;
      readonly retrySeconds: number;
      readonly expireSeconds: number;
      /** How long a negative answer may be kept (RFC 2308 §4). */
      readonly negativeTtlSeconds: number;
    }
  /** Anything else. Old types hold compressed names that mean something only in their packet. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };

export type ResourceRecord = {
  readonly name: DnsName;
  readonly type: number;
  /** For OPT: the largest UDP payload that its sender takes. */
  readonly class: number;
  /** For OPT: extended response code, version and flags. */
  readonly ttlSeconds: number;
  readonly data: RecordData;
};

export type DnsMessage = {
  readonly header: Header;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
};

export type ParsedMessage =
  | { readonly ok: true; readonly value: DnsMessage }
  | { readonly ok: false; readonly problem: string };

/** Reads a whole message. Bytes after the last counted record are ignored, as resolvers do. */
export function parseMessage(bytes: Uint8Array): ParsedMessage {
  const reader = new PacketReader(bytes);
  const header = readHeader(reader);
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()];
  const read = <T>(section: number, readOne: (reader: PacketReader) => T): T[] => {
    const found: T[] = [];
    for (let index = 0; index < (counts[section] ?? 0); index += 1) {
      if (reader.problem !== undefined) break; // a false count costs no more than the packet
      found.push(readOne(reader));
    }
    return found;
  };
  const questions = read(0, readQuestion);
  const answers = read(1, readRecord);
  const authorities = read(2, readRecord);
  const additionals = read(3, readRecord);
  if (reader.problem !== undefined) return { ok: false, problem: reader.problem };
  return { ok: true, value: { header, questions, answers, authorities, additionals } };
}

/** The first twelve bytes alone, for answering what is otherwise beyond reading. */
export function parseHeader(bytes: Uint8Array): Header | undefined {
  return bytes.length < HEADER_BYTES ? undefined : readHeader(new PacketReader(bytes));
}

function readHeader(reader: PacketReader): Header {
  const id = reader.u16();
  const flags = reader.u16();
  const has = (bit: number): boolean => (flags & bit) !== 0;
  return {
    id,
    isResponse: has(0x8000),
    opcode: (flags >>> 11) & 0xf,
    isAuthoritative: has(0x0400),
    isTruncated: has(0x0200),
    recursionDesired: has(0x0100),
    recursionAvailable: has(0x0080),
    authenticData: has(0x0020),
    checkingDisabled: has(0x0010),
    rcode: flags & 0xf,
  };
}

const readQuestion = (reader: PacketReader): Question => ({
  name: reader.name(),
  type: reader.u16(),
  class: reader.u16(),
});

function readRecord(reader: PacketReader): ResourceRecord {
  const name = reader.name();
  const type = reader.u16();
  const recordClass = reader.u16();
  const ttlSeconds = reader.u32();
  const size = reader.u16();
  const end = reader.offset + size;
  const data = readData(reader, type, size);
  if (reader.problem === undefined && reader.offset !== end) {
    reader.fail(`record data of another length than the ${size} bytes it says`);
  }
  return { name, type, class: recordClass, ttlSeconds, data };
}

function readData(reader: PacketReader, type: number, size: number): RecordData {
  switch (type) {
    case TYPE.A:
      return { kind: 'address', address: renderAddress(4, reader.take(4)) };
    case TYPE.AAAA:
      return { kind: 'address', address: renderAddress(6, reader.take(16)) };
    case TYPE.CNAME:
    case TYPE.NS:
    case TYPE.PTR:
      return { kind: 'name', name: reader.name() };
    case TYPE.SRV: {
      const [priority, weight, port] = [reader.u16(), reader.u16(), reader.u16()];
      return { kind: 'srv', priority, weight, port, target: reader.name() };
    }
    case TYPE.SOA:
      return {
        kind: 'soa',
        primary: reader.name(),
        mailbox: reader.name(),
        serial: reader.u32(),
        refreshSeconds: reader.u32(),
        retrySeconds: reader.u32(),
        expireSeconds: reader.u32(),
        negativeTtlSeconds: reader.u32(),
      };
    default:
      return { kind: 'raw', bytes: reader.take(size) };
  }
}

function renderAddress(version: IpVersion, bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return renderIp({ version, value });
}

/** Writes a message, with compressed names. Names and addresses must be legal: ours are. */
export function renderMessage(message: DnsMessage): Uint8Array {
  const writer = new PacketWriter();
  const { questions, answers, authorities, additionals } = message;
  writeHeader(writer, message.header);
  for (const section of [questions, answers, authorities, additionals]) writer.u16(section.length);
  for (const question of questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  for (const record of [...answers, ...authorities, ...additionals]) writeRecord(writer, record);
  return writer.finish();
}

function writeHeader(writer: PacketWriter, header: Header): void {
  const flags: readonly (readonly [boolean, number])[] = [
    [header.isResponse, 0x8000],
    [header.isAuthoritative, 0x0400],
    [header.isTruncated, 0x0200],
    [header.recursionDesired, 0x0100],
    [header.recursionAvailable, 0x0080],
    [header.authenticData, 0x0020],
    [header.checkingDisabled, 0x0010],
  ];
  writer.u16(header.id);
  const set = flags.reduce((bits, [isSet, bit]) => (isSet ? bits | bit : bits), 0);
  writer.u16(set | ((header.opcode & 0xf) << 11) | (header.rcode & 0xf));
}

function writeRecord(writer: PacketWriter, record: ResourceRecord): void {
  writer.name(record.name);
  writer.u16(record.type);
  writer.u16(record.class);
  writer.u32(record.ttlSeconds);
  writer.sized(() => writeData(writer, record));
}

function writeData(writer: PacketWriter, { type, data }: ResourceRecord): void {
  switch (data.kind) {
    case 'address':
      return writer.bytes(addressBytes(data.address, type === TYPE.A ? 4 : 16));
    case 'name':
      return writer.name(data.name);
    case 'srv':
      for (const value of [data.priority, data.weight, data.port]) writer.u16(value);
      return writer.name(data.target);
    case 'soa':
      writer.name(data.primary);
      writer.name(data.mailbox);
      for (const value of [data.serial, data.refreshSeconds, data.retrySeconds]) writer.u32(value);
      writer.u32(data.expireSeconds);
      return writer.u32(data.negativeTtlSeconds);
    case 'raw':
      return writer.bytes(data.bytes);
  }
}

/** @param size 4 or 16; an IPv4 address in 16 bytes is its IPv4-mapped form */
function addressBytes(address: string, size: number): Uint8Array {
  const ip = parseIp(address);
  assert(ip && (ip.version === 4 || size === 16), `not an address of ${size} bytes: ${address}`);
  const value = ip.version === 4 && size === 16 ? ip.value | (0xffffn << 32n) : ip.value;
  return Uint8Array.from({ length: size }, (_, index) =>
    Number((value >> BigInt(8 * (size - 1 - index))) & 0xffn),
  );
}
