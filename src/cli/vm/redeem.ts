// The machine's side of a join: who the control plane is, by the hash in the token; then the token,
// to it and to nobody else; then what it says.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Join } from '#api/joins.ts';
import { parseCertificates, renderCertificate } from '#ca/certificate-reader.ts';
import { withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import {
  JoinRequestSchema,
  JoinResponseSchema,
  JoinRootsRequestSchema,
  JoinRootsResponseSchema,
} from '#gen/isthmus/v1/attend_pb.js';
import type { GrpcClientCall } from '#grpc/call.ts';
import { connectGrpc, type GrpcChannel } from '#grpc/client.ts';
import { grpcCodeName, GrpcStatus, GrpcStatusError, type GrpcOutcome } from '#grpc/status.ts';
import { pinOf, renderToken } from '#registry/joins/token.ts';
import { CONTROL_PLANE_NAME } from '#registry/vm/files.ts';
import { parseMachineFacts, type MachineFacts } from '#registry/vm/machine-facts.ts';
import type { JoinTarget } from './address.ts';
import { parseJoin } from './steps.ts';

const ROOTS_METHOD = '/isthmus.v1.JoinService/Roots';
const JOIN_METHOD = '/isthmus.v1.JoinService/Join';
const DEADLINE_MS = 10_000;
const GOODBYE_MS = 1_000;

/** PEM of the root that the token names. @throws OperatorError CONTROL_PLANE_UNREACHABLE, … */
export async function fetchPinnedRoot(target: JoinTarget, signal: AbortSignal): Promise<string> {
  const { host, port, token } = target;
  await using channel = connectGrpc({
    target: { host, port },
    tls: { ca: [], serverName: CONTROL_PLANE_NAME, isUnverified: true },
  });
  const request = toBinary(JoinRootsRequestSchema, create(JoinRootsRequestSchema));
  const response = await channel
    .unary(ROOTS_METHOD, request, { signal, deadlineMs: DEADLINE_MS })
    .catch((error: unknown) => {
      if (!(error instanceof GrpcStatusError)) throw error;
      throw unreachable(target, error.message);
    });
  const { rootsPem } = fromBinary(JoinRootsResponseSchema, response);
  const parsed = parseCertificates(rootsPem);
  const roots = parsed.ok ? parsed.value : [];
  const root = roots.find((certificate) => pinOf(certificate.raw) === token.pin);
  if (root) return renderCertificate(root);
  throw new OperatorError(
    'IDENTITY_REFUSED',
    `${host}:${port} is not the control plane that gave out the token`,
    {
      remedy:
        'the token was not sent: check the address, or whether something between reads along ' +
        'and speaks for it; if the mesh has a new root, make another token',
    },
  );
}

export const unreachable = ({ host, port }: JoinTarget, reason: string): OperatorError =>
  new OperatorError('CONTROL_PLANE_UNREACHABLE', `no control plane at ${host}:${port}: ${reason}`, {
    remedy:
      `see whether this machine reaches it: timeout 3 bash -c '</dev/tcp/${host}/${port}' && ` +
      'echo open; the token is not used yet',
  });

export type Machine = {
  readonly csrPem: string;
  /** The one towards the control plane first. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly os: string;
  readonly version: string;
};

/** An admitted machine's line to the control plane: facts first, then the join as it goes on. */
export class JoinLine implements AsyncDisposable {
  readonly #channel: GrpcChannel;
  readonly #call: GrpcClientCall;
  readonly #facts = Promise.withResolvers<MachineFacts>();
  readonly #closed = Promise.withResolvers<void>();
  #onJoin: (join: Join) => void = () => undefined;
  #latest: Join | undefined;

  /** @param rootPem from `fetchPinnedRoot` */
  constructor(target: JoinTarget, rootPem: string, machine: Machine) {
    const { host, port, token } = target;
    this.#channel = connectGrpc({
      target: { host, port },
      tls: { ca: rootPem, serverName: CONTROL_PLANE_NAME },
    });
    this.#call = this.#channel.stream(JOIN_METHOD);
    this.#call.onMessage = (bytes) => this.#receive(bytes);
    this.#call.onClose = (outcome) => {
      this.#facts.reject(refusal(target, outcome));
      this.#closed.resolve();
    };
    this.#facts.promise.catch(() => undefined); // told to whoever asks
    const { csrPem: csr, addresses, ...told } = machine;
    const request = { ...told, csr, addresses: [...addresses], token: renderToken(token) };
    this.#call.send(toBinary(JoinRequestSchema, create(JoinRequestSchema, request)));
  }

  /** @throws OperatorError IDENTITY_REFUSED, CONTROL_PLANE_UNREACHABLE */
  facts(): Promise<MachineFacts> {
    return this.#facts.promise;
  }

  /** The control plane says no more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Replaces the one before; told the latest at once. */
  follow(listener: (join: Join) => void): void {
    this.#onJoin = listener;
    if (this.#latest) listener(this.#latest);
  }

  /** Says why this machine cannot go on, so that whoever invited it sees it. */
  report(problem: string): void {
    this.#call.send(toBinary(JoinRequestSchema, create(JoinRequestSchema, { problem })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#call.halfClose(); // what was reported arrives before that
    const limit = { what: 'saying goodbye', limitMs: GOODBYE_MS };
    await withDeadline(limit, (signal) => Promise.race([this.closed, aborted(signal)]));
    await this.#channel.close();
  }

  #receive(bytes: Uint8Array): void {
    const { facts, join } = fromBinary(JoinResponseSchema, bytes);
    if (facts !== '') {
      const parsed = parseMachineFacts(facts);
      if (parsed) this.#facts.resolve(parsed);
      else this.#call.cancel();
    }
    const shown = join === '' ? undefined : parseJoin(parseJson(join));
    if (!shown) return;
    this.#latest = shown;
    this.#onJoin(shown);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(target: JoinTarget, { code, message }: GrpcOutcome): OperatorError {
  if (code === GrpcStatus.unavailable || code === GrpcStatus.deadlineExceeded) {
    return unreachable(target, message);
  }
  const said = message || grpcCodeName(code);
  return new OperatorError('IDENTITY_REFUSED', `the control plane refuses: ${said}`, {
    remedy: 'make another token: isthmus vm token NAME, then run the line that it prints here',
  });
}
