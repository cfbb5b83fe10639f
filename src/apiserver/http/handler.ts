// The whole of request handling as one function of plain values: who is it, may they, what is it.
import type { Logger } from '#base/log.ts';
import type { Authenticator } from '../auth/authenticate.ts';
import type { Attributes, Authorizer } from '../auth/authorizer.ts';
import { renderDenial } from '../auth/authorizer.ts';
import { impersonated } from '../auth/impersonate.ts';
import type { UserInfo } from '../auth/user.ts';
import { forbiddenFor, StatusError, statusOf } from '../status.ts';
import type { ApiRequest, ApiResponse } from './message.ts';
import { jsonResponse, textResponse } from './message.ts';
import type { PathParts } from './paths.ts';
import { handlePath } from './paths.ts';
import { parseRequestInfo } from './request-info.ts';
import type { RequestInfo, ResourceInfo } from './request-info.ts';
import type { ResourceParts } from './resources.ts';
import { handleResource } from './resources.ts';

export type HandlerParts = {
  readonly authenticate: Authenticator;
  readonly authorizer: Authorizer;
  readonly resources: ResourceParts;
  readonly paths: PathParts;
  readonly log: Logger;
};

/** Answers a request; never rejects: what goes wrong becomes a Status. */
export async function handleRequest(
  parts: HandlerParts,
  request: ApiRequest,
): Promise<ApiResponse> {
  try {
    const caller = parts.authenticate({
      certificate: request.certificate,
      authorization: request.headers['authorization'],
    });
    const user = impersonated(caller, request.headers, parts.authorizer);
    const info = parseRequestInfo(request);
    requireAllowed(parts.authorizer, user, info);
    if (!info.isResource) return handlePath(parts.paths, request);
    if (!hasVersion(parts, info)) return textResponse(404, '404 page not found\n');
    return await handleResource(parts.resources, info, { request, user });
  } catch (error) {
    return failure(parts.log, request, error);
  }
}

function hasVersion({ paths }: HandlerParts, { group, version }: ResourceInfo): boolean {
  const { kinds, reviews } = paths.sources;
  return (
    kinds.hasVersion(group, version) ||
    reviews.some(({ served }) => served.kind.group === group && served.version.name === version)
  );
}

function requireAllowed(authorizer: Authorizer, user: UserInfo, info: RequestInfo): void {
  const attributes: Attributes = info.isResource
    ? { user, ...info }
    : { user, verb: info.verb, isResource: false, path: info.path };
  if (authorizer.authorize(attributes).isAllowed) return;
  const why = renderDenial(attributes);
  if (!info.isResource)
    throw new StatusError(403, 'Forbidden', `forbidden: ${why}`, { details: {} });
  const { group, resource, name } = info;
  throw forbiddenFor({ group, plural: resource }, name, why);
}

function failure(log: Logger, request: ApiRequest, error: unknown): ApiResponse {
  const status = statusOf(error);
  if (status.code >= 500 && !(error instanceof StatusError)) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error('request failed', { method: request.method, path: request.path, why });
  }
  const retry = status.details?.retryAfterSeconds;
  const headers = {
    ...(retry !== undefined && { 'retry-after': String(retry) }),
    ...(status.code === 401 && { 'www-authenticate': 'Bearer' }),
  };
  return jsonResponse(status.code, status, headers);
}
