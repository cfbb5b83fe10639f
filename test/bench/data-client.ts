// Load of the benchmark: `connect HOST PORT COUNT` or `http HOST PORT COUNT SIZE CONCURRENCY`.
// Prints {"ops", "ms"}. It is the same for every way that is compared.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const MESSAGE = Buffer.alloc(64, 'x');
const HEAD_END = '\r\n\r\n';

const [what = '', host = '', portText = '', countText = '', sizeText = '', concurrencyText = '1'] =
  process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);

async function dial(): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Reads until this many bytes more are there. */
async function receive(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0;) {
    const [chunk]: unknown[] = await once(socket, 'data');
    if (!Buffer.isBuffer(chunk)) throw new Error('not bytes');
    left -= chunk.length;
  }
}

async function connectOnce(): Promise<void> {
  const socket = await dial();
  socket.write(MESSAGE);
  await receive(socket, MESSAGE.length);
  const closed = once(socket, 'close');
  socket.end();
  await closed;
}

async function requestMany(requests: number, size: number): Promise<void> {
  const socket = await dial();
  const request = `GET /${size} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  for (let index = 0; index < requests; index += 1) {
    socket.write(request);
    const [first]: unknown[] = await once(socket, 'data');
    if (!Buffer.isBuffer(first)) throw new Error('not bytes');
    const head = first.indexOf(HEAD_END);
    if (!first.toString('latin1', 0, 12).endsWith('200') || head < 0) {
      throw new Error(first.toString());
    }
    await receive(socket, size - (first.length - head - HEAD_END.length));
  }
  socket.destroy();
}

const startMs = performance.now();
if (what === 'connect') {
  for (let index = 0; index < count; index += 1) await connectOnce();
} else {
  const concurrency = Number(concurrencyText);
  const each = Math.ceil(count / concurrency);
  const clients = Array.from({ length: concurrency }, () => requestMany(each, Number(sizeText)));
  await Promise.all(clients);
}
process.stdout.write(`${JSON.stringify({ ops: count, ms: performance.now() - startMs })}\n`);
