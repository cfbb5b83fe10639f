// What to do with a DNS question: the decision alone, without sockets or time. Pure.
//
// A name is a mesh name when the control plane says so of one of its forms: the name itself (a
// ServiceEntry's host, a service's full name), a Kubernetes short form (`a`, `a.ns`, `a.ns.svc`), or
// one of these with a search domain behind it, as resolvers append it. Names not asked about before
// are asked about first. All that the mesh does not know goes to the resolver of before, unread.
import { CLASS_ANY, CLASS_IN, TYPE, type Question } from './packet.ts';
import { foldCase } from './packet-reader.ts';

/** Whose questions these are. All names are in lower case, without a final dot. */
export type ZoneConfig = {
  /** The workload's own namespace: `a` is `a.<namespace>.svc.<clusterDomain>`. */
  readonly namespace: string;
  /** Usually `cluster.local`. */
  readonly clusterDomain: string;
  /** Search domains of resolv.conf, in order. */
  readonly search: readonly string[];
  /**
   * Domains of which no resolver but the mesh knows anything: there, a name that the mesh does not
   * know does not exist. On a VM `cluster.local`; beside a cluster DNS server, nothing.
   */
  readonly authoritative: readonly string[];
};

/** What the control plane says of one name, kept up to date by it. */
export type NameRecord =
  /** A name of the mesh. Both lists may be empty: a service that has no address (yet). */
  | {
      readonly kind: 'addresses';
      readonly ipv4: readonly string[];
      readonly ipv6: readonly string[];
      /** How long a client may keep them; undefined: the usual time. */
      readonly ttlSeconds?: number;
    }
  /** No name of the mesh. */
  | { readonly kind: 'absent' }
  /** The control plane could not be asked, and has never said. */
  | { readonly kind: 'unreachable' };

export type Decision =
  /** Learn of these names (at most `CANDIDATES_MAX`), then decide again. */
  | { readonly kind: 'ask'; readonly names: readonly string[] }
  | {
      readonly kind: 'addresses';
      /** The name that the asked one is another form of, to be shown as a CNAME. */
      readonly alias: string | undefined;
      /** Never empty, in the control plane's order. */
      readonly addresses: readonly string[];
      readonly ttlSeconds?: number;
    }
  /** The name exists, but nothing of this type: NOERROR without answers. */
  | { readonly kind: 'no-data' }
  /** NXDOMAIN. */
  | { readonly kind: 'no-such-name' }
  /** SERVFAIL: the name is the mesh's to answer, and the mesh cannot be asked. */
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'forward' };

type Candidate = { readonly name: string; readonly alias: string | undefined };

/** Forms of one name: itself and a Kubernetes form, each with and without a search domain. */
export const CANDIDATES_MAX = 4;

/**
 * @param held what the control plane has said of a (folded) name; undefined when it was not asked.
 *   Wildcard hosts are held under their own name (`*.example.com`) and are never asked for: asked
 *   for `a.example.com`, the control plane itself minds them.
 */
export function decide(
  question: Question,
  config: ZoneConfig,
  held: (name: string) => NameRecord | undefined,
): Decision {
  if (question.class !== CLASS_IN && question.class !== CLASS_ANY) return { kind: 'forward' };
  const name = foldCase(question.name);
  const isOurs = config.authoritative.some((domain) => isWithin(name, domain));
  // TXT, MX and the like of an outside host are its owner's, even where the mesh has its address
  if (!dependsOnAddress(question.type) && !isOurs) return { kind: 'forward' };

  const candidates = candidatesOf(name, config);
  const unasked: string[] = [];
  let isUnsure = false;
  for (const candidate of candidates) {
    const record = held(candidate.name);
    if (record?.kind === 'addresses') {
      if (unasked.length > 0) break; // a more exact form may yet be known
      return answerFrom(record, candidate.alias, question.type);
    }
    if (record === undefined) unasked.push(candidate.name);
    if (record?.kind === 'unreachable') isUnsure = true;
  }
  if (unasked.length > 0) return { kind: 'ask', names: unasked };
  for (const candidate of candidates) {
    const record = heldWildcard(candidate.name, held);
    if (record) return answerFrom(record, candidate.alias, question.type);
  }
  if (!isOurs) return { kind: 'forward' };
  if (hasNamesBelow(name, config)) return { kind: 'no-data' };
  return { kind: isUnsure ? 'unavailable' : 'no-such-name' };
}

/**
 * Does the answer lead a client to an address? SVCB and HTTPS records do too, by their hints: of a
 * mesh name they must be denied, or clients would go around the mesh.
 */
function dependsOnAddress(type: number): boolean {
  const types: readonly number[] = [TYPE.A, TYPE.AAAA, TYPE.ANY, TYPE.SVCB, TYPE.HTTPS];
  return types.includes(type);
}

function answerFrom(
  record: NameRecord & { readonly kind: 'addresses' },
  alias: string | undefined,
  type: number,
): Decision {
  const addresses = [
    ...(type === TYPE.A || type === TYPE.ANY ? record.ipv4 : []),
    ...(type === TYPE.AAAA || type === TYPE.ANY ? record.ipv6 : []),
  ];
  if (addresses.length === 0) return { kind: 'no-data' };
  const { ttlSeconds } = record;
  return { kind: 'addresses', alias, addresses, ...(ttlSeconds !== undefined && { ttlSeconds }) };
}

/**
 * The forms under which the mesh may know this name, the most exact first.
 *
 * Only the first search domain counts, as resolvers try it first and stop at an answer (so does
 * Istio's proxy). And it counts only where it cannot hide a real host: when it is itself a domain of
 * the cluster, or when what stands before it is. `db.corp.example` is never the service `db`.
 */
function candidatesOf(name: string, config: ZoneConfig): Candidate[] {
  if (!mayBeMeshName(name)) return [];
  const candidates = formsOf(name, config).map((form) => ({ name: form, alias: undefined }));
  const [search = ''] = config.search;
  const before = name.endsWith(`.${search}`) ? name.slice(0, -search.length - 1) : '';
  const { clusterDomain } = config;
  const isSafe = isWithin(search, clusterDomain) || isWithin(before, clusterDomain);
  if (search === '' || !before.includes('.') || !isSafe) return candidates;
  const expanded = formsOf(before, config).map((form) => ({ name: form, alias: before }));
  return [...candidates, ...expanded];
}

/** The name itself, and what it is as a Kubernetes short form. */
function formsOf(name: string, { namespace, clusterDomain }: ZoneConfig): string[] {
  const labels = name.split('.').length;
  if (name.endsWith('.svc')) return [name, `${name}.${clusterDomain}`];
  if (labels === 1) return [name, `${name}.${namespace}.svc.${clusterDomain}`];
  if (labels === 2) return [name, `${name}.svc.${clusterDomain}`];
  return [name];
}

/** No host name of the mesh has escaped bytes; reverse lookups and localhost are not the mesh's. */
function mayBeMeshName(name: string): boolean {
  if (name === '' || name.includes('\\')) return false;
  return !isWithin(name, 'arpa') && !isWithin(name, 'localhost');
}

/** The wildcard with the longest tail that the control plane has told of. */
function heldWildcard(
  name: string,
  held: (name: string) => NameRecord | undefined,
): (NameRecord & { readonly kind: 'addresses' }) | undefined {
  const labels = name.split('.');
  for (let index = 1; index < labels.length; index += 1) {
    const record = held(`*.${labels.slice(index).join('.')}`);
    if (record?.kind === 'addresses') return record;
  }
  return undefined;
}

/**
 * The levels above services (`cluster.local`, `svc.cluster.local`, `<namespace>.svc.cluster.local`)
 * exist without data of their own. To deny them would deny all below: resolvers that follow
 * RFC 8020 or ask level by level (RFC 9156) would not even ask for the services.
 */
function hasNamesBelow(name: string, { authoritative, clusterDomain }: ZoneConfig): boolean {
  const services = `svc.${clusterDomain}`;
  if (authoritative.includes(name)) return true;
  return name === services || (name.endsWith(`.${services}`) && levelsAbove(name, services) === 1);
}

const levelsAbove = (name: string, domain: string): number =>
  name.slice(0, -domain.length - 1).split('.').length;

/** Is the name this domain or below it? */
export function isWithin(name: string, domain: string): boolean {
  return domain !== '' && (name === domain || name.endsWith(`.${domain}`));
}
