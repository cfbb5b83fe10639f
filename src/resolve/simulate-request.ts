// What Envoy's RBAC asks of a request, for tests: headers, path, and what filters before it left in
// metadata, read as in envoy/source/common/common/matchers.cc.
import assert from 'node:assert/strict';
import type { HeaderMatcher } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { MetadataMatcher } from '#gen/envoy/type/matcher/v3/metadata_pb.js';
import type { PathMatcher } from '#gen/envoy/type/matcher/v3/path_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { ValueMatcher } from '#gen/envoy/type/matcher/v3/value_pb.js';
import { JWT_METADATA, JWT_PAYLOAD } from './http-rbac-match.ts';

export type SimulatedRequest = {
  readonly method: string;
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a good token; undefined: the request has none. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
};

export function hasHeader(
  { name, headerMatchSpecifier: rule }: HeaderMatcher,
  request: SimulatedRequest,
): boolean {
  const found = headerOf(name.toLowerCase(), request);
  switch (rule.case) {
    case 'presentMatch':
      return (found !== undefined) === rule.value;
    case 'stringMatch':
      return found !== undefined && isMatch(rule.value, found);
    default:
      return assert.fail(`header match ${rule.case} is not simulated`);
  }
}

function headerOf(name: string, request: SimulatedRequest): string | undefined {
  switch (name) {
    case ':method':
      return request.method;
    case ':authority':
      return request.host;
    default:
      return request.headers[name];
  }
}

export function hasPath({ rule }: PathMatcher, request: SimulatedRequest): boolean {
  assert(rule.case === 'path');
  return isMatch(rule.value, pathOf(request));
}

const pathOf = ({ path }: SimulatedRequest): string => path.split('?', 1)[0] ?? '';

export function hasMetadata({ filter, path, value }: MetadataMatcher, request: SimulatedRequest) {
  assert.equal(filter, JWT_METADATA);
  let found: unknown = request.claims && { [JWT_PAYLOAD]: request.claims };
  for (const { segment } of path) {
    assert(segment.case === 'key');
    found = isFields(found) ? found[segment.value] : undefined;
  }
  return value !== undefined && found !== undefined && isValue(value, found);
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isValue({ matchPattern: rule }: ValueMatcher, found: unknown): boolean {
  switch (rule.case) {
    case 'stringMatch':
      return typeof found === 'string' && isMatch(rule.value, found);
    case 'orMatch':
      return rule.value.valueMatchers.some((matcher) => isValue(matcher, found));
    case 'listMatch': {
      const { matchPattern: item } = rule.value;
      assert(item.case === 'oneOf');
      return Array.isArray(found) && found.some((one) => isValue(item.value, one));
    }
    default:
      return assert.fail(`value match ${rule.case} is not simulated`);
  }
}

export function isMatch({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (value: string): string => (ignoreCase ? value.toLowerCase() : value);
  switch (matchPattern.case) {
    case 'exact':
      return fold(text) === fold(matchPattern.value);
    case 'prefix':
      return fold(text).startsWith(fold(matchPattern.value));
    case 'suffix':
      return fold(text).endsWith(fold(matchPattern.value));
    case 'contains':
      return fold(text).includes(fold(matchPattern.value));
    case 'safeRegex':
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(text);
    default:
      return assert.fail(`string match ${matchPattern.case} is not simulated`);
  }
}
