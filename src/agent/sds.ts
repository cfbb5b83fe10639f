// Secret discovery for the one Envoy beside this agent: its certificate and key (`default`) and
// the mesh's roots (`ROOTCA`), pushed again when they rotate. State-of-the-world variant, one
// stream for each secret, as Envoy opens it for an `api_config_source` of type GRPC
// (envoy/service/secret/v3/sds.proto; the protocol: xds_protocol "SotW").
import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  type DiscoveryRequest,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { FileSecrets } from './file-secrets.ts';

export const SDS_METHOD = '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets';
export const SECRET_TYPE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
export const WORKLOAD_SECRET = 'default';
export const ROOT_SECRET = 'ROOTCA';

/** PEM texts of what Envoy is to use. */
export type SecretMaterial = {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly rootsPem: string;
};

type Secret = { readonly version: string; readonly resource: Any };
export type Secrets = ReadonlyMap<string, Secret>;

/** Encodes both secrets once. A version is a hash of what is public in its secret. */
export function encodeSecrets(material: SecretMaterial): Secrets {
  const { keyPem, chainPem, rootsPem } = material;
  const inline = (text: string) => ({ specifier: { case: 'inlineString', value: text } }) as const;
  const workload = create(SecretSchema, {
    name: WORKLOAD_SECRET,
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inline(chainPem), privateKey: inline(keyPem) },
    },
  });
  const roots = create(SecretSchema, {
    name: ROOT_SECRET,
    type: { case: 'validationContext', value: { trustedCa: inline(rootsPem) } },
  });
  return new Map([
    [WORKLOAD_SECRET, { version: hashOf(chainPem), resource: anyPack(SecretSchema, workload) }],
    [ROOT_SECRET, { version: hashOf(rootsPem), resource: anyPack(SecretSchema, roots) }],
  ]);
}

const hashOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);

/** What one stream has asked for and been sent. */
export type SdsState = {
  readonly names: readonly string[];
  readonly sentVersion: string | undefined;
  readonly nonce: number;
};

export const SDS_START: SdsState = { names: [], sentVersion: undefined, nonce: 0 };

/** More names than this on one stream are not asked for by any configuration of ours. */
const NAMES_MAX = 100;

/**
 * The stream's state after a request. An acknowledgement and a rejection change nothing that would
 * be sent: what Envoy has rejected is not sent to it again until it is another version.
 *
 * @returns undefined when the request answers an older response and is to be ignored
 */
export function afterSdsRequest(state: SdsState, request: DiscoveryRequest): SdsState | undefined {
  const isStale = request.responseNonce !== '' && request.responseNonce !== String(state.nonce);
  if (isStale) return undefined;
  const names = request.resourceNames.slice(0, NAMES_MAX);
  const isSame = names.length === state.names.length && names.every((n) => state.names.includes(n));
  return { ...state, names, sentVersion: isSame ? state.sentVersion : undefined };
}

/** What is to be sent now, if anything: there is a known secret that the stream does not have. */
export function nextSdsResponse(
  state: SdsState,
  secrets: Secrets,
): { readonly state: SdsState; readonly resources: readonly Any[] } | undefined {
  const known = state.names.flatMap((name) => secrets.get(name) ?? []);
  const sentVersion = known.map(({ version }) => version).join('.');
  if (known.length === 0 || sentVersion === state.sentVersion) return undefined;
  return {
    state: { ...state, sentVersion, nonce: state.nonce + 1 },
    resources: known.map(({ resource }) => resource),
  };
}

/** Serves whatever secrets there are; while there are none, a stream waits, and Envoy with it. */
export class SdsServer {
  readonly #log: Logger;
  readonly #files: FileSecrets;
  readonly #streams = new Map<GrpcCall, SdsState>();
  #secrets: Secrets = new Map();

  constructor(log: Logger, files: FileSecrets) {
    this.#log = log;
    this.#files = files;
    files.onChange(() => this.#answerAll());
  }

  /** Every stream that has an older version gets the new one at once. */
  publish(material: SecretMaterial): void {
    this.#secrets = encodeSecrets(material);
    this.#answerAll();
    this.#log.info('secrets published', { streams: this.#streams.size });
  }

  readonly handler: GrpcHandler = (call) => {
    this.#streams.set(call, SDS_START);
    call.onMessage = (bytes) => this.#receive(call, bytes);
    call.onEnd = () => call.end();
    call.onClose = () => this.#streams.delete(call);
  };

  #receive(call: GrpcCall, bytes: Uint8Array): void {
    const state = this.#streams.get(call);
    if (!state) return;
    const request = decodeRequest(bytes);
    if (!request) return call.end(GrpcStatus.invalidArgument, 'not a DiscoveryRequest');
    if (request.errorDetail) {
      this.#log.error('Envoy rejected a secret', {
        secret: request.resourceNames.join(','),
        reason: request.errorDetail.message,
      });
    }
    const next = afterSdsRequest(state, request);
    if (!next) return;
    for (const name of next.names) this.#files.want(name);
    this.#answer(call, next);
  }

  #answerAll(): void {
    for (const [call, state] of this.#streams) this.#answer(call, state);
  }

  #answer(call: GrpcCall, state: SdsState): void {
    const secrets = new Map([...this.#files.secrets, ...this.#secrets]);
    const next = nextSdsResponse(state, secrets);
    this.#streams.set(call, next?.state ?? state);
    if (!next) return;
    const response = create(DiscoveryResponseSchema, {
      versionInfo: next.state.sentVersion ?? '',
      resources: [...next.resources],
      typeUrl: SECRET_TYPE,
      nonce: String(next.state.nonce),
    });
    // a few kilobytes for each rotation: too little for back-pressure to matter
    call.send(toBinary(DiscoveryResponseSchema, response));
  }
}

function decodeRequest(bytes: Uint8Array): DiscoveryRequest | undefined {
  try {
    return fromBinary(DiscoveryRequestSchema, bytes);
  } catch {
    return undefined;
  }
}
