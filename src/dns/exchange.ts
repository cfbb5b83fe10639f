// A question that is passed on, and the reply that belongs to it: both as bytes, of which only the
// message id is changed. Pure.
import { HEADER_BYTES, RCODE, TYPE, parseHeader, type Question } from './packet.ts';
import { PacketReader, foldCase } from './packet-reader.ts';

/**
 * The same message under another id. Ours go out under an unguessable id, whatever the client
 * chose: else a client with predictable ids would make forged replies easy (RFC 5452 §9.2).
 */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = Uint8Array.from(message); // not slice(): that of a Buffer shares its bytes
  copy[0] = id >>> 8;
  copy[1] = id & 0xff;
  return copy;
}

/** The id of a message of at least two bytes. */
export const idOf = (message: Uint8Array): number => ((message[0] ?? 0) << 8) | (message[1] ?? 0);

/**
 * Is this the reply to that query: the same id, marked as a reply, about the same question?
 * A reply without a question counts when it reports an error: some servers cut it so.
 */
export function isReplyTo(query: Uint8Array, reply: Uint8Array): boolean {
  const header = parseHeader(reply);
  if (!header?.isResponse || header.id !== idOf(query)) return false;
  const [asked, answered] = [firstQuestion(query), firstQuestion(reply)];
  if (answered === undefined) return asked === undefined || header.rcode !== RCODE.NOERROR;
  return (
    asked !== undefined &&
    foldCase(asked.name) === foldCase(answered.name) &&
    asked.type === answered.type &&
    asked.class === answered.class
  );
}

/** The first question alone; undefined when there is none, or none that can be read. */
export function firstQuestion(message: Uint8Array): Question | undefined {
  const counts = new PacketReader(message, 4);
  if (counts.u16() === 0) return undefined;
  const reader = new PacketReader(message, HEADER_BYTES);
  const question = { name: reader.name(), type: reader.u16(), class: reader.u16() };
  return reader.problem === undefined ? question : undefined;
}

/** A reply that settles the matter; after the others, another resolver may know better. */
export function isConclusive(reply: Uint8Array): boolean {
  const rcode = parseHeader(reply)?.rcode;
  return rcode !== RCODE.SERVFAIL && rcode !== RCODE.NOTIMP && rcode !== RCODE.REFUSED;
}

/** Is the answer a whole zone, in as many messages as it takes (RFC 5936)? */
export function isTransfer(message: Uint8Array): boolean {
  const type = firstQuestion(message)?.type;
  return type === TYPE.AXFR || type === TYPE.IXFR;
}
