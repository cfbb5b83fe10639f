// The cluster's name server in the lab: it knows no name at all. What Pods call each other by are
// the mesh's names, and those each Pod's agent answers itself.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const DNS_PORT = 53;
/** Of a DNS header (RFC 1035 §4.1.1). */
const HEADER_BYTES = 12;
/** A response (QR) with recursion available (RA) and NXDOMAIN; opcode and RD as in the query. */
const QR = 0x80;
const RA_NXDOMAIN = 0x83;

export class NoNames implements AsyncDisposable {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async listen(address: string): Promise<NoNames> {
    const socket = createSocket('udp4');
    socket.on('message', (query, { port, address: peer }) => {
      const reply = answerNoSuchName(query);
      if (reply) socket.send(reply, port, peer);
    });
    socket.bind(DNS_PORT, address);
    await once(socket, 'listening');
    return new NoNames(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}

/** @returns undefined for what is no query for one name */
export function answerNoSuchName(query: Uint8Array): Uint8Array | undefined {
  const [flags = 0xff, questions] = [query[2], query[5]];
  const isQuery = flags < QR && questions === 1 && query[4] === 0;
  const end = isQuery ? endOfQuestion(query) : undefined;
  if (end === undefined) return undefined;
  const reply = query.slice(0, end); // what follows the question (EDNS) is not answered
  reply[2] = flags | QR;
  reply[3] = RA_NXDOMAIN;
  reply.fill(0, 6, HEADER_BYTES);
  return reply;
}

/** Behind labels, root, type and class; undefined when they are cut off. */
function endOfQuestion(query: Uint8Array): number | undefined {
  let at = HEADER_BYTES;
  for (let length = query[at]; length !== 0; length = query[at]) {
    if (length === undefined || length > 63) return undefined;
    at += 1 + length;
  }
  const end = at + 5;
  return end <= query.length ? end : undefined;
}
