// A control plane for tests of the agent: a certificate authority that knows some tokens, and a
// delta ADS server that serves what a test puts into it. It states what the agent may rely on, no
// more.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageShape,
} from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import { parseSpiffeId, type WorkloadIdentity } from '#base/workload-identity.ts';
import { openAuthority, type Authority, type AuthorityMaterial } from '#ca/authority.ts';
import { DER_TAG, DerReader } from '#ca/der-reader.ts';
import { createRoot } from '#ca/root.ts';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import type { GrpcCall } from '#grpc/call.ts';
import { createGrpcServer, type GrpcServer } from '#grpc/server.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import { unaryHandler } from '#grpc/unary.ts';
import { CA_METHOD } from '../../src/agent/certificate-client.ts';
import { XDS_METHOD } from '../../src/agent/relayed-stream.ts';

export const SERVER_NAME = 'istiod.istio-system.svc';
const HOUR_MS = 3_600_000;

type Resource = { readonly version: string; readonly resource: Any };
type Subscription = { isWildcard: boolean; readonly names: Set<string> };
type Stream = { readonly call: GrpcCall; readonly types: Map<string, Subscription>; nonce: number };

/** What a test can wait for. */
export type Seen =
  | { readonly kind: 'issued'; readonly serial: string; readonly by: 'token' | 'certificate' }
  | {
      readonly kind: 'subscribed';
      readonly type: string;
      readonly spiffeId: string;
      readonly serial: string;
      readonly initialVersions: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'acknowledged' | 'rejected'; readonly type: string; readonly reason: string };

/** What survives a restart of the control plane. */
export class FakeMesh {
  readonly material: AuthorityMaterial = createRoot('cluster.local', Date.now());
  readonly tokens = new Map<string, WorkloadIdentity>();
  readonly resources = new Map<string, Map<string, Resource>>();
  /** By type: what a name without a resource of its own is answered with. */
  readonly others = new Map<string, (name: string) => Any>();
  lifetimeMs = 24 * HOUR_MS;
  readonly seen: Seen[] = [];
  readonly #changed = new EventTarget();

  get authority(): Authority {
    const authority = openAuthority(this.material, Date.now());
    if (!authority.ok) throw new Error(authority.problem);
    return authority.value;
  }

  tell(seen: Seen): void {
    this.seen.push(seen);
    this.#changed.dispatchEvent(new Event('seen'));
  }

  /** The first thing of this form since `after` (the length of `seen` at some time). */
  async until(matches: (seen: Seen) => boolean, after = 0): Promise<Seen> {
    for (;;) {
      const found = this.seen.slice(after).find(matches);
      if (found) return found;
      await new Promise((resolve) => {
        this.#changed.addEventListener('seen', resolve, { once: true });
      });
    }
  }

  /** A certificate of the mesh for a test's own client or server. */
  issue(spiffeId: string): { readonly key: string; readonly cert: string } {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const identity = parseSpiffeId(spiffeId);
    if (!identity.ok) throw new Error(identity.problem);
    const { chainPem } = this.authority.issueWorkload({
      publicKey: publicKey.export({ format: 'der', type: 'spki' }),
      isRsa: false,
      identity: identity.value,
      lifetimeMs: HOUR_MS,
      nowMs: Date.now(),
    });
    return { key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), cert: chainPem };
  }
}

export class FakeControlPlane implements AsyncDisposable {
  readonly #mesh: FakeMesh;
  readonly #server: GrpcServer;
  readonly #streams = new Set<Stream>();
  port = 0;

  private constructor(mesh: FakeMesh) {
    this.#mesh = mesh;
    const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const { chainPem } = mesh.authority.issueServer({
      publicKey: createPublicKey(key).export({ format: 'der', type: 'spki' }),
      names: { dnsNames: [SERVER_NAME], ips: [] },
      lifetimeMs: HOUR_MS,
      nowMs: Date.now(),
    });
    this.#server = createGrpcServer({
      tls: {
        cert: chainPem,
        key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
        clientCa: mesh.authority.trustBundlePem,
      },
      methods: {
        [XDS_METHOD]: (call) => this.#serve(call),
        [CA_METHOD]: unaryHandler(async (request, call) => this.#issue(request, call)),
      },
    });
  }

  static async start(mesh: FakeMesh, port = 0): Promise<FakeControlPlane> {
    const fake = new FakeControlPlane(mesh);
    fake.port = await fake.#server.listen({ host: '127.0.0.1', port });
    return fake;
  }

  /** Serves a resource from now on, to whoever has asked for it. */
  set<Desc extends DescMessage>(name: string, schema: Desc, message: MessageShape<Desc>): void {
    const resource = anyPack(schema, message);
    const byName = this.#mesh.resources.get(resource.typeUrl) ?? new Map<string, Resource>();
    this.#mesh.resources.set(resource.typeUrl, byName);
    const version = Buffer.from(resource.value).toString('base64').slice(-24);
    byName.set(name, { version, resource });
    for (const stream of this.#streams) {
      const subscription = stream.types.get(resource.typeUrl);
      if (subscription?.isWildcard || subscription?.names.has(name)) {
        this.#send(stream, resource.typeUrl, [name]);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown(0);
  }

  async #issue(
    bytes: Uint8Array,
    { metadata, peer }: Pick<GrpcCall, 'metadata' | 'peer'>,
  ): Promise<Uint8Array> {
    const { csr, validityDuration } = fromBinary(IstioCertificateRequestSchema, bytes);
    const authorization = metadata['authorization'];
    const token = typeof authorization === 'string' ? authorization.replace('Bearer ', '') : '';
    const fromToken = this.#mesh.tokens.get(token);
    const fromPeer = parseSpiffeId(peer?.subjectAltName?.replace('URI:', '') ?? '');
    const identity = fromToken ?? (fromPeer.ok ? fromPeer.value : undefined);
    if (!identity) {
      throw new GrpcStatusError(GrpcStatus.unauthenticated, 'the token is of another mesh');
    }
    const issued = this.#mesh.authority.issueWorkload({
      publicKey: publicKeyOf(csr),
      isRsa: false,
      identity,
      lifetimeMs: Math.min(Number(validityDuration) * 1000, this.#mesh.lifetimeMs),
      nowMs: Date.now(),
    });
    const by = fromToken ? 'token' : 'certificate';
    this.#mesh.tell({ kind: 'issued', serial: issued.serial.toLowerCase(), by });
    const certChain = [issued.chainPem, this.#mesh.authority.trustBundlePem];
    return toBinary(
      IstioCertificateResponseSchema,
      create(IstioCertificateResponseSchema, { certChain }),
    );
  }

  #serve(call: GrpcCall): void {
    if (!call.peer) return call.end(GrpcStatus.unauthenticated, 'no client certificate');
    const stream: Stream = { call, types: new Map(), nonce: 0 };
    this.#streams.add(stream);
    call.onMessage = (bytes) =>
      this.#receive(stream, fromBinary(DeltaDiscoveryRequestSchema, bytes));
    call.onEnd = () => call.end();
    call.onClose = () => this.#streams.delete(stream);
  }

  #receive(stream: Stream, request: DeltaDiscoveryRequest): void {
    const { typeUrl, errorDetail } = request;
    if (request.responseNonce !== '') {
      const kind = errorDetail ? 'rejected' : 'acknowledged';
      this.#mesh.tell({ kind, type: typeUrl, reason: errorDetail?.message ?? '' });
    }
    const known = stream.types.get(typeUrl);
    const names = request.resourceNamesSubscribe;
    for (const name of request.resourceNamesUnsubscribe) known?.names.delete(name);
    if (known && names.length === 0) return;
    if (!known) {
      const { peer } = stream.call;
      this.#mesh.tell({
        kind: 'subscribed',
        type: typeUrl,
        spiffeId: peer?.subjectAltName?.replace('URI:', '') ?? '',
        serial: peer?.serialNumber.toLowerCase() ?? '',
        initialVersions: request.initialResourceVersions,
      });
    }
    const subscription = known ?? { isWildcard: names.length === 0, names: new Set<string>() };
    stream.types.set(typeUrl, subscription);
    for (const name of names) {
      if (name === '*') subscription.isWildcard = true;
      else subscription.names.add(name);
    }
    const held = request.initialResourceVersions;
    const all = this.#mesh.resources.get(typeUrl) ?? new Map<string, Resource>();
    const wanted = subscription.isWildcard ? [...all.keys()] : names;
    this.#send(
      stream,
      typeUrl,
      wanted.filter((name) => held[name] === undefined || held[name] !== all.get(name)?.version),
    );
  }

  #send(stream: Stream, typeUrl: string, names: readonly string[]): void {
    const all = this.#mesh.resources.get(typeUrl);
    const other = this.#mesh.others.get(typeUrl);
    const resources = names.flatMap((name) => {
      const found = all?.get(name) ?? (other && { version: 'other', resource: other(name) });
      return found ? [{ name, version: found.version, resource: found.resource }] : [];
    });
    stream.nonce += 1;
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      resources,
      nonce: String(stream.nonce),
    });
    stream.call.send(toBinary(DeltaDiscoveryResponseSchema, response));
  }
}

/** SubjectPublicKeyInfo of a PKCS #10 request, RFC 2986 §4.1. */
function publicKeyOf(csrPem: string): Uint8Array {
  const der = Buffer.from(csrPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const info = new DerReader(der)
    .enter(DER_TAG.sequence, 'a request')
    .enter(DER_TAG.sequence, 'its fields');
  info.next(DER_TAG.integer, 'a version');
  info.next(DER_TAG.sequence, 'a subject');
  return info.next(DER_TAG.sequence, 'a public key').bytes;
}
