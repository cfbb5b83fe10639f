// An application on each end of the metrics' test, which knows of no mesh: `serve` answers HTTP
// with the status that the path names, and gRPC with one status; `call <host> <host of gRPC>` asks
// for all of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { GRPC, HTTP, HTTP_STATUSES } from './metrics-http-plan.ts';

const [role = '', httpHost = '', grpcHost = ''] = process.argv.slice(2);

if (role === 'serve') serve();
else {
  for (const status of HTTP_STATUSES) assert.equal(await get(status), status);
  assert.equal(await callGrpc(), GRPC.status);
}

function serve(): void {
  createServer((message, response) => {
    message.resume().on('end', () => {
      response.statusCode = Number(message.url?.slice(1));
      response.end(HTTP.answer);
    });
  }).listen(HTTP.port, '127.0.0.1');
  createHttp2Server()
    .on('stream', (stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GRPC.status) }));
      stream.resume().on('end', () => stream.end());
    })
    .listen(GRPC.port, '127.0.0.1');
}

/** @returns the answer's status */
async function get(status: number): Promise<number | undefined> {
  const asked = request({
    host: httpHost,
    port: HTTP.port,
    path: `/${status}`,
    method: 'POST',
    agent: false,
  });
  asked.end(HTTP.question);
  const [answer] = await once(asked, 'response');
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode;
}

/** @returns the call's status */
async function callGrpc(): Promise<number> {
  const session = connect(`http://${grpcHost}:${GRPC.port}`);
  const call = session.request({
    ':method': 'POST',
    ':path': '/greeter.Greeter/Greet',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  call.end().resume();
  const trailers = once(call, 'trailers');
  await once(call, 'response');
  const [fields] = await trailers;
  session.close();
  return Number(fields['grpc-status']);
}
