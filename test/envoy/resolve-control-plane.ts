// The least that a control plane can be for a real Envoy: delta ADS over a catalog, certificates,
// access logs. Deliberately naive and independent of src/xds, so that what the resolver makes is
// judged by Envoy and not by our own server.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { TCPAccessLogEntry } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { DeltaDiscoveryRequest } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { GrpcCall } from '#grpc/call.ts';
import { createGrpcServer } from '#grpc/server.ts';
import type { GrpcServer } from '#grpc/server.ts';
import { ROOT_SECRET, TYPE_URL, WORKLOAD_SECRET } from '#resolve/names.ts';
import type { EncodedResource, ResourceCatalog, ResourceKey } from '#xds/catalog.ts';

export type Credentials = { readonly cert: string; readonly key: string; readonly roots: string };

export type FakeProxy = {
  readonly identity: WorkloadIdentity;
  credentials: Credentials;
  /** Changes a resource on its way, where a test cannot have what it says (addresses). */
  readonly adapt?: (typeUrl: string, resource: EncodedResource) => EncodedResource;
};

/** Make before break: what others refer to goes first. */
const ORDER = [
  TYPE_URL.cluster,
  TYPE_URL.endpoints,
  TYPE_URL.extension,
  TYPE_URL.listener,
  TYPE_URL.routes,
  TYPE_URL.virtualHost,
];
const SECRET_TYPE = `type.googleapis.com/${SecretSchema.typeName}`;

export type Rejection = { readonly typeUrl: string; readonly message: string };

export class FakeControlPlane implements AsyncDisposable {
  readonly rejections: Rejection[] = [];
  readonly accessLog: { readonly logName: string; readonly entry: TCPAccessLogEntry }[] = [];
  /** Off, an EDS cluster that changed is left without its endpoints. For mutations. */
  sendsEndpointsAgain = true;
  readonly #catalog: ResourceCatalog<WorkloadIdentity>;
  readonly #proxies: ReadonlyMap<string, FakeProxy>;
  readonly #streams = new Set<AdsStream>();
  readonly #secretStreams = new Set<() => void>();
  readonly #server: GrpcServer;

  constructor(catalog: ResourceCatalog<WorkloadIdentity>, proxies: ReadonlyMap<string, FakeProxy>) {
    this.#catalog = catalog;
    this.#proxies = proxies;
    this.#server = createGrpcServer({
      methods: {
        '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources': (call) =>
          this.#serveResources(call),
        '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets': (call) =>
          this.#serveSecrets(call),
        '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': (call) =>
          this.#takeLogs(call),
      },
    });
  }

  async listen(path: string): Promise<void> {
    await this.#server.listen({ path });
  }

  /** Sends every proxy what changed. */
  push(): void {
    this.#catalog.settle();
    for (const stream of this.#streams) stream.flush();
  }

  /** Gives a proxy another certificate. */
  rotate(nodeId: string, credentials: Credentials): void {
    this.#proxyOf(nodeId).credentials = credentials;
    for (const send of this.#secretStreams) send();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #proxyOf(nodeId: string): FakeProxy {
    const proxy = this.#proxies.get(nodeId);
    if (!proxy) throw new Error(`no proxy is called ${nodeId}`);
    return proxy;
  }

  #serveResources(call: GrpcCall): void {
    let stream: AdsStream | undefined;
    call.onMessage = (bytes) => {
      const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      if (!stream) {
        const proxy = this.#proxyOf(request.node?.id ?? '');
        stream = new AdsStream(this.#catalog, { proxy, call, plane: this });
        this.#streams.add(stream);
      }
      if (request.errorDetail) {
        this.rejections.push({ typeUrl: request.typeUrl, message: request.errorDetail.message });
      }
      stream.take(request);
      this.#catalog.settle();
      stream.flush();
    };
    call.onClose = () => void (stream && this.#streams.delete(stream));
  }

  #serveSecrets(call: GrpcCall): void {
    let nodeId = '';
    let names: readonly string[] = [];
    let sent = '';
    const send = (): void => {
      const { credentials } = this.#proxyOf(nodeId);
      const version = credentials.cert;
      if (version === sent) return;
      sent = version;
      const resources = names.map((name) => anyPack(SecretSchema, secret(name, credentials)));
      const versionInfo = String(this.#secretStreams.size);
      const response = { versionInfo, nonce: 'n', typeUrl: SECRET_TYPE, resources };
      call.send(toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, response)));
    };
    call.onMessage = (bytes) => {
      const request = fromBinary(DiscoveryRequestSchema, bytes);
      nodeId = request.node?.id ?? nodeId;
      names = request.resourceNames;
      if (request.errorDetail) {
        this.rejections.push({ typeUrl: SECRET_TYPE, message: request.errorDetail.message });
      }
      this.#secretStreams.add(send);
      send();
    };
    call.onClose = () => void this.#secretStreams.delete(send);
  }

  #takeLogs(call: GrpcCall): void {
    let logName = '';
    call.onMessage = (bytes) => {
      const message = fromBinary(StreamAccessLogsMessageSchema, bytes);
      logName = message.identifier?.logName ?? logName;
      if (message.logEntries.case !== 'tcpLogs') return;
      for (const entry of message.logEntries.value.logEntry) {
        this.accessLog.push({ logName, entry });
      }
    };
  }
}

function secret(name: string, { cert, key, roots }: Credentials) {
  const text = (value: string) => ({ specifier: { case: 'inlineString', value } }) as const;
  if (name === ROOT_SECRET) {
    const value = { trustedCa: text(roots) };
    return create(SecretSchema, { name, type: { case: 'validationContext', value } });
  }
  if (name !== WORKLOAD_SECRET) throw new Error(`nobody has a secret called ${name}`);
  const value = { certificateChain: text(cert), privateKey: text(key) };
  return create(SecretSchema, { name, type: { case: 'tlsCertificate', value } });
}

type Subscription = {
  readonly names: Map<string, ResourceKey>;
  wildcard: ResourceKey | undefined;
  readonly ofWildcard: Map<string, ResourceKey>;
  /** Name → version, or undefined for "there is none". */
  readonly sent: Map<string, string | undefined>;
  isAnswered: boolean;
};

class AdsStream {
  readonly #catalog: ResourceCatalog<WorkloadIdentity>;
  readonly #proxy: FakeProxy;
  readonly #call: GrpcCall;
  readonly #plane: FakeControlPlane;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(
    catalog: ResourceCatalog<WorkloadIdentity>,
    options: {
      readonly proxy: FakeProxy;
      readonly call: GrpcCall;
      readonly plane: FakeControlPlane;
    },
  ) {
    this.#catalog = catalog;
    this.#proxy = options.proxy;
    this.#call = options.call;
    this.#plane = options.plane;
  }

  take(request: DeltaDiscoveryRequest): void {
    const { typeUrl, resourceNamesSubscribe: wanted } = request;
    const { identity } = this.#proxy;
    let subscription = this.#subscriptions.get(typeUrl);
    const isWildcard = wanted.includes('*') || (!subscription && wanted.length === 0);
    subscription ??= {
      names: new Map(),
      wildcard: undefined,
      ofWildcard: new Map(),
      sent: new Map(Object.entries(request.initialResourceVersions)),
      isAnswered: false,
    };
    this.#subscriptions.set(typeUrl, subscription);
    if (isWildcard) subscription.wildcard = this.#catalog.acquireWildcard(identity, typeUrl);
    for (const name of wanted.filter((name) => name !== '*')) {
      subscription.names.set(name, this.#catalog.acquire(identity, typeUrl, name));
      subscription.sent.delete(name);
    }
    for (const name of request.resourceNamesUnsubscribe) subscription.names.delete(name);
  }

  flush(): void {
    for (const typeUrl of ORDER) {
      const subscription = this.#subscriptions.get(typeUrl);
      if (subscription) this.#flushType(typeUrl, subscription);
    }
  }

  #flushType(typeUrl: string, subscription: Subscription): void {
    const { names, ofWildcard, sent } = subscription;
    this.#followWildcard(typeUrl, subscription);
    const due = new Map([...ofWildcard, ...names]);
    const resources: EncodedResource[] = [];
    const removed: string[] = [...sent.keys()].filter((name) => !due.has(name));
    for (const name of removed) sent.delete(name);
    for (const [name, key] of due) {
      const found = this.#catalog.lookup(key);
      if (sent.has(name) && sent.get(name) === found?.version) continue;
      sent.set(name, found?.version);
      if (found) resources.push(this.#proxy.adapt?.(typeUrl, found) ?? found);
      else removed.push(name);
    }
    const isFirstOfWildcard = subscription.wildcard !== undefined && !subscription.isAnswered;
    if (resources.length + removed.length === 0 && !isFirstOfWildcard) return;
    subscription.isAnswered = true;
    if (this.#plane.sendsEndpointsAgain) this.#forgetEndpointsOf(resources);
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      nonce: 'n',
      resources: resources.map(({ bytes }) => fromBinary(ResourceSchema, bytes)),
      removedResources: removed,
    });
    this.#call.send(toBinary(DeltaDiscoveryResponseSchema, response));
  }

  #followWildcard(typeUrl: string, { wildcard, ofWildcard }: Subscription): void {
    if (wildcard === undefined) return;
    const names = new Set(this.#catalog.wildcardNames(wildcard));
    for (const name of ofWildcard.keys()) if (!names.has(name)) ofWildcard.delete(name);
    for (const name of names) {
      if (ofWildcard.has(name)) continue;
      ofWildcard.set(name, this.#catalog.acquire(this.#proxy.identity, typeUrl, name));
    }
    this.#catalog.settle();
  }

  /** Envoy keeps the old settings of a changed cluster until its endpoints arrive again. */
  #forgetEndpointsOf(resources: readonly EncodedResource[]): void {
    const sent = this.#subscriptions.get(TYPE_URL.endpoints)?.sent;
    for (const { endpoints } of resources) if (endpoints !== undefined) sent?.delete(endpoints);
  }
}
