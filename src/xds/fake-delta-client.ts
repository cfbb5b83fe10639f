// A client of delta xDS that follows the specification and checks that the server does: what a
// proxy believes to have, after every message. It is a model of Envoy without the proxying.
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { DeltaDiscoveryResponse } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { CLUSTER_TYPE, ENDPOINTS_TYPE } from './type-urls.ts';

type ClientType = {
  readonly named: Set<string>;
  isWildcard: boolean;
  /** Name → version of what it has. */
  readonly has: Map<string, string>;
  /** Names asked for, or to be told about, on this stream. */
  readonly owed: Set<string>;
  isAsked: boolean;
};

export type FakeDeltaClientOptions = {
  /** Sends an encoded request to the server. */
  readonly send: (request: Uint8Array) => void;
  /** Does a proxy take this resource? */
  readonly accepts?: (version: string) => boolean;
  /** The assignment that a cluster refers to: the client then asks for it, as Envoy does. */
  readonly endpointsOf?: (cluster: string) => string | undefined;
};

export class FakeDeltaClient {
  readonly #types = new Map<string, ClientType>();
  readonly #options: Required<FakeDeltaClientOptions>;
  /** Clusters that were sent, and whose assignment has not followed yet. */
  readonly warming = new Set<string>();
  /** Refused alone: not to come again on this stream, unless changed or asked for. */
  readonly #blamed = new Map<string, string>();
  /** How often each name, or the wildcard, was asked for: only asking anew brings a refused version
   * again. */
  readonly #asks = new Map<string, number>();

  constructor(options: FakeDeltaClientOptions) {
    this.#options = { accepts: () => true, endpointsOf: () => undefined, ...options };
  }

  /** What it has of a type: name → version. */
  has(typeUrl: string): ReadonlyMap<string, string> {
    return this.#type(typeUrl).has;
  }

  named(typeUrl: string): ReadonlySet<string> {
    return this.#type(typeUrl).named;
  }

  isWildcard(typeUrl: string): boolean {
    return this.#type(typeUrl).isWildcard;
  }

  owed(typeUrl: string): ReadonlySet<string> {
    return this.#type(typeUrl).owed;
  }

  subscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#type(typeUrl);
    for (const name of names) {
      if (type.isAsked) this.#countAsk(`${typeUrl} ${name}`, 1);
      if (name === '*') type.isWildcard = true;
      else {
        type.named.add(name);
        type.owed.add(name);
      }
    }
    // the first request of a type is also the only one that says what it has
    if (!type.isAsked) return this.#introduce(typeUrl, type);
    this.#send(typeUrl, { resourceNamesSubscribe: [...names] });
  }

  unsubscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#type(typeUrl);
    if (!type.isAsked) return;
    for (const name of names) {
      if (name === '*') type.isWildcard = false;
      else if (type.named.delete(name)) {
        this.#blamed.delete(`${typeUrl} ${name}`);
        if (type.isWildcard) type.owed.add(name);
      }
    }
    if (!type.isWildcard) {
      for (const name of type.has.keys()) if (!type.named.has(name)) type.has.delete(name);
      for (const name of type.owed) if (!type.named.has(name)) type.owed.delete(name);
    }
    this.#send(typeUrl, { resourceNamesUnsubscribe: [...names] });
  }

  /** A new stream to a server that has forgotten everything. */
  reconnect(): void {
    this.warming.clear(); // nothing tells the new stream of these; Envoy's own timeout ends it
    this.#blamed.clear();
    this.#asks.clear();
    for (const [typeUrl, type] of this.#types) {
      type.owed.clear();
      type.isAsked = false;
      if (type.named.size > 0 || type.isWildcard) this.#introduce(typeUrl, type);
    }
  }

  receive(message: Uint8Array): void {
    const response = fromBinary(DeltaDiscoveryResponseSchema, message);
    const { typeUrl, nonce } = response;
    this.#assertNothingBlamed(response);
    const bad = response.resources.find(({ version }) => !this.#options.accepts(version));
    for (const { name } of response.resources) this.#type(typeUrl).owed.delete(name);
    for (const name of response.removedResources) this.#type(typeUrl).owed.delete(name);
    if (bad) {
      const isAlone = response.resources.length + response.removedResources.length === 1;
      if (isAlone) this.#blamed.set(`${typeUrl} ${bad.name}`, bad.version);
      const errorDetail = { code: 3, message: `${bad.name} is bad` };
      return this.#send(typeUrl, { responseNonce: nonce, errorDetail });
    }
    this.#apply(response);
    this.#send(typeUrl, { responseNonce: nonce });
  }

  #apply({ typeUrl, resources, removedResources }: DeltaDiscoveryResponse): void {
    const type = this.#type(typeUrl);
    const wanted: string[] = [];
    for (const { name, version } of resources) {
      if (!type.named.has(name) && !type.isWildcard) continue; // let go of while it was on its way
      const isChanged = type.has.get(name) !== version;
      type.has.set(name, version);
      if (typeUrl === ENDPOINTS_TYPE) this.warming.delete(name);
      const endpoints = typeUrl === CLUSTER_TYPE ? this.#options.endpointsOf(name) : undefined;
      if (endpoints === undefined) continue;
      if (isChanged) this.warming.add(endpoints);
      if (!this.#type(ENDPOINTS_TYPE).named.has(endpoints)) wanted.push(endpoints);
    }
    for (const name of removedResources) type.has.delete(name);
    if (wanted.length > 0) this.subscribe(ENDPOINTS_TYPE, wanted);
  }

  #assertNothingBlamed({ typeUrl, resources }: DeltaDiscoveryResponse): void {
    for (const { name, version } of resources) {
      const key = `${typeUrl} ${name}`;
      if (this.#blamed.get(key) === version) {
        // the first time it was asked for does not count
        const asks = this.#countAsk(key, -1) + this.#countAsk(`${typeUrl} *`, 0);
        assert(asks > 0, `refused before, and sent again: ${key}`);
      }
      this.#blamed.delete(key);
    }
  }

  #countAsk(key: string, change: number): number {
    const asks = (this.#asks.get(key) ?? 0) + change;
    this.#asks.set(key, asks);
    return asks;
  }

  #introduce(typeUrl: string, type: ClientType): void {
    type.isAsked = true;
    const asked = type.isWildcard ? [...type.named, '*'] : type.named;
    for (const name of asked) this.#countAsk(`${typeUrl} ${name}`, 1);
    // Envoy's old way of asking for everything is to ask for nothing.
    const isLegacy = type.isWildcard && type.named.size === 0;
    const wildcard = type.isWildcard && !isLegacy ? ['*'] : [];
    for (const name of type.named) if (!type.has.has(name)) type.owed.add(name);
    this.#send(typeUrl, {
      resourceNamesSubscribe: [...wildcard, ...type.named],
      initialResourceVersions: Object.fromEntries(type.has),
    });
  }

  #send(
    typeUrl: string,
    fields: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1],
  ): void {
    const request = create(DeltaDiscoveryRequestSchema, { typeUrl, ...fields });
    this.#options.send(toBinary(DeltaDiscoveryRequestSchema, request));
  }

  #type(typeUrl: string): ClientType {
    const type = this.#types.get(typeUrl) ?? {
      named: new Set<string>(),
      isWildcard: false,
      has: new Map<string, string>(),
      owed: new Set<string>(),
      isAsked: false,
    };
    this.#types.set(typeUrl, type);
    return type;
  }
}
