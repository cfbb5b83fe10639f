// Who the workload's peers are, as the control plane knows them: one type of the agent's own
// stream. A peer is asked for when it is first met, and from then on kept up to date by push.
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { coalesce } from '#base/coalesce.ts';
import type { Logger } from '#base/log.ts';
import type { Resource } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  WorkloadFactsSchema,
  type WorkloadFacts as WorkloadFactsMessage,
} from '#gen/isthmus/v1/agent_pb.js';
import { UNKNOWN, UNKNOWN_WORKLOAD, type WorkloadFacts } from '#telemetry/report.ts';
import type { Change, OwnType, Update, Wanted } from './own-stream.ts';

/** Those met last are kept: who is met again is asked for again. */
const PEERS_MAX = 2048;

export type PeerFactsOptions = {
  /** Tells the control plane, if it is there. */
  readonly change: (change: Change) => void;
  readonly log: Logger;
};

export class PeerFacts implements OwnType {
  readonly typeUrl = `type.googleapis.com/${WorkloadFactsSchema.typeName}`;
  readonly #options: PeerFactsOptions;
  /** undefined: asked for. The one met last is the last. */
  readonly #facts = new Map<string, WorkloadFacts | undefined>();
  /** Not told yet: is the peer wanted from now on, or no longer? */
  readonly #pending = new Map<string, boolean>();
  readonly #tellSoon = coalesce(() => this.#tell());

  constructor(options: PeerFactsOptions) {
    this.#options = options;
  }

  /** undefined: not known yet, and asked for. */
  factsOf(peer: string): WorkloadFacts | undefined {
    const isAsked = this.#facts.has(peer);
    const facts = this.#facts.get(peer);
    this.#facts.delete(peer);
    if (!isAsked) {
      if (this.#facts.size >= PEERS_MAX) this.#forgetOldest();
      this.#want(peer, true);
    }
    this.#facts.set(peer, facts);
    return facts;
  }

  begin(): Wanted {
    this.#pending.clear();
    return { names: [...this.#facts.keys()], versions: {} };
  }

  receive({ resources, removed }: Update): string | undefined {
    const problems: string[] = [];
    for (const resource of resources) {
      const facts = parseResource(resource);
      if (facts === undefined) problems.push(`${resource.name}: not an isthmus.v1.WorkloadFacts`);
      else this.#accept(resource.name, facts);
    }
    // the control plane would not hold so many names for us
    for (const name of removed) this.#accept(name, UNKNOWN_WORKLOAD);
    if (problems.length === 0) return undefined;
    const reason = problems.join('; ');
    this.#options.log.error('facts of peers rejected, the former stay', { reason });
    return reason;
  }

  /** What is known stays known. */
  end(): void {}

  #accept(peer: string, facts: WorkloadFacts): void {
    if (this.#facts.has(peer)) this.#facts.set(peer, facts);
  }

  #forgetOldest(): void {
    for (const peer of this.#facts.keys()) {
      this.#facts.delete(peer);
      this.#want(peer, false);
      return;
    }
  }

  #want(peer: string, isWanted: boolean): void {
    this.#pending.set(peer, isWanted);
    this.#tellSoon();
  }

  #tell(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    if (pending.length === 0) return; // a stream has begun meanwhile
    const namesOf = (wanted: boolean): string[] =>
      pending.filter(([, isWanted]) => isWanted === wanted).map(([name]) => name);
    this.#options.change({ subscribe: namesOf(true), unsubscribe: namesOf(false) });
  }
}

function parseResource({ resource }: Resource): WorkloadFacts | undefined {
  let message: WorkloadFactsMessage | undefined;
  try {
    message = resource && anyUnpack(resource, WorkloadFactsSchema);
  } catch {
    return undefined; // not the bytes of one
  }
  if (!message) return undefined;
  if (!message.known) return UNKNOWN_WORKLOAD;
  return {
    workload: message.workload || UNKNOWN,
    namespace: message.namespace || UNKNOWN,
    app: message.app || UNKNOWN,
    version: message.version || UNKNOWN,
    canonicalService: message.canonicalService || UNKNOWN,
    canonicalRevision: message.canonicalRevision || UNKNOWN,
    cluster: message.cluster || UNKNOWN,
  };
}
