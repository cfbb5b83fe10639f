// Istio's rules for VirtualService's http that its schema cannot say.
import { durationMs } from '../duration.ts';
import { isPort, refuseUnless } from '../kind-parts.ts';
import { isRe2 } from '../re2.ts';
import type { Reading } from '../schema/reading.ts';
import { checkDestination, checkDestinations } from './check-destination.ts';
import { checkHeaders } from './check-headers.ts';
import { checkHttpMatch, checkStringMatch, isToken } from './check-match.ts';
import type { HttpRedirect, HttpRoute } from './http-schema.ts';

/** @param options.isDelegate the route of a VirtualService without hosts, for others to refer to */
export function checkHttpRoute(
  route: HttpRoute,
  at: Reading,
  options: { readonly isDelegate: boolean },
): void {
  checkAction(route, at, options);
  for (const [index, match] of (route.match ?? []).entries()) {
    checkHttpMatch(match, at.property('match').item(index));
  }
  checkDestinations(route.route ?? [], at.property('route'));
  for (const [index, { headers }] of (route.route ?? []).entries()) {
    checkHeaders(headers, at.property('route').item(index).property('headers'));
  }
  checkHeaders(route.headers, at.property('headers'));
  if (route.redirect) checkRedirect(route, route.redirect, at.property('redirect'));
  checkDirectResponse(route.directResponse, at.property('directResponse'));
  checkRewrite(route.rewrite, at.property('rewrite'));
  checkAuthority(route, at);
  checkRetries(route, at);
  checkFault(route.fault, at.property('fault'));
  checkMirrors(route, at);
  checkCors(route.corsPolicy, at.property('corsPolicy'));
  checkPrecision(route.timeout, at.property('timeout'));
}

/** Each route does exactly one thing; a root route only refers to its delegate. */
function checkAction(
  route: HttpRoute,
  at: Reading,
  { isDelegate }: { readonly isDelegate: boolean },
): void {
  const actions = (['route', 'redirect', 'directResponse'] as const).filter(
    (name) => route[name] !== undefined && (name !== 'route' || (route.route ?? []).length > 0),
  );
  if (route.delegate !== undefined) {
    if (isDelegate) at.property('delegate').refuse('Forbidden: a delegate cannot delegate');
    for (const name of ['redirect', 'route'] as const) {
      if (route[name] !== undefined) at.property(name).refuse('Forbidden: the delegate says it');
    }
    return;
  }
  if (actions.length === 0) at.refuse('Required value: route, redirect or directResponse');
  if (actions.length > 1) at.refuse(`Invalid value: only one of ${actions.join(', ')}`);
  if (route.redirect && route.rewrite) at.refuse('Invalid value: only one of redirect, rewrite');
  if (route.redirect && route.fault) at.refuse('Invalid value: only one of redirect, fault');
  for (const name of ['fault', 'rewrite'] as const) {
    if (route.directResponse === undefined || route[name] === undefined) continue;
    at.refuse(`Invalid value: only one of directResponse, ${name}`);
  }
}

function checkRedirect({ match = [] }: HttpRoute, redirect: HttpRedirect, at: Reading): void {
  const { uri, prefixRewrite, authority, scheme = '', port, derivePort, redirectCode } = redirect;
  const said = [uri, prefixRewrite, authority, port, derivePort];
  if (said.every((value) => value === undefined || value === '') && scheme === '') {
    at.refuse('Required value: uri, authority, scheme or port');
  }
  checkLines({ uri, prefixRewrite, authority }, at);
  if ((uri ?? '') !== '' && (prefixRewrite ?? '') !== '') {
    at.refuse('Invalid value: only one of uri, prefixRewrite');
  }
  const isByPrefix = match.every(({ uri: one }) => one === undefined || one.prefix !== undefined);
  if ((prefixRewrite ?? '') !== '' && !isByPrefix) {
    at.property('prefixRewrite').refuse('Invalid value: every match must be by prefix');
  }
  if (redirectCode !== undefined && (redirectCode < 300 || redirectCode > 399)) {
    at.property('redirectCode').refuse(`Invalid value: ${redirectCode}: must be 3xx`);
  }
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') {
    at.property('scheme').refuse(`Invalid value: ${at.quote(scheme)}: must be http or https`);
  }
  if (port !== undefined && port !== 0 && !isPort(port))
    at.property('port').refuse('Invalid value: 1 to 65535');
}

/** Envoy is told to take this much (RouteConfiguration.max_direct_response_body_size_bytes). */
const BODY_LENGTH_MAX = 1 << 20;

function checkDirectResponse(response: HttpRoute['directResponse'], at: Reading): void {
  if (response === undefined) return;
  checkStatus(response.status, at.property('status'));
  const { string = '', bytes = '' } = response.body ?? {};
  if (!/^(?:[\w+/-]{4})*(?:[\w+/-]{2}==|[\w+/-]{3}=)?$/.test(bytes)) {
    at.property('body').property('bytes').refuse('Invalid value: must be in base64');
  }
  if (string.length > BODY_LENGTH_MAX || bytes.length > (BODY_LENGTH_MAX * 4) / 3) {
    at.property('body').refuse('Too long: may not be more than 1 MiB');
  }
}

/** As Istio has it, 600 included. */
function checkStatus(status: number, at: Reading): void {
  if (status < 200 || status > 600) at.refuse(`Invalid value: ${status}: must be 200 to 599`);
}

/** The host that is asked for is rewritten in one place at most. */
function checkAuthority({ rewrite, headers }: HttpRoute, at: Reading): void {
  const { set = {}, add = {} } = headers?.request ?? {};
  const changed = [...Object.keys(set), ...Object.keys(add)].filter((name) =>
    /^(host|:authority)$/i.test(name),
  );
  const times = changed.length + ((rewrite?.authority ?? '') === '' ? 0 : 1);
  if (times > 1) at.refuse('Invalid value: the authority can be set in one place only');
}

function checkRewrite(rewrite: HttpRoute['rewrite'], at: Reading): void {
  if (rewrite === undefined) return;
  const { uri, authority, uriRegexRewrite: regex } = rewrite;
  checkLines({ uri, authority }, at);
  if (uri !== undefined && uri !== '' && regex) {
    at.refuse('Invalid value: only one of uri, uriRegexRewrite');
  }
  if ((uri ?? '') === '' && (authority ?? '') === '' && regex === undefined) {
    at.refuse('Required value: uri, authority or uriRegexRewrite');
  }
  if (regex === undefined) return;
  const place = at.property('uriRegexRewrite');
  if ((regex.match ?? '') === '') place.property('match').missing();
  else if (!isRe2(regex.match ?? '')) {
    place.property('match').refuse('Invalid value: not a regular expression of RE2');
  }
  if ((regex.rewrite ?? '') === '') place.property('rewrite').missing();
}

/** What Envoy repeats a request for (x-envoy-retry-on, x-envoy-retry-grpc-on). */
const RETRY_POLICIES: ReadonlySet<string> = new Set(
  (
    '5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream ' +
    'retriable-status-codes retriable-headers envoy-ratelimited http3-post-connect-failure ' +
    'cancelled deadline-exceeded internal resource-exhausted unavailable'
  ).split(' '),
);

/** Codes that mean something (RFC 9110 §15 and IANA's registry). */
const STATUS_CODE =
  /^(10[0-3]|20[0-8]|226|30[0-5]|30[78]|40\d|41[0-8]|42[1-6]|42[89]|431|451|50[0-8]|51[01])$/;

function checkRetries({ retries }: HttpRoute, at: Reading): void {
  if (retries === undefined) return;
  const place = at.property('retries');
  const { attempts = 0, perTryTimeout, backoff } = retries;
  if (attempts < 0) place.property('attempts').refuse('Invalid value: must not be negative');
  const { retryOn = '' } = retries;
  const policies = retryOn === '' ? [] : retryOn.split(',');
  const others = [perTryTimeout, retries.retryRemoteLocalities];
  if (attempts === 0 && (policies.length > 0 || others.some((it) => it !== undefined))) {
    place.property('attempts').refuse('Invalid value: with 0 attempts nothing else may be set');
  }
  for (const policy of policies) {
    if (RETRY_POLICIES.has(policy) || STATUS_CODE.test(policy)) continue;
    place.property('retryOn').refuse(`Unsupported value: ${at.quote(policy)}`);
  }
  checkPrecision(perTryTimeout, place.property('perTryTimeout'));
  checkPrecision(backoff, place.property('backoff'));
}

const GRPC_STATUSES = new Set(
  (
    'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS ' +
    'PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED ' +
    'INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'
  ).split(' '),
);

function checkFault(fault: HttpRoute['fault'], at: Reading): void {
  if (fault === undefined) return;
  const { abort, delay } = fault;
  if (abort === undefined && delay === undefined) at.refuse('Required value: abort or delay');
  if (abort !== undefined) {
    const place = at.property('abort');
    checkFaultPercentage(abort.percentage?.value, place.property('percentage'));
    if (abort.httpStatus !== undefined) checkStatus(abort.httpStatus, place.property('httpStatus'));
    const { grpcStatus } = abort;
    if (grpcStatus !== undefined && !GRPC_STATUSES.has(grpcStatus)) {
      place.property('grpcStatus').refuse(`Unsupported value: ${at.quote(grpcStatus)}`);
    }
    if (abort.http2Error !== undefined)
      place.property('http2Error').refuse('Forbidden: unsupported');
  }
  if (delay !== undefined) {
    const place = at.property('delay');
    checkFaultPercentage(delay.percentage?.value, place.property('percentage'));
    const { percent = 0 } = delay;
    if (percent < 0 || percent > 100) place.property('percent').refuse('Invalid value: 0 to 100');
    checkPrecision(delay.fixedDelay, place.property('fixedDelay'));
    if (delay.exponentialDelay !== undefined) {
      place.property('exponentialDelay').refuse('Forbidden: unsupported');
    }
  }
}

/** Envoy's finest fraction is a millionth. */
function checkFaultPercentage(value: number | undefined, at: Reading): void {
  if (value === undefined || value === 0 || (value >= 0.0001 && value <= 100)) return;
  at.refuse(`Invalid value: ${value}: must be 0, or 0.0001 to 100`);
}

function checkMirrors(route: HttpRoute, at: Reading): void {
  const { mirror, mirrors = [], mirrorPercentage } = route;
  if (mirror && mirrors.length > 0) at.refuse('Invalid value: only one of mirror, mirrors');
  if (mirror) checkDestination(mirror, at.property('mirror'));
  for (const name of ['mirrorPercent', 'mirror_percent'] as const) {
    if ((route[name] ?? 0) > 100) at.property(name).refuse('Invalid value: must be 0 to 100');
  }
  checkPercentage(mirrorPercentage?.value, at.property('mirrorPercentage'));
  for (const [index, { destination, percentage }] of mirrors.entries()) {
    const place = at.property('mirrors').item(index);
    checkDestination(destination, place.property('destination'));
    checkPercentage(percentage?.value, place.property('percentage'));
  }
}

function checkPercentage(value: number | undefined, at: Reading): void {
  if (value === undefined || (value >= 0 && value <= 100)) return;
  at.refuse(`Invalid value: ${value}: must be 0 to 100`);
}

const METHODS = new Set('* GET HEAD POST PUT PATCH DELETE CONNECT OPTIONS TRACE'.split(' '));

function checkCors(cors: HttpRoute['corsPolicy'], at: Reading): void {
  if (cors === undefined) return;
  for (const [index, match] of (cors.allowOrigins ?? []).entries()) {
    const place = at.property('allowOrigins').item(index);
    if ((match.exact ?? match.prefix ?? match.regex ?? '') === '') {
      place.refuse('Required value: exact, prefix or regex');
    }
    checkStringMatch(match, place);
  }
  for (const name of ['allowHeaders', 'exposeHeaders'] as const) {
    refuseUnless(cors[name], at.property(name), {
      isValid: (header) => header === '*' || isToken(header),
      message: "not a header's name",
    });
  }
  refuseUnless(cors.allowMethods, at.property('allowMethods'), {
    isValid: (method) => METHODS.has(method),
    message: 'not a method of HTTP',
  });
  const seconds = (durationMs(cors.maxAge ?? '') ?? 0) / 1000;
  if (!Number.isInteger(seconds))
    at.property('maxAge').refuse('Invalid value: finer than a second');
}

/** What becomes part of a header must fit into one; Envoy refuses the whole table otherwise. */
function checkLines(texts: Readonly<Record<string, string | undefined>>, at: Reading): void {
  for (const [name, text = ''] of Object.entries(texts)) {
    if (/[\0\r\n]/.test(text)) at.property(name).refuse('Invalid value: must be a single line');
  }
}

/** Envoy cannot count much longer ones. */
const DURATION_MS_MAX = 10 * 365 * 86_400_000;

function checkPrecision(text: string | undefined, at: Reading): void {
  const ms = text === undefined ? 0 : (durationMs(text) ?? 0);
  if (ms > DURATION_MS_MAX) at.refuse('Invalid value: longer than ten years');
  if (Math.abs(ms - Math.round(ms)) > 1e-7) {
    at.refuse(`Invalid value: ${at.quote(text ?? '')}: finer than a millisecond`);
  }
}
