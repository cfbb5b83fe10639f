// What the control plane says is inside the mesh: a delta xDS stream of the agent's own, with one
// resource. The last value is kept on disk, so that a machine that restarts while the control
// plane is away captures what it captured before.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { GrpcClientCall } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import { meshAddressesProblem, type MeshAddresses } from './capture/addresses.ts';
import type { ControlPlane } from './control-plane.ts';
import { parseState, readFileIfPresent, writeFileAtomic } from './files.ts';
import type { Retry } from './retry.ts';
import { XDS_METHOD } from './xds-relay.ts';

const TYPE = 'type.googleapis.com/isthmus.v1.MeshAddresses';
const NAME = 'mesh';

export type VersionedMeshAddresses = MeshAddresses & { readonly version: string };

/** The value of an earlier run, or undefined. A file that makes no sense counts as none. */
export async function loadMeshAddresses(path: string): Promise<VersionedMeshAddresses | undefined> {
  const { version, ranges, addresses } = parseState(await readFileIfPresent(path));
  if (typeof version !== 'string' || !isTextList(ranges) || !isTextList(addresses))
    return undefined;
  const value = { version, ranges, addresses };
  return meshAddressesProblem(value) === undefined ? value : undefined;
}

const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

export type MeshAddressesOptions = {
  readonly controlPlane: ControlPlane;
  /** The node's id: the control plane's log names the agent by it. */
  readonly nodeId: string;
  readonly stateFile: string;
  readonly retry: Retry;
  readonly log: Logger;
};

/** Follows the control plane until aborted, whatever happens to the stream. */
export class MeshAddressesFollower {
  readonly #options: MeshAddressesOptions;
  readonly #onChange: (value: VersionedMeshAddresses) => void;
  #value: VersionedMeshAddresses | undefined;
  #saved: VersionedMeshAddresses | undefined;
  /** One write after the other: they share a temporary file. */
  #saving: Promise<void> = Promise.resolve();

  constructor(
    options: MeshAddressesOptions,
    known: VersionedMeshAddresses | undefined,
    onChange: (value: VersionedMeshAddresses) => void,
  ) {
    this.#options = options;
    this.#value = known;
    this.#saved = known;
    this.#onChange = onChange;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { retry, log } = this.#options;
    for (;;) {
      await retry.wait(signal);
      const outcome = await this.#follow(signal);
      signal.throwIfAborted();
      retry.fail();
      const fields = { reason: `${grpcCodeName(outcome.code)}: ${outcome.message}` };
      log.debug('stream of mesh addresses ended', fields);
    }
  }

  /** One stream from its beginning to its end. */
  async #follow(signal: AbortSignal): Promise<GrpcOutcome> {
    const lease = this.#options.controlPlane.lease();
    if (!lease) return { code: GrpcStatus.unavailable, message: 'no certificate yet' };
    const call = lease.channel.stream(XDS_METHOD);
    const cancel = (): void => call.cancel();
    const { promise: closed, resolve } = Promise.withResolvers<GrpcOutcome>();
    call.onClose = resolve;
    call.onMessage = (bytes) => this.#receive(call, bytes);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    call.send(this.#subscription());
    try {
      return await closed;
    } finally {
      signal.removeEventListener('abort', cancel);
      lease.release();
    }
  }

  #subscription(): Uint8Array {
    const request = create(DeltaDiscoveryRequestSchema, {
      node: { id: this.#options.nodeId },
      typeUrl: TYPE,
      resourceNamesSubscribe: [NAME],
      initialResourceVersions: this.#value ? { [NAME]: this.#value.version } : {},
    });
    return toBinary(DeltaDiscoveryRequestSchema, request);
  }

  #receive(call: GrpcClientCall, bytes: Uint8Array): void {
    const response = decode(bytes);
    if (!response || response.typeUrl !== TYPE) return call.cancel(); // no xDS server; try again
    this.#options.retry.succeed();
    const parsed = parseResponse(response);
    const problem = typeof parsed === 'string' ? parsed : undefined;
    const answer = create(DeltaDiscoveryRequestSchema, {
      typeUrl: TYPE,
      responseNonce: response.nonce,
      ...(problem !== undefined && {
        errorDetail: { code: GrpcStatus.invalidArgument, message: problem },
      }),
    });
    call.send(toBinary(DeltaDiscoveryRequestSchema, answer));
    if (problem !== undefined) {
      this.#options.log.error('mesh addresses rejected, the former stay', { reason: problem });
    } else if (typeof parsed === 'object') {
      this.#accept(parsed);
    }
  }

  #accept(value: VersionedMeshAddresses): void {
    this.#value = value;
    const { version, ranges, addresses } = value;
    const fields = { version, ranges: ranges.length, addresses: addresses.length };
    this.#options.log.info('mesh addresses received', fields);
    this.#onChange(value);
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    if (this.#saved === this.#value) return; // several values came while one was being written
    this.#saved = this.#value;
    try {
      await writeFileAtomic(this.#options.stateFile, JSON.stringify(this.#value));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.warn('mesh addresses not saved', { reason: error.message });
    }
  }
}

function decode(bytes: Uint8Array): DeltaDiscoveryResponse | undefined {
  try {
    return fromBinary(DeltaDiscoveryResponseSchema, bytes);
  } catch {
    return undefined;
  }
}

/**
 * @returns the new value; a text that says what is wrong with it; or undefined when the response
 *   brings none (a removal is not obeyed: a mesh without addresses would let everything bypass it)
 */
function parseResponse(
  response: DeltaDiscoveryResponse,
): VersionedMeshAddresses | string | undefined {
  const resource = response.resources.find(({ name }) => name === NAME);
  if (!resource) return undefined;
  let message;
  try {
    message = resource.resource && anyUnpack(resource.resource, MeshAddressesSchema);
  } catch {
    message = undefined; // not the bytes of one
  }
  if (!message) return 'the resource is not an isthmus.v1.MeshAddresses';
  const { ranges, addresses } = message;
  return (
    meshAddressesProblem({ ranges, addresses }) ?? { version: resource.version, ranges, addresses }
  );
}
