// A program that nobody here wrote the xDS client of: it dials `xds:///…` with gRPC's own library,
// started by GRPC_XDS_BOOTSTRAP. A line of JSON in is a call's metadata, a line out its answer.
import { createInterface } from 'node:readline';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import * as xds from '@grpc/grpc-js-xds';

const TEXT = {
  serialize: (text: string): Buffer => Buffer.from(text),
  deserialize: (bytes: Buffer): string => bytes.toString(),
};
const CALL_LIMIT_MS = 10_000;

xds.register();
const [target = ''] = process.argv.slice(2);
const client = new Client(target, credentials.createInsecure());

for await (const line of createInterface({ input: process.stdin })) {
  const metadata = new Metadata();
  const wanted: unknown = JSON.parse(line);
  for (const [name, value] of Object.entries(wanted ?? {})) metadata.set(name, String(value));
  process.stdout.write(`${await greet(metadata)}\n`);
}
client.close();

function greet(metadata: Metadata): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const deadline = Date.now() + CALL_LIMIT_MS;
  client.makeUnaryRequest(
    '/greeter.Greeter/Greet',
    TEXT.serialize,
    TEXT.deserialize,
    'hello',
    metadata,
    { deadline },
    (error, answer) => resolve(error ? `error ${error.code} ${error.details}` : (answer ?? '')),
  );
  return promise;
}
