// A whole API server without sockets, on a database in memory, with time that a test
// moves by hand.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { silentLogger } from '#base/log.ts';
import type { WebhookClient } from '#apiserver/admission/webhook-client.ts';
import { TokenSigner } from '#apiserver/auth/jwt.ts';
import { createCore } from '#apiserver/core.ts';
import type { ApiCore } from '#apiserver/core.ts';
import type { ApiRequest, ApiResponse, ByteSource } from '#apiserver/http/message.ts';
import type { NodeClient } from '#apiserver/node/node-client.ts';
import type { Json, JsonObject, KubeObject } from '#apiserver/object.ts';
import { isJsonObject, objectAt, stringAt } from '#apiserver/object.ts';
import { FakeClock } from './clock.ts';
import type { StoreLimits } from '#apiserver/store/sqlite-store.ts';
import { SqliteStore } from '#apiserver/store/sqlite-store.ts';

export type Call = {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Client certificate: user and groups. Without either, an administrator's. */
  readonly as?: { readonly user: string; readonly groups?: readonly string[] };
  readonly token?: string;
};

export type Answer = {
  readonly status: number;
  readonly headers: ApiResponse['headers'];
  readonly body: JsonObject;
  readonly text: string;
};

const NO_NODES: NodeClient = {
  get: () => Promise.reject(new Error('there are no nodes')),
  connect: () => Promise.reject(new Error('there are no nodes')),
};

const START_MS = Date.parse('2026-11-22T12:00:00Z');

/** One watch as its client sees it. */
export class TestWatch {
  readonly status: number;
  readonly lines: string[] = [];
  isEnded = false;
  /** When false, the client has stopped reading. */
  isReading: boolean;
  #source: ByteSource | undefined;

  constructor(response: ApiResponse, isReading: boolean) {
    this.isReading = isReading;
    this.status = response.status;
    if (response.kind === 'whole') {
      this.lines.push(...String(response.body).split('\n').filter(Boolean));
      this.isEnded = true;
      return;
    }
    assert(response.kind === 'stream');
    this.#source = response.start({
      write: (data) => {
        this.lines.push(Buffer.from(data).toString());
        return this.isReading;
      },
      end: () => {
        this.isEnded = true;
      },
    });
    this.#source.onDrain();
  }

  /** The client reads on. */
  drain(): void {
    this.isReading = true;
    this.#source?.onDrain();
  }

  close(): void {
    this.#source?.onClose();
  }

  /** What came so far, and forgets it. */
  take(): readonly { readonly type: string; readonly object: KubeObject }[] {
    const lines = this.lines.splice(0);
    return lines.map((line) => {
      const frame: { type: string; object: KubeObject } = JSON.parse(line);
      return frame;
    });
  }
}

export class TestServer implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: SqliteStore;
  readonly signer: TokenSigner;
  readonly core: ApiCore;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(parts: Pick<TestServer, 'clock' | 'store' | 'signer' | 'core'>) {
    this.clock = parts.clock;
    this.store = parts.store;
    this.signer = parts.signer;
    this.core = parts.core;
  }

  static async start(
    options: {
      readonly path?: string;
      readonly limits?: Partial<StoreLimits>;
      readonly serviceCidr?: string;
      readonly webhooks?: WebhookClient;
      readonly nodes?: NodeClient;
      readonly authorityPem?: string;
      /** Without its controllers a server does nothing by itself. */
      readonly runsControllers?: boolean;
    } = {},
  ): Promise<TestServer> {
    const clock = new FakeClock(START_MS);
    const store = SqliteStore.open(options.path ?? ':memory:', options.limits);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const signer = new TokenSigner(privateKey);
    const core = await createCore({
      store,
      signer,
      clock,
      randomBytes,
      log: silentLogger,
      serviceCidr: options.serviceCidr ?? '10.96.0.0/16',
      namespaces: ['default', 'kube-system'],
      serverAddress: () => '127.0.0.1:6443',
      nodes: options.nodes ?? NO_NODES,
      ...(options.webhooks && { webhooks: options.webhooks }),
      ...(options.authorityPem !== undefined && { authorityPem: options.authorityPem }),
    });
    const server = new TestServer({ clock, store, signer, core });
    if (options.runsControllers) server.#running = core.run(server.#stop.signal);
    return server;
  }

  respond(method: string, path: string, call: Call = {}): Promise<ApiResponse> {
    return this.core.handle(requestOf(method, path, call));
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const response = await this.respond(method, path, call);
    assert(response.kind === 'whole', 'the answer is not a stream');
    const text = Buffer.from(response.body).toString();
    const { status, headers } = response;
    return { status, headers, text, body: text.startsWith('{') ? parseObject(text) : {} };
  }

  /** A call that must succeed. */
  async ok(method: string, path: string, call: Call = {}): Promise<JsonObject> {
    const { status, body, text } = await this.call(method, path, call);
    assert(status < 300, `${method} ${path}: ${status} ${text}`);
    return body;
  }

  /** A call that must be refused. @returns its message */
  async refused(code: number, method: string, path: string, call: Call = {}): Promise<string> {
    const { status, body, text } = await this.call(method, path, call);
    assert.equal(status, code, `${method} ${path}: ${text}`);
    return stringAt(body, 'message');
  }

  create(path: string, body: unknown): Promise<JsonObject> {
    return this.ok('POST', path, { body });
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Promise<JsonObject> {
    return this.ok('GET', path, { query });
  }

  /** @param isReading false for a client whose buffer is full from the beginning */
  async watch(path: string, call: Call = {}, isReading = true): Promise<TestWatch> {
    const query = { watch: 'true', ...call.query };
    return new TestWatch(await this.respond('GET', path, { ...call, query }), isReading);
  }

  /** Waits, write by write, for what the controllers bring about. `isThere` is asked repeatedly. */
  async until(isThere: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isThere())) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = this.store.subscribe(() => resolve());
      if (await isThere()) resolve();
      await promise;
      end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.core.close();
    this.store[Symbol.dispose]();
  }
}

function requestOf(method: string, path: string, call: Call): ApiRequest {
  const { body, query = {}, headers = {}, token } = call;
  const as = call.as ?? { user: 'admin', groups: ['system:masters'] };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = body instanceof Uint8Array ? body : Buffer.from(text ?? '');
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: {
      'content-type': 'application/json',
      'user-agent': 'tester/1.0',
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? new Uint8Array() : bytes,
    certificate:
      token === undefined
        ? { kind: 'verified', commonName: as.user, organizations: as.groups ?? [] }
        : { kind: 'none' },
  };
}

function parseObject(text: string): JsonObject {
  const value: Json = JSON.parse(text);
  return isJsonObject(value) ? value : {};
}

export function metadataOf(object: JsonObject): JsonObject {
  return objectAt(object, 'metadata');
}

export function versionOf(object: JsonObject): string {
  return stringAt(metadataOf(object), 'resourceVersion');
}

/** A small CustomResourceDefinition that has one of everything. */
export const WIDGETS: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 1, maximum: 10 },
                  grade: { type: 'string', enum: ['A', 'B'], default: 'A' },
                  name: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
                  port: { 'x-kubernetes-int-or-string': true },
                  note: { type: 'string', nullable: true },
                  hosts: {
                    type: 'array',
                    items: { type: 'string' },
                    'x-kubernetes-list-type': 'set',
                  },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  labels: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
              status: { type: 'object', properties: { phase: { type: 'string' } } },
            },
          },
        },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
      },
      {
        name: 'v1beta1',
        served: true,
        storage: false,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
};
