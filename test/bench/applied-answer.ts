// A workload that is measured against: says its name to whoever asks.
//
// usage: applied-answer.ts PORT NAME
import { createServer } from 'node:net';

const [port = '', name = ''] = process.argv.slice(2);
const server = createServer((socket) => {
  socket.on('error', () => undefined); // whoever asked has gone
  socket.once('data', () => socket.end(`${name}\n`));
});
server.listen(Number(port), '0.0.0.0', () => process.stdout.write('ready\n'));
