// What Envoy has accepted of the control plane: read along the stream, so that an Envoy that starts
// while the control plane is away gets it again. Pure but for its own tables, which are bounded.
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { toBinary } from '@bufbuild/protobuf';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';

export type CachedResource = {
  readonly version: string;
  /** An encoded envoy.service.discovery.v3.Resource. */
  readonly bytes: Uint8Array;
  /** Asked for by name; else it came for a wildcard. */
  readonly isAsked: boolean;
};

/** By type, by name. */
export type CachedTypes = ReadonlyMap<string, ReadonlyMap<string, CachedResource>>;

/** A proxy of an ordinary workload holds a hundredth of it. */
const BYTES_MAX = 8 << 20;

export class XdsCache {
  readonly #types = new Map<string, Map<string, CachedResource>>();
  readonly #onChange: () => void;
  #bytes = 0;

  /** @param onChange is told of each change, of which there may be many in a row */
  constructor(onChange: () => void, kept: CachedTypes = new Map()) {
    this.#onChange = () => undefined;
    for (const [typeUrl, resources] of kept) {
      for (const [name, resource] of resources) this.#set(typeUrl, name, resource);
    }
    this.#onChange = onChange;
  }

  get types(): CachedTypes {
    return this.#types;
  }

  get isEmpty(): boolean {
    return this.#types.size === 0;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  lookup(typeUrl: string, name: string): CachedResource | undefined {
    return this.#types.get(typeUrl)?.get(name);
  }

  /** Reads one stream along. Both functions are called with all of its messages, in order. */
  follow(): {
    readonly request: (request: DeltaDiscoveryRequest) => void;
    readonly response: (response: DeltaDiscoveryResponse) => void;
  } {
    const asked = new Map<string, Set<string>>();
    /** Of these types the proxy held nothing: the first answer is all that there is. */
    const fresh = new Set<string>();
    /** By nonce: sent, and not yet accepted or refused. */
    const sent = new Map<string, DeltaDiscoveryResponse>();
    const accept = (response: DeltaDiscoveryResponse): void => {
      const names = asked.get(response.typeUrl);
      if (fresh.delete(response.typeUrl)) this.#deleteWildcard(response.typeUrl);
      for (const resource of response.resources) {
        const { name, version } = resource;
        const bytes = toBinary(ResourceSchema, resource);
        this.#set(response.typeUrl, name, { version, bytes, isAsked: names?.has(name) ?? false });
      }
      for (const name of response.removedResources) this.#delete(response.typeUrl, name);
    };
    return {
      request: (request) => {
        const { typeUrl, responseNonce } = request;
        const isFirst = !asked.has(typeUrl);
        const names = asked.get(typeUrl) ?? new Set<string>();
        asked.set(typeUrl, names);
        if (isFirst && Object.keys(request.initialResourceVersions).length === 0) {
          fresh.add(typeUrl);
        }
        for (const name of request.resourceNamesSubscribe) if (name !== '*') names.add(name);
        for (const name of request.resourceNamesUnsubscribe) {
          names.delete(name);
          this.#delete(typeUrl, name);
        }
        const answered = sent.get(responseNonce);
        sent.delete(responseNonce);
        if (answered && !request.errorDetail) accept(answered);
      },
      response: (response) => void sent.set(response.nonce, response),
    };
  }

  #deleteWildcard(typeUrl: string): void {
    for (const [name, { isAsked }] of this.#types.get(typeUrl) ?? []) {
      if (!isAsked) this.#delete(typeUrl, name);
    }
  }

  #set(typeUrl: string, name: string, resource: CachedResource): void {
    this.#delete(typeUrl, name);
    const resources = this.#types.get(typeUrl) ?? new Map<string, CachedResource>();
    this.#types.set(typeUrl, resources);
    resources.set(name, resource); // as the one that changed last
    this.#bytes += resource.bytes.length;
    while (this.#bytes > BYTES_MAX && this.#forgetOldestAsked());
    this.#onChange();
  }

  #delete(typeUrl: string, name: string): void {
    const resources = this.#types.get(typeUrl);
    const resource = resources?.get(name);
    if (!resources || !resource) return;
    resources.delete(name);
    if (resources.size === 0) this.#types.delete(typeUrl);
    this.#bytes -= resource.bytes.length;
    this.#onChange();
  }

  /** What was asked for can be asked for again; what stands for a wildcard cannot. */
  #forgetOldestAsked(): boolean {
    for (const [typeUrl, resources] of this.#types) {
      for (const [name, { isAsked }] of resources) {
        if (!isAsked) continue;
        this.#delete(typeUrl, name);
        return true;
      }
    }
    return false;
  }
}
