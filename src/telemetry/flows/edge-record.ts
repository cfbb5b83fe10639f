// One edge in memory: what both ends say of it now. What was is the history's.
import type { Disagreement, Failure, MeshEdge, Reporter, Sample } from '#api/graph.ts';
import { ByteAgreement } from './byte-agreement.ts';
import type { Durations } from '#base/durations.ts';
import { EncryptionLedger, type Session } from './encryption-ledger.ts';
import { HttpLedger } from './http-ledger.ts';
import { JoinedAccount } from './joined-account.ts';
import { addQuantities, noQuantities, OPENED, REQUESTS, TO_CLIENT } from './quantities.ts';
import { FAILED, isNothing, REQUEST_MS, TO_SERVER, type Quantities } from './quantities.ts';
import type { EdgeWitness } from './flows.ts';
import type { ReportingAgent } from './reporters.ts';

/** What names an edge. */
export type EdgeName = Pick<MeshEdge, 'from' | 'to' | 'port' | 'protocol'>;

/** The part of an edge that outlives isthmusd. */
export type StoredEdge = EdgeName & {
  readonly id: string;
  readonly index: number;
  readonly application: string;
  readonly service: string;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
};

/** Rates are means of so many seconds: a batch may come a little before its second or after. */
const SMOOTHED_OVER = 3;
const DENIAL_INTERVAL_MS = 1000;
/** A failure that is over is told for so long: whoever looks a moment later still sees it. */
const FAILURE_TOLD_MS = 10_000;
/** An end that was heard within this of the other reports, too. */
const REPORTS_MS = 5 * 60_000;
/** Which of two reporters spoke last says nothing when both speak every second. */
const SAME_TIME_MS = 5000;

export class EdgeRecord {
  readonly id: string;
  readonly index: number;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: MeshEdge['protocol'];
  application: string;
  service: string;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  account = new JoinedAccount();
  encryption = new EncryptionLedger();
  agreement = new ByteAgreement();
  #failure: Failure | null = null;
  #workedAtMs = 0;
  #reachedAtMs = 0;
  /** Who has reported it, by end. */
  agents: Readonly<Record<Reporter, Set<ReportingAgent>>> = {
    source: new Set(),
    destination: new Set(),
  };
  /** Open connections, as each end counts them. */
  readonly open: Record<Reporter, number> = { source: 0, destination: 0 };
  /** Nobody who reported it is heard. */
  isSilent = false;
  /** It is no longer at hand: whoever reports it is to ask for it anew. */
  isPutAway = false;
  #denialToldMs = 0;
  /** Undefined: no requests in the last minute. */
  #http: HttpLedger | undefined;
  readonly #second = noQuantities();
  readonly #bytes: [toServer: number, toClient: number][] = [];

  constructor(stored: StoredEdge) {
    this.id = stored.id;
    this.index = stored.index;
    this.from = stored.from;
    this.to = stored.to;
    this.port = stored.port;
    this.protocol = stored.protocol;
    this.application = stored.application;
    this.service = stored.service;
    this.firstSeenMs = stored.firstSeenMs;
    this.lastSeenMs = stored.lastSeenMs;
  }

  get openConnections(): number {
    return Math.max(this.open.source, this.open.destination);
  }

  /** Streams and connections still name it: what is large of it is given back. */
  putAway(): void {
    this.isPutAway = true;
    this.account = NOTHING.account;
    this.encryption = NOTHING.encryption;
    this.agreement = NOTHING.agreement;
    this.agents = NOBODY;
    this.#http = undefined;
    this.#bytes.length = 0;
  }

  /** What was counted in this second, for the sample. */
  count(joined: Quantities, atMs: number): void {
    addQuantities(this.#second, joined);
    const hasRequests = (joined[REQUESTS] ?? 0) > 0;
    if (hasRequests || this.#http) (this.#http ??= new HttpLedger()).count(joined, atMs);
  }

  /** How long requests took, as one end says. */
  time(reporter: Reporter, durations: Durations, atMs: number): void {
    (this.#http ??= new HttpLedger()).time(reporter, durations, atMs);
  }

  seen(reporter: Reporter, session: Session, report: { bytes: number; atMs: number }): void {
    this.lastSeenMs = Math.max(this.lastSeenMs, report.atMs);
    this.encryption.record(reporter, session, report);
  }

  failed(failure: Failure): void {
    this.#failure = failure;
  }

  /** The server has answered somebody. */
  worked(atMs: number): void {
    this.#workedAtMs = Math.max(this.#workedAtMs, atMs);
  }

  /** Packets have got from one machine to the other. */
  reached(atMs: number): void {
    this.#reachedAtMs = Math.max(this.#reachedAtMs, atMs);
  }

  witness(): EdgeWitness {
    const answeredMs = this.#workedAtMs;
    return { reachedMs: Math.max(this.#reachedAtMs, answeredMs), answeredMs };
  }

  /** One denial a second is told, however many there are; all are counted. */
  mayTellDenial(atMs: number): boolean {
    if (atMs - this.#denialToldMs < DENIAL_INTERVAL_MS) return false;
    this.#denialToldMs = atMs;
    return true;
  }

  /** The second is over. @returns undefined: nothing has moved for long enough to have been told */
  sample(nowMs: number): Sample | undefined {
    const second = this.#second;
    const hasAged = this.#http?.age(nowMs) ?? false;
    const wasMoving = this.#bytes.length > 0;
    if (!wasMoving && !hasAged && isNothing(second)) return undefined;
    this.#bytes.push([second[TO_SERVER] ?? 0, second[TO_CLIENT] ?? 0]);
    if (this.#bytes.length > SMOOTHED_OVER) this.#bytes.shift();
    const mean = (at: 0 | 1): number =>
      Math.round(this.#bytes.reduce((sum, bytes) => sum + bytes[at], 0) / this.#bytes.length);
    const requests = second[REQUESTS] ?? 0;
    const sample: SecondSample = [
      this.index,
      mean(0),
      mean(1),
      this.openConnections,
      second[OPENED] ?? 0,
      second[FAILED] ?? 0,
      requests,
      requests === 0 ? 0 : Math.round(((second[REQUEST_MS] ?? 0) / requests) * 10) / 10,
    ];
    const isStill = isNothing(second) && this.#bytes.every(([up, down]) => up + down === 0);
    if (isStill) this.#bytes.length = 0; // told once more, with zeros
    second.fill(0);
    return this.#http ? [...sample, ...this.#minute(nowMs)] : sample;
  }

  /** What a sample says of the last minute's requests; nothing where there were none. */
  #minute(nowMs: number): HttpSample | [] {
    const http = this.#http?.state(nowMs);
    if (!http) {
      this.#http = undefined;
      return [];
    }
    const { requests, failed, clientErrors } = http;
    const { p50Ms = null, p95Ms = null, p99Ms = null } = http.client ?? http.server ?? {};
    const share = (count: number): number => Math.min(1, round4(count / requests));
    return [share(failed), clientErrors === null ? null : share(clientErrors), p50Ms, p95Ms, p99Ms];
  }

  /** Anything but numbers that change every second: when this differs, the edge has changed. */
  fingerprint(nowMs: number): string {
    const { state, version, clientIdentity, serverIdentity } = this.encryption.told();
    const said = [state, version, clientIdentity, serverIdentity];
    const { flags = '', atMs = 0 } = this.#failureTold(nowMs) ?? {};
    const about = this.#disagreement()?.about;
    const ends = [this.agents.source.size > 0, this.agents.destination.size > 0];
    return JSON.stringify([said, flags, atMs, about, ends, this.service, this.application]);
  }

  state(nowMs: number): MeshEdge {
    const { id, index, from, to, port, protocol, application, service } = this;
    return {
      id,
      index,
      from,
      to,
      port,
      protocol,
      application,
      service,
      encryption: this.encryption.state(nowMs),
      recent: this.encryption.recent(nowMs),
      http: this.#http?.state(nowMs) ?? null,
      reporters: this.#reporters(),
      disagreement: this.#disagreement(),
      failure: this.#failureTold(nowMs),
      firstSeenMs: this.firstSeenMs,
      lastSeenMs: this.lastSeenMs,
    };
  }

  /** null: none, or what failed has worked since. */
  #failureTold(nowMs: number): Failure | null {
    const failure = this.#failure;
    if (failure === null || this.#workedAtMs <= failure.atMs) return failure;
    return nowMs - failure.atMs < FAILURE_TOLD_MS ? failure : null;
  }

  #reporters(): readonly Reporter[] {
    const { source, destination } = this.account;
    const ends: Reporter[] = [];
    // who has been silent for long while the other went on reports no more, or to another isthmusd
    const sinceMs = Math.max(source.atMs, destination.atMs) - REPORTS_MS;
    if (source.atMs > Math.max(0, sinceMs)) ends.push('source');
    if (destination.atMs > Math.max(0, sinceMs)) ends.push('destination');
    return destination.atMs - source.atMs > SAME_TIME_MS ? ends.toReversed() : ends;
  }

  #disagreement(): Disagreement | null {
    const encryption = this.encryption.disagreement();
    if (encryption) return { about: 'encryption', ...encryption };
    const bytes = this.agreement.disagreement();
    return bytes ? { about: 'bytes', ...bytes } : null;
  }
}

/** Of edges that are put away: nobody reads what is written here. */
const NOTHING = {
  account: new JoinedAccount(),
  encryption: new EncryptionLedger(),
  agreement: new ByteAgreement(),
};
const NOBODY = { source: new Set<ReportingAgent>(), destination: new Set<ReportingAgent>() };

type SecondSample = [number, number, number, number, number, number, number, number];
type HttpSample = [number, number | null, number | null, number | null, number | null];

const round4 = (share: number): number => Math.round(share * 1e4) / 1e4;
