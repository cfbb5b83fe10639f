// A gRPC server that says its name.
import { Server, ServerCredentials } from '@grpc/grpc-js';

const SERVICE = {
  greet: {
    path: '/greeter.Greeter/Greet',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string): Buffer => Buffer.from(text),
    requestDeserialize: (bytes: Buffer): string => bytes.toString(),
    responseSerialize: (text: string): Buffer => Buffer.from(text),
    responseDeserialize: (bytes: Buffer): string => bytes.toString(),
  },
} as const;

export class Greeter implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(name: string, address: string): Promise<Greeter> {
    const server = new Server();
    server.addService(SERVICE, {
      greet: (_: unknown, answer: (error: null, text: string) => void) => answer(null, name),
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    return new Greeter(server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }
}
