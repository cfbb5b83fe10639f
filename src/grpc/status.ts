// gRPC status codes and their form on the wire (grpc/doc/statuscodes.md, PROTOCOL-HTTP2.md).

export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type GrpcCode = (typeof GrpcStatus)[keyof typeof GrpcStatus];

/** How a call ended. */
export type GrpcOutcome = { readonly code: GrpcCode; readonly message: string };

/** A call that did not end in OK. The message came from, or goes to, the other side. */
export class GrpcStatusError extends Error {
  override readonly name = 'GrpcStatusError';
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

const NAMES = new Map<number, string>(
  Object.entries(GrpcStatus).map(([name, code]) => [
    code,
    name.replaceAll(/[A-Z]/g, '_$&').toUpperCase(),
  ]),
);

const CODES = new Map<string, GrpcCode>(
  Object.values(GrpcStatus).map((code) => [String(code), code]),
);

/** `UNAVAILABLE` for 14: for logs and messages. */
export function grpcCodeName(code: GrpcCode): string {
  return NAMES.get(code) ?? `CODE_${code}`;
}

/** The code of a `grpc-status` trailer; what is missing or no code at all is UNKNOWN. */
export function parseGrpcCode(text: string | undefined): GrpcCode {
  return CODES.get(text ?? '') ?? GrpcStatus.unknown;
}

/** A `grpc-message` is a header: longer texts are cut, lest they overflow a peer's table. */
const MESSAGE_LENGTH_MAX = 1024;

/** Percent-encodes what a `grpc-message` may not carry (all but printable ASCII, and `%`). */
export function encodeGrpcMessage(message: string): string {
  const cut = message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed();
  return cut.replaceAll(/[^ -$&-~]/gu, (character) => encodeURIComponent(character));
}

/** The reverse; a badly encoded text is passed on as it came, as the specification asks. */
export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
