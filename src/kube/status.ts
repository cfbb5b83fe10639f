// What a Kubernetes API server answers when it refuses: a `Status`, here as an error with its code.
import { isRecord } from './objects.ts';

/** https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind */
export type KubeStatus = {
  /** HTTP status code. */
  readonly code: number;
  /** Machine-readable, such as `NotFound`; empty when the server named none. */
  readonly reason: string;
  /** For people, such as `services "a" not found`. */
  readonly message: string;
  readonly details: {
    readonly causes: readonly { readonly field: string; readonly message: string }[];
    /** How long the server asks to be left alone, when it says so. */
    readonly retryAfterSeconds: number | undefined;
  };
};

/** The API server understood and refused. Being unreachable is an OperatorError instead. */
export class KubeStatusError extends Error {
  override readonly name = 'KubeStatusError';
  readonly status: KubeStatus;

  constructor(status: KubeStatus) {
    super(status.message);
    this.status = status;
  }
}

export const isNotFound = (error: unknown): boolean => hasCode(error, 404);
/** The resource version is too old to go on from: list again. */
export const isExpired = (error: unknown): boolean => hasCode(error, 410);
/** Somebody else created it first. */
export const isAlreadyExists = (error: unknown): boolean =>
  hasCode(error, 409) && error.status.reason === 'AlreadyExists';
/** Somebody else changed it first: read it again and decide anew. */
export const isConflict = (error: unknown): boolean =>
  hasCode(error, 409) && error.status.reason !== 'AlreadyExists';

function hasCode(error: unknown, code: number): error is KubeStatusError {
  return error instanceof KubeStatusError && error.status.code === code;
}

/** Longest text of an answer that is no Status (a proxy's error page) that goes into a message. */
const FOREIGN_TEXT_LENGTH_MAX = 200;

/** Reads a failure's body, which a proxy in between may have written in a form of its own. */
export function parseStatus(code: number, body: string): KubeStatus {
  const value = parseJson(body);
  if (!isRecord(value) || value['kind'] !== 'Status') {
    const text = body.replaceAll(/\s+/g, ' ').trim().slice(0, FOREIGN_TEXT_LENGTH_MAX);
    const message = `the server answered ${code}${text && `: ${text}`}`;
    return { code, reason: '', message, details: { causes: [], retryAfterSeconds: undefined } };
  }
  return statusOf(value, code);
}

/** A decoded `Status` object; `fallbackCode` is used when it carries no code of its own. */
export function statusOf(value: Record<string, unknown>, fallbackCode: number): KubeStatus {
  const details = isRecord(value['details']) ? value['details'] : {};
  const causes = Array.isArray(details['causes']) ? details['causes'].filter(isRecord) : [];
  const retryAfterSeconds = details['retryAfterSeconds'];
  const code = typeof value['code'] === 'number' ? value['code'] : fallbackCode;
  return {
    code,
    reason: textOf(value['reason']),
    message: textOf(value['message']) || `the server answered ${code}`,
    details: {
      causes: causes.map((cause) => ({
        field: textOf(cause['field']),
        message: textOf(cause['message']),
      })),
      retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined,
    },
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller describes it as foreign text
  }
}
