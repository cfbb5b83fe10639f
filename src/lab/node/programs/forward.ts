// Runs in a Pod's network namespace and opens connections there for somebody outside: whoever
// connects to the Unix socket says a port, and gets what listens on it on the Pod's loopback.
//
// usage: forward.ts SOCKET   (prints "ready"; ends when standard input is closed)
import { connect, createServer, type Socket } from 'node:net';

const [, , path = ''] = process.argv;
/** `65535` and a newline. */
const REQUEST_LENGTH_MAX = 6;

const server = createServer({ allowHalfOpen: true }, (client) => {
  client.on('error', () => client.destroy());
  let request = '';
  const take = (chunk: Buffer): void => {
    const end = chunk.indexOf(0x0a);
    request += chunk.toString('latin1', 0, end === -1 ? undefined : end);
    if (request.length > REQUEST_LENGTH_MAX) client.destroy();
    if (end === -1) return;
    client.off('data', take);
    client.pause();
    const rest = chunk.subarray(end + 1);
    if (rest.length > 0) client.unshift(rest);
    join(client, Number(request));
  };
  client.on('data', take);
});

/** `ok` or a reason as the first line, then bytes both ways, and each side's end by itself. */
function join(client: Socket, port: number): void {
  const target = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  target.on('error', (error: NodeJS.ErrnoException) => {
    if (target.connecting || !target.remoteAddress) client.end(`${error.message}\n`);
    else client.destroy();
  });
  target.on('connect', () => {
    client.write('ok\n');
    client.pipe(target).pipe(client);
  });
  client.on('close', () => target.destroy());
  target.on('close', () => client.end());
}

server.listen(path, () => void process.stdout.write('ready\n'));
process.stdin.on('end', () => process.exit(0)).resume();
