// What the find language can ask of a workload and of an edge. A field that one of them does not
// have is undefined there: it neither matches nor, negated, matches.
import type { MeshEdge, MeshNode } from '../api/types.ts';
import type { EdgeNumbers } from '../store/samples.ts';

export type FieldType = 'text' | 'flag' | 'number' | 'rate' | 'duration' | 'share';
/** Several: it matches when one of them does. */
export type FieldValue =
  | string
  | number
  | boolean
  | readonly (string | number)[]
  | null
  | undefined;

/** What an edge's questions need to know around it. */
export type EdgeFacts = {
  readonly edge: MeshEdge;
  readonly from: MeshNode | undefined;
  readonly to: MeshNode | undefined;
  readonly numbers: EdgeNumbers | undefined;
  readonly movedMs: number;
  readonly nowMs: number;
};

export type NodeFacts = {
  readonly node: MeshNode;
  readonly isSilent: boolean;
  readonly nowMs: number;
};

type Field = {
  readonly type: FieldType;
  readonly about: string;
  readonly node?: (facts: NodeFacts) => FieldValue;
  readonly edge?: (facts: EdgeFacts) => FieldValue;
};

const seconds = (ms: number): number => ms / 1000;

const totalOf = ({ numbers }: EdgeFacts): number | undefined =>
  numbers && numbers.toServerBytes + numbers.toClientBytes;

const isEncrypted = ({ edge }: EdgeFacts): boolean | undefined => {
  const { state } = edge.encryption;
  return state === 'unknown' ? undefined : state === 'mutual' || state === 'one-sided';
};

const isDenied = ({ edge }: EdgeFacts): boolean =>
  edge.failure !== null && /UAEX|rbac|denied/i.test(`${edge.failure.flags} ${edge.failure.text}`);

const namesOf = ({ edge, from, to }: EdgeFacts): string[] => [
  from?.name ?? edge.from,
  to?.name ?? edge.to,
];

const identitiesOf = ({ edge }: EdgeFacts): string[] => [
  edge.encryption.clientIdentity,
  edge.encryption.serverIdentity,
];

const took = ({ numbers }: EdgeFacts, of: 'p50Ms' | 'p95Ms' | 'p99Ms'): number | null => {
  const ms = numbers?.[of] ?? null;
  return ms === null ? null : seconds(ms);
};

/** When traffic was seen last: by a tick since the page is open, else by the record. */
const idleSeconds = ({ edge, movedMs, nowMs }: EdgeFacts): number =>
  seconds(nowMs - Math.max(movedMs, edge.lastSeenMs));

const TABLE = {
  name: { type: 'text', about: 'name', node: ({ node }) => node.name, edge: namesOf },
  kind: {
    type: 'text',
    about: 'pod, vm, gateway, external or unknown',
    node: ({ node }) => node.kind,
  },
  namespace: {
    type: 'text',
    about: 'namespace',
    node: ({ node }) => node.namespace,
    edge: ({ from, to }) => [from?.namespace ?? '', to?.namespace ?? ''],
  },
  network: { type: 'text', about: 'network', node: ({ node }) => node.network },
  address: { type: 'text', about: 'address', node: ({ node }) => node.addresses },
  service: {
    type: 'text',
    about: 'host of a service',
    node: ({ node }) => node.services,
    edge: ({ edge }) => edge.service,
  },
  version: { type: 'text', about: 'version label', node: ({ node }) => node.version },
  identity: {
    type: 'text',
    about: 'SPIFFE ID, of either end',
    node: ({ node }) => node.identity,
    edge: identitiesOf,
  },
  health: { type: 'text', about: 'healthy, unhealthy or unknown', node: ({ node }) => node.health },
  cert: {
    type: 'duration',
    about: 'time until the certificate ends',
    node: ({ node, nowMs }) => node.certificate && seconds(node.certificate.notAfterMs - nowMs),
  },
  vm: { type: 'flag', about: 'is a virtual machine', node: ({ node }) => node.kind === 'vm' },
  joining: { type: 'flag', about: 'is joining', node: ({ node }) => node.state === 'joining' },
  silent: { type: 'flag', about: 'has not reported', node: ({ isSilent }) => isSilent },
  healthy: {
    type: 'flag',
    about: 'is healthy',
    node: ({ node }) => (node.health === 'unknown' ? undefined : node.health === 'healthy'),
  },
  port: {
    type: 'number',
    about: 'port',
    node: ({ node }) => node.ports.map(({ port }) => port),
    edge: ({ edge }) => edge.port,
  },
  from: { type: 'text', about: 'who calls', edge: (facts) => namesOf(facts)[0] },
  to: { type: 'text', about: 'who is called', edge: (facts) => namesOf(facts)[1] },
  protocol: { type: 'text', about: 'tcp, http or grpc', edge: ({ edge }) => edge.protocol },
  app: { type: 'text', about: 'application, as postgres', edge: ({ edge }) => edge.application },
  tcp: {
    type: 'rate',
    about: 'bytes both ways, of TCP',
    edge: (facts) => (facts.edge.protocol === 'tcp' ? totalOf(facts) : undefined),
  },
  traffic: { type: 'rate', about: 'bytes both ways', edge: totalOf },
  toserver: { type: 'rate', about: 'bytes to server', edge: (f) => f.numbers?.toServerBytes },
  toclient: { type: 'rate', about: 'bytes to client', edge: (f) => f.numbers?.toClientBytes },
  conn: { type: 'number', about: 'open connections', edge: (f) => f.numbers?.open },
  failed: { type: 'number', about: 'failed per second', edge: (f) => f.numbers?.failed },
  denied: {
    type: 'number',
    about: 'denied per second',
    edge: (facts) => (isDenied(facts) ? facts.numbers?.failed : 0),
  },
  requests: { type: 'number', about: 'requests per second', edge: (f) => f.numbers?.requests },
  latency: {
    type: 'duration',
    about: 'mean time of requests',
    edge: ({ edge, numbers }) =>
      edge.protocol === 'tcp' || !numbers ? undefined : seconds(numbers.requestMs),
  },
  p50: { type: 'duration', about: 'median time of requests', edge: (f) => took(f, 'p50Ms') },
  p95: { type: 'duration', about: '95 % of requests took less', edge: (f) => took(f, 'p95Ms') },
  p99: { type: 'duration', about: '99 % of requests took less', edge: (f) => took(f, 'p99Ms') },
  errors: {
    type: 'share',
    about: 'requests that failed, as 5xx, in %',
    edge: ({ numbers }) => numbers?.errorShare,
  },
  clienterrors: {
    type: 'share',
    about: 'requests answered 4xx, in %',
    edge: ({ numbers }) => numbers?.clientErrorShare,
  },
  idle: { type: 'duration', about: 'time without traffic', edge: idleSeconds },
  mtls: { type: 'flag', about: 'is encrypted', edge: isEncrypted },
  plaintext: {
    type: 'flag',
    about: 'is not encrypted, in part or whole',
    edge: ({ edge }) => ['plaintext', 'mixed'].includes(edge.encryption.state),
  },
  failing: { type: 'flag', about: 'fails', edge: ({ edge }) => edge.failure !== null },
  disagree: {
    type: 'flag',
    about: 'its ends disagree',
    edge: ({ edge }) => edge.disagreement !== null,
  },
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof TABLE;

export const FIELDS: Readonly<Record<FieldName, Field>> = TABLE;

export const isField = (name: string): name is FieldName => Object.hasOwn(TABLE, name);

/** For completion: the fields that begin so. */
export const fieldsBeginning = (start: string): FieldName[] =>
  (Object.keys(TABLE) as FieldName[]).filter((name) => name.startsWith(start.toLowerCase()));
