// What PostgreSQL says to whoever begins a session: messages of its protocol, as far as a probe
// needs them (postgresql.org: "Frontend/Backend Protocol", "Message Formats"). Pure.
import { printable } from '#base/printable.ts';

/** Of no account: PostgreSQL chooses by address, database and user whether it talks at all. */
const PROBE_USER = 'isthmus-probe';
const DETAIL_LENGTH_MAX = 200;
const PROTOCOL_3 = 196_608;

/** To anything but PostgreSQL it means nothing. */
export const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** StartupMessage. The session is not gone on with, whatever is answered. */
export function startupMessage(): Buffer {
  const words = `user\0${PROBE_USER}\0database\0${PROBE_USER}\0\0`;
  const message = Buffer.alloc(8 + words.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(PROTOCOL_3, 4);
  message.write(words, 8, 'latin1');
  return message;
}

/** To SSLRequest; undefined: that is no PostgreSQL. */
export function tlsAnswer(bytes: Buffer): 'offers TLS' | 'no TLS' | 'error' | undefined {
  const [first] = bytes;
  if (bytes.length === 1 && first === 0x53) return 'offers TLS';
  if (bytes.length === 1 && first === 0x4e) return 'no TLS';
  return first === 0x45 ? 'error' : undefined;
}

/** To StartupMessage, or an error at any time: in words. */
export function sessionAnswer(bytes: Buffer): string {
  const [first] = bytes;
  if (first === 0x52 && bytes.length >= 9) {
    return bytes.readUInt32BE(5) === 0 ? 'lets anybody in' : 'asks for a password';
  }
  if (first === 0x45) return errorText(bytes);
  return 'an answer that is none';
}

/** ErrorResponse: its severity and its message. */
function errorText(bytes: Buffer): string {
  const fields = bytes.toString('utf8', 5).split('\0');
  const of = (type: string): string => fields.find((text) => text.startsWith(type))?.slice(1) ?? '';
  const said = [of('S'), of('M')].filter((text) => text !== '').join(': ');
  return printable(said || bytes.toString('latin1', 5), DETAIL_LENGTH_MAX);
}
