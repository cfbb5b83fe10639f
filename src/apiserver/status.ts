// Failures as the Kubernetes API tells them: a `Status` object and the HTTP code it goes with.
import { OperatorError } from '#base/operator-error.ts';
import { StorageFullError } from './store/sqlite-failure.ts';
import { CompactedError } from './store/store.ts';
import type { Violation } from './violation.ts';
import { renderViolation } from './violation.ts';

export type StatusCause = {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
};

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource, or the kind when `reason` is Invalid. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

export type Status = {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
};

/** A request that is refused: thrown anywhere below, answered once at the request's boundary. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;

  constructor(
    code: number,
    reason: string,
    message: string,
    extra: { readonly details?: StatusDetails; readonly continue?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: extra.cause });
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: extra.continue === undefined ? {} : { continue: extra.continue },
      status: 'Failure',
      message,
      reason,
      ...(extra.details && { details: extra.details }),
      code,
    };
  }
}

/** A resource by its group and plural, as messages name it: `deployments.apps`, `pods`. */
export type GroupResource = { readonly group: string; readonly plural: string };

export function resourceName({ group, plural }: GroupResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf(resource: GroupResource, name: string): StatusDetails {
  const { group, plural } = resource;
  return {
    ...(name !== '' && { name }),
    ...(group !== '' && { group }),
    kind: plural,
  };
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function forbiddenFor(resource: GroupResource, name: string, why: string): StatusError {
  const message =
    name === ''
      ? `${resourceName(resource)} is forbidden: ${why}`
      : `${resourceName(resource)} ${JSON.stringify(name)} is forbidden: ${why}`;
  return new StatusError(403, 'Forbidden', message, { details: detailsOf(resource, name) });
}

export function notFoundError(resource: GroupResource, name: string): StatusError {
  const message = `${resourceName(resource)} ${JSON.stringify(name)} not found`;
  return new StatusError(404, 'NotFound', message, { details: detailsOf(resource, name) });
}

const UNKNOWN = 'the server could not find the requested resource';

/** The resource exists, but not in this place. */
export function misplacedResource(): StatusError {
  return new StatusError(404, 'NotFound', UNKNOWN, { details: {} });
}

/**
 * The group and version exist, the resource or subresource in them does not. Named, because kubectl
 * shows this sentence as it is.
 */
export function unknownResource(resource: GroupResource, subresource = ''): StatusError {
  const name = resourceName(resource);
  const what = subresource === '' ? name : `${name}/${subresource}`;
  const message = `${UNKNOWN}: this API server does not serve ${what}`;
  return new StatusError(404, 'NotFound', message, { details: {} });
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError(405, 'MethodNotAllowed', message, { details: {} });
}

export function notAcceptable(representations: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${representations.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message);
}

export function alreadyExists(resource: GroupResource, name: string): StatusError {
  const message = `${resourceName(resource)} ${JSON.stringify(name)} already exists`;
  return new StatusError(409, 'AlreadyExists', message, { details: detailsOf(resource, name) });
}

const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: GroupResource, name: string, why = MODIFIED): StatusError {
  const thing = `${resourceName(resource)} ${JSON.stringify(name)}`;
  const message = `Operation cannot be fulfilled on ${thing}: ${why}`;
  return new StatusError(409, 'Conflict', message, { details: detailsOf(resource, name) });
}

/** @param fresh a token to go on with at the current state, where a list was cut off */
export function expired(message: string, fresh?: string): StatusError {
  return new StatusError(410, 'Expired', message, fresh === undefined ? {} : { continue: fresh });
}

export function tooLarge(bytesMax: number): StatusError {
  const message = `Request entity too large: limit is ${bytesMax} bytes`;
  return new StatusError(413, 'RequestEntityTooLarge', message);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

/** A kind by its group, as messages about invalid objects name it: `Widget.mesh.example.com`. */
export type GroupKind = { readonly group: string; readonly kind: string };

export function invalidObject(
  { group, kind }: GroupKind,
  name: string,
  violations: readonly Violation[],
): StatusError {
  const qualified = group === '' ? kind : `${kind}.${group}`;
  const texts = violations.map((violation) => renderViolation(violation));
  const list = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const message = `${qualified} ${JSON.stringify(name)} is invalid: ${list}`;
  const causes = violations.map(({ reason, text, field }) => ({ reason, message: text, field }));
  const details = {
    ...(name !== '' && { name }),
    ...(group !== '' && { group }),
    kind,
    causes,
  };
  return new StatusError(422, 'Invalid', message, { details });
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(429, 'TooManyRequests', message, { details: { retryAfterSeconds } });
}

/** The revision asked for has not been reached. */
export function resourceVersionTooLarge(requested: number, current: number): StatusError {
  const message = `Too large resource version: ${requested}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return new StatusError(504, 'Timeout', message, { details: { causes, retryAfterSeconds: 1 } });
}

export function notImplemented(what: string): StatusError {
  return new StatusError(501, 'NotImplemented', `${what} is not supported by this API server`);
}

/** 507 Insufficient Storage, RFC 4918 §11.5: Kubernetes has no code of its own for a full disk. */
const INSUFFICIENT_STORAGE = 507;

/** Any failure as a Status. What is neither a refusal nor an operator's matter is a bug: 500. */
export function statusOf(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  if (error instanceof CompactedError) return expired(error.message).status;
  if (error instanceof OperatorError) {
    const code = error instanceof StorageFullError ? INSUFFICIENT_STORAGE : 500;
    const reason = code === 500 ? 'InternalError' : 'InsufficientStorage';
    return new StatusError(code, reason, `${error.message}; ${error.remedy}`).status;
  }
  const message = 'Internal error occurred: this is a bug of the API server, see its log';
  return new StatusError(500, 'InternalError', message).status;
}
