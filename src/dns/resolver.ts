// One query to its answer: from the mesh where the name is the mesh's, else from the resolvers of
// before, byte for byte. Knows of transports only their size limits and how to ask further.
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { idOf, isTransfer, withId } from './exchange.ts';
import type { NameSource } from './name-table.ts';
import { OPCODE_QUERY, RCODE, parseHeader, parseMessage, type Question } from './packet.ts';
import { renderError, renderBareError, renderReply, type Transport } from './reply.ts';
import type { Upstream } from './resolv-conf.ts';
import { askInTurn, type UpstreamTimes } from './upstream.ts';
import { askByTcp, askByUdp, repliesByTcp, type SocketOptions } from './upstream-sockets.ts';
import { decide, type Decision, type NameRecord, type ZoneConfig } from './zone.ts';

/** A query as it came in. */
export type Incoming = {
  readonly bytes: Uint8Array;
  readonly transport: Transport;
  readonly from: { readonly address: string; readonly port: number };
  /** Aborted when nobody waits for the replies any more. */
  readonly gone?: AbortSignal;
};

export type ResolverLimits = {
  /** Queries being worked on; more are refused at once, so that clients turn elsewhere. */
  readonly inFlightMax: number;
  /** How long the control plane may take to say what a name is before others are asked. */
  readonly learnMs: number;
  readonly times: UpstreamTimes;
};

/** Counted since the start, for the agent's metrics. */
export type DnsCounts = {
  /** Answered from the mesh, also with "no data" and "no such name". */
  readonly answered: number;
  readonly forwarded: number;
  /** Ended in SERVFAIL of our own. */
  readonly failed: number;
  /** Not answered at all: shorter than a header, or itself an answer. */
  readonly dropped: number;
};

export type ResolverOptions = {
  readonly zone: ZoneConfig;
  readonly names: NameSource;
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: ResolverLimits;
  readonly sockets: SocketOptions;
  /** Aborted when the server closes: ends whatever is being asked. */
  readonly signal: AbortSignal;
};

/** Two rounds of asking always suffice: all forms of a name are asked for at once. */
const ROUNDS_MAX = 3;

export class Resolver {
  readonly #options: ResolverOptions;
  #zone: ZoneConfig;
  #upstreams: readonly Upstream[];
  #inFlight = 0;
  #loopWasReported = false;
  /**
   * Questions under way to the resolvers, by their bytes. Equal ones share one reply; so a loop
   * through whatever strangers waits for itself instead of growing.
   */
  readonly #forwarding = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #counts = { answered: 0, forwarded: 0, failed: 0, dropped: 0 };

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#zone = options.zone;
    this.#upstreams = options.upstreams;
  }

  get counts(): DnsCounts {
    return { ...this.#counts };
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a changed resolv.conf into account, from the next query on. */
  update(changed: { readonly zone: ZoneConfig; readonly upstreams: readonly Upstream[] }): void {
    this.#zone = changed.zone;
    this.#upstreams = changed.upstreams;
  }

  /** The replies to one query: one as a rule, none to what is no query, many to a zone transfer. */
  async *replies(incoming: Incoming): AsyncGenerator<Uint8Array, void> {
    const { bytes, transport } = incoming;
    const header = parseHeader(bytes);
    if (!header || header.isResponse) {
      this.#counts.dropped += 1;
      return;
    }
    if (this.#inFlight >= this.#options.limits.inFlightMax) {
      this.#counts.failed += 1;
      yield failureOf(bytes, RCODE.SERVFAIL);
      return;
    }
    this.#inFlight += 1;
    try {
      const own = header.opcode === OPCODE_QUERY ? await this.#ownReply(incoming) : undefined;
      if (own) yield own;
      else if (transport === 'tcp' && isTransfer(bytes)) yield* this.#transfer(incoming);
      else yield await this.#forward(incoming);
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** What the mesh answers; undefined when it is not the mesh's to answer. */
  async #ownReply({ bytes, transport }: Incoming): Promise<Uint8Array | undefined> {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return failureOf(bytes, RCODE.FORMERR);
    const query = parsed.value;
    const [question] = query.questions;
    if (!question || query.questions.length !== 1) return undefined;
    const decision = await this.#decide(question);
    if (decision.kind === 'forward') return undefined;
    const answer = decision.kind === 'ask' ? ({ kind: 'unavailable' } as const) : decision;
    this.#counts[answer.kind === 'unavailable' ? 'failed' : 'answered'] += 1;
    const { random } = this.#options.sockets;
    return renderReply(query, answer, {
      transport,
      random,
      clusterDomain: this.#zone.clusterDomain,
    });
  }

  async #decide(question: Question): Promise<Decision> {
    const { names } = this.#options;
    const learned = new Map<string, NameRecord>();
    const held = (name: string): NameRecord | undefined => learned.get(name) ?? names.held(name);
    let decision = decide(question, this.#zone, held);
    for (let round = 0; decision.kind === 'ask' && round < ROUNDS_MAX; round += 1) {
      for (const [name, record] of await this.#learn(decision.names)) learned.set(name, record);
      decision = decide(question, this.#zone, held);
    }
    return decision;
  }

  /** All names at once, within one deadline. */
  #learn(wanted: readonly string[]): Promise<(readonly [string, NameRecord])[]> {
    const { names, clock, limits, signal: parent } = this.#options;
    const deadline = { what: 'learning a name', limitMs: limits.learnMs, clock, parent };
    return withDeadline(deadline, (signal) =>
      Promise.all(wanted.map(async (name) => [name, await names.learn(name, signal)] as const)),
    );
  }

  /** The reply of a resolver, or our own SERVFAIL when none of them answers. */
  async #forward(incoming: Incoming): Promise<Uint8Array> {
    const { bytes, transport } = incoming;
    if (this.#isOwn(incoming)) return this.#failure(bytes);
    const key = `${transport} ${Buffer.from(bytes.subarray(2)).toString('latin1')}`;
    let reply = this.#forwarding.get(key);
    if (!reply) {
      reply = this.#askUpstreams(bytes, transport).finally(() => this.#forwarding.delete(key));
      this.#forwarding.set(key, reply);
    }
    const found = await reply;
    if (!found) return this.#failure(bytes);
    this.#counts.forwarded += 1;
    return withId(found, idOf(bytes));
  }

  async #askUpstreams(bytes: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> {
    const { clock, limits, sockets, signal } = this.#options;
    const askOne = transport === 'udp' ? askByUdp : askByTcp;
    return askInTurn(this.#underOwnId(bytes), {
      upstreams: this.#upstreams,
      ask: (query, upstream, signal) => askOne(query, upstream, { ...sockets, signal }),
      clock,
      times: limits.times,
      signal,
    });
  }

  #underOwnId(bytes: Uint8Array): Uint8Array {
    return withId(bytes, Math.floor(this.#options.sockets.random() * 0x1_0000));
  }

  /** A whole zone from the first resolver, message by message, for as long as the client stays. */
  async *#transfer(incoming: Incoming): AsyncGenerator<Uint8Array, void> {
    const { bytes, gone } = incoming;
    const [upstream] = this.#upstreams;
    if (!upstream || this.#isOwn(incoming)) {
      yield this.#failure(bytes);
      return;
    }
    const { sockets, signal: stopping } = this.#options;
    const signal = gone ? AbortSignal.any([stopping, gone]) : stopping;
    const query = this.#underOwnId(bytes);
    this.#counts.forwarded += 1;
    for await (const reply of repliesByTcp(query, upstream, { ...sockets, signal })) {
      yield withId(reply, idOf(bytes));
    }
  }

  #failure(bytes: Uint8Array): Uint8Array {
    this.#counts.failed += 1;
    return failureOf(bytes, RCODE.SERVFAIL);
  }

  /** Did this query leave here, to come back by a redirection? Said once: it would never end. */
  #isOwn({ from }: Incoming): boolean {
    if (!this.#options.sockets.ownEnds.has(from.address, from.port)) return false;
    if (!this.#loopWasReported) {
      this.#loopWasReported = true;
      const remedy = 'exclude the agent’s source ports from the redirection of port 53';
      this.#options.log.error('DNS queries to the resolvers are captured again', { remedy });
    }
    return true;
  }
}

/** An error reply to whatever this is; with its question, where that can be read. */
function failureOf(bytes: Uint8Array, rcode: number): Uint8Array {
  const parsed = parseMessage(bytes);
  const header = parseHeader(bytes);
  if (parsed.ok) return renderError(parsed.value, rcode);
  return header ? renderBareError(header, rcode) : new Uint8Array();
}
