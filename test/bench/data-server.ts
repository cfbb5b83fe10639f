// What is behind the proxies besides PostgreSQL: an echo, and HTTP with bodies of a size.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { PORTS } from './data-ports.ts';

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined).pipe(socket);
}).listen(PORTS.echo, '127.0.0.1');

createHttpServer((request, response) => {
  request.resume();
  const size = Number(request.url?.slice(1));
  response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size, 'x'));
}).listen(PORTS.http, '127.0.0.1', () => process.stdout.write('ready\n'));
