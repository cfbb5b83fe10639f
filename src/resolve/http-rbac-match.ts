// What a policy asks of a request, as matchers of Envoy's RBAC: the counterpart of rbac-match.ts
// for what only HTTP has. Where a claim is looked for is the metadata that the JWT filter leaves
// (`jwt.ts`). A value that cannot be read has no matcher (undefined).
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HeaderMatcherSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { MetadataMatcherSchema } from '#gen/envoy/type/matcher/v3/metadata_pb.js';
import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { ValueMatcherSchema } from '#gen/envoy/type/matcher/v3/value_pb.js';
import { allOf, quoteRegex, regex, wildcard } from './rbac-match.ts';
import type { Permission, Principal } from './rbac-match.ts';

type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;
type MetadataMatcher = MessageInitShape<typeof MetadataMatcherSchema>;
type StringMatcher = MessageInitShape<typeof StringMatcherSchema>;
type ValueMatcher = MessageInitShape<typeof ValueMatcherSchema>;

/** Where the JWT filter leaves the claims of a token that it has found good, and under what key. */
export const JWT_METADATA = 'envoy.filters.http.jwt_authn';
export const JWT_PAYLOAD = 'payload';

/** With the port, where the client says one; names have no case. */
export const hostOf = (value: string): Permission => headerPermission(':authority', value, true);

export const methodOf = (value: string): Permission => headerPermission(':method', value, false);

/**
 * A path without its query; with `{*}` (a segment) and `{**}` (any number of them) a template. Not
 * as Envoy's own template: a bad one (`{*}` is one) ends the whole process.
 */
export function pathOf(value: string): Permission {
  const isTemplate = value.includes('{*}') || value.includes('{**}');
  const path = { matchPattern: isTemplate ? template(value) : wildcard(value, '') };
  return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: path } } } };
}

function template(value: string): ReturnType<typeof regex> {
  const parts = value.split(/(\{\*\*?\})/).map((part) => {
    if (part === '{*}') return '[^/]+';
    return part === '{**}' ? '.*' : quoteRegex(part);
  });
  return regex(parts.join(''));
}

/** `when` of `request.headers[<name>]`. */
export const headerOf =
  (name: string) =>
  (value: string): Principal => ({
    identifier: { case: 'header', value: headerMatcher(name, value, false) },
  });

/** `<issuer>/<subject>` of a token, `prefix*`, `*suffix`, or `*` for anybody with a good one. */
export function requestPrincipalOf(value: string): Principal {
  // an issuer may be a URL, a subject is not: the last slash divides them
  const slash = value.lastIndexOf('/');
  const [issuer, subject] =
    slash === -1 ? undivided(value) : [value.slice(0, slash), value.slice(slash + 1)];
  const isUndivided = slash === -1;
  // a `*` is a wildcard at one end of the whole; with one at the front, the end is as it stands
  const isSuffix = value.startsWith('*');
  const isPrefix = !isSuffix && value.endsWith('*');
  return allOf([
    claimIs('iss', isSuffix || isUndivided ? wildcard(issuer, '') : exact(issuer)),
    claimIs('sub', isPrefix || isUndivided ? wildcard(subject, '') : exact(subject)),
  ]);
}

function undivided(value: string): readonly [issuer: string, subject: string] {
  if (value === '*') return ['*', '*'];
  if (value.startsWith('*')) return ['*', value];
  return value.endsWith('*') ? [value, '*'] : [value, ''];
}

/** A claim that is this text, or a list that has it. `path`: from the outermost claim inwards. */
export const claimOf =
  (path: readonly string[]) =>
  (value: string): Principal => ({
    identifier: {
      case: 'metadata',
      value: claimMatcher(path, { matchPattern: wildcard(value, '') }),
    },
  });

/** @param stringMatch undefined: the claim is there, whatever it says */
export function claimMatcher(
  path: readonly string[],
  stringMatch: StringMatcher | undefined,
): MetadataMatcher {
  if (stringMatch === undefined) {
    return claim(path, { matchPattern: { case: 'presentMatch', value: true } });
  }
  const text: ValueMatcher = { matchPattern: { case: 'stringMatch', value: stringMatch } };
  const listed: ValueMatcher = {
    matchPattern: {
      case: 'listMatch',
      value: { matchPattern: { case: 'oneOf', value: text } },
    },
  };
  return claim(path, {
    matchPattern: { case: 'orMatch', value: { valueMatchers: [listed, text] } },
  });
}

/** `request.auth.claims[a][b]` → `a`, `b`; undefined when the brackets are not so. */
export function claimPath(brackets: string): readonly string[] | undefined {
  if (!/^(\[[^[\]]+\])+$/.test(brackets)) return undefined;
  return brackets.slice(1, -1).split('][');
}

/** `experimental.envoy.filters.a.b[c]`: what another filter left; `[v]` is in a list. */
export function filterMetadataOf(key: string): ((value: string) => Permission) | undefined {
  const [, filter = '', name = ''] = /^experimental\.([^[]+)\[(.+)\]$/.exec(key) ?? [];
  if (filter === '') return undefined;
  return (value) => {
    const isListed = value.startsWith('[') && value.endsWith(']');
    const plain = isListed ? value.slice(1, -1) : value;
    const text: ValueMatcher = {
      matchPattern: { case: 'stringMatch', value: { matchPattern: wildcard(plain, '') } },
    };
    const listed: ValueMatcher = {
      matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: text } } },
    };
    return {
      rule: {
        case: 'metadata',
        value: { filter, path: [segment(name)], value: isListed ? listed : text },
      },
    };
  };
}

const exact = (value: string): NonNullable<StringMatcher['matchPattern']> => ({
  case: 'exact',
  value,
});

function claimIs(
  name: string,
  matchPattern: NonNullable<StringMatcher['matchPattern']>,
): Principal {
  const text: ValueMatcher = { matchPattern: { case: 'stringMatch', value: { matchPattern } } };
  return { identifier: { case: 'metadata', value: claim([name], text) } };
}

const claim = (path: readonly string[], value: ValueMatcher): MetadataMatcher => ({
  filter: JWT_METADATA,
  path: [JWT_PAYLOAD, ...path].map(segment),
  value,
});

const segment = (key: string) => ({ segment: { case: 'key', value: key } }) as const;

const headerPermission = (name: string, value: string, ignoreCase: boolean): Permission => ({
  rule: { case: 'header', value: headerMatcher(name, value, ignoreCase) },
});

function headerMatcher(name: string, value: string, ignoreCase: boolean): HeaderMatcher {
  if (value === '*') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  const stringMatch = { ignoreCase, matchPattern: wildcard(value, '') };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: stringMatch } };
}
