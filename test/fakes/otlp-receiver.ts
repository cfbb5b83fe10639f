// Takes spans and log records by OTLP, over gRPC and over HTTP, and keeps them for tests.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
} from '#gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.js';
import {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from '#gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import type { AnyValue, KeyValue } from '#gen/opentelemetry/proto/common/v1/common_pb.js';
import type { GrpcHandler } from '#grpc/call.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { unaryHandler } from '#grpc/unary.ts';

type Facts = Readonly<Record<string, string>>;

export type ReceivedSpan = {
  /** Of the resource: `service.name`. */
  readonly service: string;
  readonly name: string;
  /** In hexadecimal, as the next three. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has none. */
  readonly parentId: string;
  /** 2: of a server, 3: of a client. */
  readonly kind: number;
  readonly attributes: Facts;
};

export type ReceivedRecord = { readonly body: string; readonly attributes: Facts };

const ADDRESS = '127.0.0.1';
const PATHS = '/opentelemetry.proto.collector';
const REQUEST_BYTES_MAX = 4 << 20;

class Received {
  readonly spans: ReceivedSpan[] = [];
  readonly records: ReceivedRecord[] = [];
  /** Of requests over HTTP. */
  readonly paths: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];

  takeSpans(bytes: Uint8Array): void {
    const request = fromBinary(ExportTraceServiceRequestSchema, bytes);
    for (const { resource, scopeSpans } of request.resourceSpans) {
      const service = factsOf(resource?.attributes ?? [])['service.name'] ?? '';
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          service,
          name: span.name,
          traceId: Buffer.from(span.traceId).toString('hex'),
          spanId: Buffer.from(span.spanId).toString('hex'),
          parentId: Buffer.from(span.parentSpanId).toString('hex'),
          kind: span.kind,
          attributes: factsOf(span.attributes),
        });
      }
    }
  }

  takeRecords(bytes: Uint8Array): void {
    const { resourceLogs } = fromBinary(ExportLogsServiceRequestSchema, bytes);
    const logs = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs);
    for (const { body, attributes } of logs.flatMap(({ logRecords }) => logRecords)) {
      this.records.push({ body: textOf(body), attributes: factsOf(attributes) });
    }
  }
}

export class OtlpReceiver implements AsyncDisposable {
  readonly received: Received;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<OtlpReceiver, 'received' | 'grpcPort' | 'httpPort'>,
    stack: AsyncDisposableStack,
  ) {
    ({ received: this.received, grpcPort: this.grpcPort, httpPort: this.httpPort } = parts);
    this.#stack = stack;
  }

  static async start(): Promise<OtlpReceiver> {
    await using stack = new AsyncDisposableStack();
    const received = new Received();
    const grpc = stack.use(createGrpcServer({ methods: methodsOf(received) }));
    const grpcPort = await grpc.listen({ host: ADDRESS, port: 0 });
    const web = createServer((request, response) => {
      void buffer(request).then((body) => {
        received.paths.push(request.url ?? '');
        received.headers.push(request.headers);
        received.takeSpans(body);
        response.end();
      });
    });
    web.listen(0, ADDRESS);
    await once(web, 'listening');
    stack.defer(() => {
      web.closeAllConnections();
      web.close();
    });
    const address = web.address();
    const httpPort = typeof address === 'object' && address ? address.port : 0;
    return new OtlpReceiver({ received, grpcPort, httpPort }, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function methodsOf(received: Received): Readonly<Record<string, GrpcHandler>> {
  const limits = { requestBytesMax: REQUEST_BYTES_MAX };
  const traces = create(ExportTraceServiceResponseSchema);
  const logs = create(ExportLogsServiceResponseSchema);
  return {
    [`${PATHS}.trace.v1.TraceService/Export`]: unaryHandler(async (bytes) => {
      received.takeSpans(bytes);
      return toBinary(ExportTraceServiceResponseSchema, traces);
    }, limits),
    [`${PATHS}.logs.v1.LogsService/Export`]: unaryHandler(async (bytes) => {
      received.takeRecords(bytes);
      return toBinary(ExportLogsServiceResponseSchema, logs);
    }, limits),
  };
}

const factsOf = (pairs: readonly KeyValue[]): Facts =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, textOf(value)]));

function textOf(value: AnyValue | undefined): string {
  const { case: kind, value: inner } = value?.value ?? {};
  return kind === 'stringValue' || kind === 'intValue' || kind === 'boolValue' ? `${inner}` : '';
}
