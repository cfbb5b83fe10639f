// The agent's own delta xDS stream: what it asks of the control plane for itself, beside what it
// passes on for Envoy. One stream for all types; each type says what it wants and takes what comes.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { Logger } from '#base/log.ts';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryResponse,
  type Resource,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { GrpcClientCall } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Retry } from './retry.ts';
import { XDS_METHOD } from './relayed-stream.ts';

type Request = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

export type Wanted = {
  readonly names: readonly string[];
  /** The version held of a name: it is not sent again while it is the latest. */
  readonly versions: Readonly<Record<string, string>>;
};

export type Update = {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
};

/** Names wanted from now on, and no longer. */
export type Change = {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
};

/** One resource type that the agent uses itself. */
export interface OwnType {
  readonly typeUrl: string;
  /** A stream begins. Nothing is asked for when there are no names. */
  begin(): Wanted;
  /** @returns what is wrong with it, for the control plane's log: that version is not sent again */
  receive(update: Update): string | undefined;
  /** The stream has ended. The next one, or the end of the agent, waits for what it returns. */
  end(): Promise<void> | void;
}

export type OwnStreamOptions = {
  readonly controlPlane: ControlPlane;
  /** The node's id: the control plane's log names the agent by it. */
  readonly nodeId: string;
  readonly retry: Retry;
  readonly log: Logger;
  /** The control plane answers; told at each answer. */
  readonly onWorking: () => void;
};

export class OwnStream {
  readonly #options: OwnStreamOptions;
  readonly #types: ReadonlyMap<string, OwnType>;
  /** The call that is open, if one is. */
  #call: GrpcClientCall | undefined;

  constructor(options: OwnStreamOptions, types: readonly OwnType[]) {
    this.#options = options;
    this.#types = new Map(types.map((type) => [type.typeUrl, type]));
  }

  /** Follows the control plane until aborted, whatever happens to the stream. */
  async run(signal: AbortSignal): Promise<void> {
    const { retry, log } = this.#options;
    for (;;) {
      await retry.wait(signal);
      const outcome = await this.#follow(signal);
      signal.throwIfAborted();
      retry.fail();
      const fields = { reason: `${grpcCodeName(outcome.code)}: ${outcome.message}` };
      log.debug('stream of the agent ended', fields);
    }
  }

  /** Without a stream it does nothing: the next one begins with what is wanted then. */
  change(typeUrl: string, { subscribe, unsubscribe }: Change): void {
    this.#send({
      typeUrl,
      resourceNamesSubscribe: [...subscribe],
      resourceNamesUnsubscribe: [...unsubscribe],
    });
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
    this.#call = call;
    this.#begin();
    try {
      return await closed;
    } finally {
      this.#call = undefined;
      signal.removeEventListener('abort', cancel);
      lease.release();
      await Promise.all([...this.#types.values()].map(async (type) => await type.end()));
    }
  }

  #begin(): void {
    let node: Request['node'] = { id: this.#options.nodeId }; // with the first message only
    for (const type of this.#types.values()) {
      const { names, versions } = type.begin();
      if (names.length === 0) continue; // would mean "all"
      this.#send({
        ...(node && { node }),
        typeUrl: type.typeUrl,
        resourceNamesSubscribe: [...names],
        initialResourceVersions: { ...versions },
      });
      node = undefined;
    }
  }

  #receive(call: GrpcClientCall, bytes: Uint8Array): void {
    const response = decode(bytes);
    const type = response && this.#types.get(response.typeUrl);
    if (!type) return call.cancel(); // no xDS server; try again
    this.#options.retry.succeed();
    this.#options.onWorking();
    const { resources, removedResources: removed } = response;
    const problem = type.receive({ resources, removed });
    this.#send({
      typeUrl: type.typeUrl,
      responseNonce: response.nonce,
      ...(problem !== undefined && {
        errorDetail: { code: GrpcStatus.invalidArgument, message: problem },
      }),
    });
  }

  #send(request: Request): void {
    const message = create(DeltaDiscoveryRequestSchema, request);
    this.#call?.send(toBinary(DeltaDiscoveryRequestSchema, message));
  }
}

function decode(bytes: Uint8Array): DeltaDiscoveryResponse | undefined {
  try {
    return fromBinary(DeltaDiscoveryResponseSchema, bytes);
  } catch {
    return undefined;
  }
}
