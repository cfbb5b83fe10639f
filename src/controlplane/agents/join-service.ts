// isthmus.v1.JoinService: strangers may call it, so it holds little for each and asks for the token
// first. Who has a good one gets a certificate for the key of its own request, and what its files
// are made of; then it is told how its join gets on.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Authority } from '#ca/authority.ts';
import type { Refusal } from '#ca/service.ts';
import { parseCertificateRequest } from '#ca/csr-reader.ts';
import type { Clock } from '#base/clock.ts';
import { canonicalIp } from '#base/ip.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { printable } from '#base/printable.ts';
import { isAbort } from '#base/tasks.ts';
import { identityProblem, spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import {
  JoinRequestSchema,
  JoinResponseSchema,
  JoinRootsResponseSchema,
  type JoinRequest,
} from '#gen/isthmus/v1/attend_pb.js';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import { unaryHandler } from '#grpc/unary.ts';
import type { KubeClient } from '#kube/client.ts';
import { KubeStatusError } from '#kube/status.ts';
import { WORKLOAD_LIFETIME_MS } from '#ca/authority.ts';
import { enrolMachine } from '#registry/enrol.ts';
import type { Joins } from '#registry/joins/joins.ts';
import { currentStep } from '#registry/joins/machine.ts';
import type { JoinRecord } from '#registry/joins/view.ts';
import { JOIN_STEPS } from '#api/joins.ts';
import { readMeshSettings } from '#registry/vm/facts.ts';
import type { MachineFacts } from '#registry/vm/machine-facts.ts';

export const JOIN_METHOD = '/isthmus.v1.JoinService/Join';
export const ROOTS_METHOD = '/isthmus.v1.JoinService/Roots';

export type JoinServiceOptions = {
  readonly joins: Joins;
  readonly client: KubeClient;
  readonly authority: () => Authority;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Logger;
  /** Told of machines whose token is no good. */
  readonly onRefused?: (refusal: Refusal) => void;
};

const REQUEST_BYTES_MAX = 32 << 10;
const CALLS_MAX = 200;
/** A machine that has called says its token at once. */
const FIRST_MESSAGE_MS = 10_000;
const TEXT_LENGTH_MAX = 200;
const PROBLEM_LENGTH_MAX = 1_000;
const ADDRESSES_MAX = 16;

export function joinServiceMethods(
  options: JoinServiceOptions,
): Readonly<Record<string, GrpcHandler>> {
  let open = 0;
  return {
    [ROOTS_METHOD]: unaryHandler(
      () => {
        const rootsPem = options.authority().trustBundlePem;
        const response = create(JoinRootsResponseSchema, { rootsPem });
        return Promise.resolve(toBinary(JoinRootsResponseSchema, response));
      },
      { requestBytesMax: 1024 },
    ),
    [JOIN_METHOD]: (call) => {
      if (open >= CALLS_MAX)
        return call.end(GrpcStatus.resourceExhausted, 'too many machines join');
      open += 1;
      const ended = new AbortController();
      call.onClose = () => {
        open -= 1;
        ended.abort();
      };
      serveJoin(call, options, ended.signal);
    },
  };
}

function serveJoin(call: GrpcCall, options: JoinServiceOptions, ended: AbortSignal): void {
  call.limitMessages(REQUEST_BYTES_MAX);
  let joined: string | undefined;
  let isAsked = false;
  const fail = (error: unknown): void => {
    if (ended.aborted && isAbort(error, ended)) return;
    const { code, message } = outcomeOf(error, options.log);
    call.end(code, message);
  };
  options.clock.sleep(FIRST_MESSAGE_MS, ended).then(
    () => isAsked || call.end(GrpcStatus.deadlineExceeded, 'no token came'),
    () => undefined,
  );
  call.onEnd = () => call.end();
  call.onMessage = (bytes) => {
    const request = decode(bytes);
    if (!request) return call.end(GrpcStatus.invalidArgument, 'that is no request to join');
    if (joined !== undefined) return noteProblem(options.joins, joined, request.problem);
    if (isAsked) return;
    isAsked = true;
    admitMachine(request, { ...options, remote: call.remoteAddress }, ended).then(
      ({ id, facts }) => {
        joined = id;
        call.send(encode({ facts: JSON.stringify(facts) }));
        follow(call, options.joins, id, ended);
      },
      fail,
    );
  };
}

/** Tells the machine of every step until the end; a machine that goes away is not missed. */
function follow(call: GrpcCall, joins: Joins, id: string, ended: AbortSignal): void {
  const stop = joins.onChange((join) => {
    if (join.id !== id) return;
    call.send(encode({ join: JSON.stringify(join) }));
    if (join.endedAtMs !== null) call.end();
  });
  ended.addEventListener('abort', stop, { once: true });
  const join = joins.get(id);
  if (join) call.send(encode({ join: JSON.stringify(join) }));
}

/** What the machine itself says of why it cannot go on. */
function noteProblem(joins: Joins, id: string, text: string): void {
  const problem = printable(text, PROBLEM_LENGTH_MAX);
  const record = joins.record(id);
  const step = record && JOIN_STEPS[currentStep(record.progress)];
  if (step && problem !== '') joins.note(id, { kind: 'failed', step, problem });
}

type Admitting = JoinServiceOptions & { readonly remote: string };

async function admitMachine(
  request: JoinRequest,
  options: Admitting,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly facts: MachineFacts }> {
  const { joins, audit, remote } = options;
  const redeemed = await joins.redeem(request.token);
  if (!redeemed.ok) {
    audit.warn('join refused', { remote, reason: redeemed.problem });
    options.onRefused?.({ reason: `join: ${redeemed.problem}`, remote, entry: '' });
    throw new GrpcStatusError(GrpcStatus.unauthenticated, redeemed.problem);
  }
  const record = redeemed.value;
  const { id } = record;
  const address = record.address || ownAddress(request);
  const words = [request.version && `agent ${request.version}`, request.os].filter(Boolean);
  const from = `${address || remote} → ${record.host}:${record.port}`;
  joins.note(id, {
    kind: 'proved',
    step: 'agent-called-in',
    evidence: printable([from, ...words].join(', '), TEXT_LENGTH_MAX),
  });
  try {
    const facts = await prove(record, { ...options, request, address }, signal);
    audit.info('machine joins', { join: id, by: record.by, remote, entry: facts.entry.name });
    return { id, facts };
  } catch (error) {
    const { message } = outcomeOf(error, options.log);
    joins.note(id, { kind: 'failed', step: 'machine-proven', problem: message });
    audit.warn('join failed', { join: id, by: record.by, remote, reason: message });
    throw error;
  }
}

/** The request's key becomes the workload's, and the workload has an entry. */
async function prove(
  record: JoinRecord,
  context: Admitting & { readonly request: JoinRequest; readonly address: string },
  signal: AbortSignal,
): Promise<MachineFacts> {
  const { joins, client, authority, trustDomain, clock, request, address } = context;
  const { id, namespace, serviceAccount } = record;
  if (address === '') throw invalid('the machine says no address by which others reach it');
  const csr = parseCertificateRequest(request.csr);
  if (!csr.ok) throw invalid(`the certificate request is refused: ${csr.problem}`);
  const name = await enrolMachine(client, record.enrolment, { address, signal });
  joins.bind(id, name);
  const holder = { kind: 'WorkloadEntry' as const, name };
  const identity: WorkloadIdentity = { trustDomain, namespace, serviceAccount, workload: holder };
  const problem = identityProblem(identity);
  if (problem !== undefined) throw invalid(`that identity cannot be certified: ${problem}`);
  const { publicKey, isRsa } = csr.value;
  const keyKind = isRsa ? 'RSA' : 'P-256';
  joins.note(id, {
    kind: 'proved',
    step: 'machine-proven',
    evidence: `token ok · ${keyKind} key · ${spiffeIdOf(identity)}`,
  });
  const nowMs = clock.nowMs();
  const current = authority();
  const issued = current.issueWorkload({
    publicKey,
    isRsa,
    identity,
    lifetimeMs: WORKLOAD_LIFETIME_MS,
    nowMs,
  });
  joins.note(id, {
    kind: 'proved',
    step: 'certificate-issued',
    evidence: `until ${new Date(issued.notAfterMs).toISOString()} · serial ${issued.serial}`,
  });
  const { proxyConfig } = await readMeshSettings(client, signal);
  return {
    service: record.workload,
    entry: {
      name,
      namespace,
      address,
      ports: record.ports,
      labels: labelsOf(record),
      serviceAccount,
    },
    gateway: record.host,
    trustDomain,
    proxyConfig,
    rootCertPem: current.trustBundlePem,
    chainPem: issued.chainPem,
  };
}

const labelsOf = ({ workload }: JoinRecord) => ({ app: workload, version: 'v1' });

/** The first that is an address at all; `enrolMachine` judges it. */
const ownAddress = ({ addresses }: JoinRequest): string =>
  addresses.slice(0, ADDRESSES_MAX).flatMap((text) => canonicalIp(text) ?? [])[0] ?? '';

const invalid = (message: string): GrpcStatusError =>
  new GrpcStatusError(GrpcStatus.invalidArgument, message);

function outcomeOf(
  error: unknown,
  log: Logger,
): { readonly code: GrpcStatusError['code']; readonly message: string } {
  if (error instanceof GrpcStatusError) return error;
  if (error instanceof OperatorError) {
    const message = `${error.message}; ${error.remedy}`;
    return { code: GrpcStatus.failedPrecondition, message };
  }
  if (error instanceof KubeStatusError) {
    return { code: GrpcStatus.failedPrecondition, message: error.message };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error('a join failed', { error: detail });
  return { code: GrpcStatus.internal, message: 'internal error' };
}

const encode = (response: { readonly facts?: string; readonly join?: string }): Uint8Array =>
  toBinary(JoinResponseSchema, create(JoinResponseSchema, response));

function decode(bytes: Uint8Array): JoinRequest | undefined {
  try {
    return fromBinary(JoinRequestSchema, bytes);
  } catch {
    return undefined;
  }
}
