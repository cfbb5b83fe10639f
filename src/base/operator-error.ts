// Failures that somebody can mend, and the one place that turns any failure into words.

/** Stable, documented in docs/errors.md and greppable. Messages may change; codes may not. */
export type ErrorCode =
  | 'ADDRESS_IN_USE'
  | 'API_SERVER_REFUSED'
  | 'API_SERVER_UNREACHABLE'
  | 'CAPTURE_FAILED'
  | 'CONFIG_INVALID'
  | 'CONTROL_PLANE_REFUSED'
  | 'CONTROL_PLANE_UNREACHABLE'
  | 'ENVOY_FAILED'
  | 'FILE_UNREADABLE'
  | 'IDENTITY_REFUSED'
  | 'LAB_FAILED'
  | 'NAME_TAKEN'
  | 'NOT_FOUND'
  | 'POSTGRES_FAILED'
  | 'SERVICE_FAILED'
  | 'STORE_FAILED'
  | 'TOOL_MISSING'
  | 'USAGE';

/** A failure that an operator can act on. Anything else that is thrown is a bug, and stays loud. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly code: ErrorCode;
  /** What to do next, as a sentence. */
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, options: { remedy: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** Exit status for an operator's error, for wrong usage, and for a bug (sysexits.h EX_SOFTWARE). */
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_BUG = 70;

/** The only place in the programs that turns an error into words and an exit status. */
export function renderFailure(error: unknown): {
  readonly text: string;
  readonly exitStatus: number;
} {
  if (error instanceof OperatorError) {
    const exitStatus = error.code === 'USAGE' ? EXIT_USAGE : EXIT_FAILURE;
    return { text: `error ${error.code}: ${error.message}\n  ${error.remedy}`, exitStatus };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `internal error (please report it):\n${detail}`, exitStatus: EXIT_BUG };
}
