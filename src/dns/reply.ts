// Our own answers: a decision of the zone, as a DNS message that fits its transport. Pure.
import { assertNever } from '#base/assert-never.ts';
import {
  CLASS_IN,
  MESSAGE_BYTES_MAX,
  RCODE,
  TYPE,
  renderMessage,
  type DnsMessage,
  type Header,
  type ResourceRecord,
} from './packet.ts';
import { foldCase } from './packet-reader.ts';
import { isWithin, type Decision, type ZoneConfig } from './zone.ts';

/** How long a client may keep an address; Istio's proxy says the same. */
const TTL_SECONDS = 30;
/**
 * How long a client may keep a denial. As short as can be said: a service may be registered at any
 * moment, and asking again costs one packet on the loopback.
 */
const NEGATIVE_TTL_SECONDS = 1;
/** RFC 1035 §2.3.4: what every client takes by UDP. */
const UDP_PAYLOAD_BYTES = 512;
/** What we offer and send at most by UDP: never fragmented (the value of DNS Flag Day 2020). */
const EDNS_PAYLOAD_BYTES = 1232;
/** Pointer, type, class, TTL, length, and an IPv4 or IPv6 address. */
const A_RECORD_BYTES = 16;
const AAAA_RECORD_BYTES = 28;

export type Answer = Exclude<Decision, { readonly kind: 'ask' | 'forward' }>;
export type Transport = 'udp' | 'tcp';

export type ReplyContext = {
  readonly transport: Transport;
  readonly clusterDomain: ZoneConfig['clusterDomain'];
  /** From 0 (inclusive) to 1 (exclusive): spreads clients over the addresses. */
  readonly random: () => number;
};

/** @param query has one question, and is what the answer is to */
export function renderReply(query: DnsMessage, answer: Answer, context: ReplyContext): Uint8Array {
  switch (answer.kind) {
    case 'addresses':
      return renderAddresses(query, answer, context);
    case 'no-data':
      return renderNegative(query, RCODE.NOERROR, context);
    case 'no-such-name':
      return renderNegative(query, RCODE.NXDOMAIN, context);
    case 'unavailable':
      return renderError(query, RCODE.SERVFAIL);
    default:
      return assertNever(answer);
  }
}

/** An answer that says only that there is none. Not authoritative, so nobody keeps it. */
export function renderError(query: DnsMessage, rcode: number): Uint8Array {
  const header = { ...replyHeader(query.header, rcode), isAuthoritative: false };
  return renderMessage({ ...emptyReply(query), header });
}

/** The same for what has a header and is otherwise beyond reading. */
export function renderBareError(query: Header, rcode: number): Uint8Array {
  const header = { ...replyHeader(query, rcode), isAuthoritative: false };
  return renderMessage({ header, questions: [], answers: [], authorities: [], additionals: [] });
}

function replyHeader(query: Header, rcode: number): Header {
  return {
    ...query,
    isResponse: true,
    isAuthoritative: true,
    isTruncated: false,
    recursionAvailable: true,
    authenticData: false,
    rcode,
  };
}

/** Who sends EDNS gets EDNS (RFC 6891 §6.1.1). */
function emptyReply(query: DnsMessage): DnsMessage {
  const edns: ResourceRecord = {
    name: '',
    type: TYPE.OPT,
    class: EDNS_PAYLOAD_BYTES,
    ttlSeconds: 0,
    data: { kind: 'raw', bytes: new Uint8Array() },
  };
  return {
    header: replyHeader(query.header, RCODE.NOERROR),
    questions: query.questions,
    answers: [],
    authorities: [],
    additionals: query.additionals.some(({ type }) => type === TYPE.OPT) ? [edns] : [],
  };
}

/**
 * As many addresses as fit, in random order. When some are left out the message says that it is
 * truncated, so that clients ask again by TCP; old musl, which cannot, uses those that are there.
 */
function renderAddresses(
  query: DnsMessage,
  answer: Answer & { readonly kind: 'addresses' },
  { transport, random }: ReplyContext,
): Uint8Array {
  const asked = query.questions[0]?.name ?? '';
  const common = { class: CLASS_IN, ttlSeconds: answer.ttlSeconds ?? TTL_SECONDS };
  const alias: ResourceRecord[] =
    answer.alias === undefined
      ? []
      : [{ ...common, name: asked, type: TYPE.CNAME, data: { kind: 'name', name: answer.alias } }];
  const owner = answer.alias ?? asked;
  const records = shuffle(answer.addresses, random).map((address): ResourceRecord => ({
    ...common,
    name: owner,
    type: address.includes(':') ? TYPE.AAAA : TYPE.A,
    data: { kind: 'address', address },
  }));
  const bare = { ...emptyReply(query), answers: alias };
  const roomBytes = payloadBytesMax(query, transport) - renderMessage(bare).length;
  const isAllIpv4 = records.every(({ type }) => type === TYPE.A);
  const fitting = Math.floor(roomBytes / (isAllIpv4 ? A_RECORD_BYTES : AAAA_RECORD_BYTES));
  const header = { ...bare.header, isTruncated: fitting < records.length };
  return renderMessage({
    ...bare,
    header,
    answers: [...alias, ...records.slice(0, Math.max(0, fitting))],
  });
}

/** The longest message that this client takes by this transport. */
export function payloadBytesMax(query: DnsMessage, transport: Transport): number {
  if (transport === 'tcp') return MESSAGE_BYTES_MAX;
  const offered = query.additionals.find(({ type }) => type === TYPE.OPT)?.class ?? 0;
  return Math.min(Math.max(offered, UDP_PAYLOAD_BYTES), EDNS_PAYLOAD_BYTES);
}

/** NXDOMAIN or NOERROR without data: with an SOA record, which says how long it may be kept. */
function renderNegative(query: DnsMessage, rcode: number, context: ReplyContext): Uint8Array {
  const asked = query.questions[0]?.name ?? '';
  const { clusterDomain } = context;
  const zone = isWithin(foldCase(asked), clusterDomain) ? clusterDomain : asked;
  const soa: ResourceRecord = {
    name: zone,
    type: TYPE.SOA,
    class: CLASS_IN,
    ttlSeconds: NEGATIVE_TTL_SECONDS,
    data: {
      kind: 'soa',
      primary: zone,
      mailbox: zone,
      serial: 1,
      refreshSeconds: TTL_SECONDS,
      retrySeconds: TTL_SECONDS,
      expireSeconds: TTL_SECONDS,
      negativeTtlSeconds: NEGATIVE_TTL_SECONDS,
    },
  };
  const empty = emptyReply(query);
  return renderMessage({ ...empty, header: { ...empty.header, rcode }, authorities: [soa] });
}

/** Fisher and Yates: every order is as likely as any other. */
export function shuffle<T>(values: readonly T[], random: () => number): T[] {
  const shuffled = [...values];
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [shuffled[last], shuffled[other]];
    if (a !== undefined && b !== undefined) {
      shuffled[last] = b;
      shuffled[other] = a;
    }
  }
  return shuffled;
}
