// Getting one object, and listing many with pages and old states.
import { resourceOf } from '../kinds/kind.ts';
import type { KubeObject } from '../object.ts';
import { badRequest, expired, notFoundError, resourceVersionTooLarge } from '../status.ts';
import { CompactedError } from '../store/store.ts';
import type { ListQuery } from '../store/store.ts';
import type { ContinueToken } from './continue-token.ts';
import { parseContinueToken, renderContinueToken } from './continue-token.ts';
import { numberOption, parseSelection } from './list-options.ts';
import type { Selection } from './list-options.ts';
import type { Scope } from './scope.ts';
import { asServed } from './version.ts';
import { keyIn } from './write.ts';

/** @throws StatusError NotFound */
export function getObject(scope: Scope, name: string): KubeObject {
  const stored = scope.backend.store.get(keyIn(scope, name));
  if (!stored) throw notFoundError(scope.served.kind, name);
  return asServed(stored, scope.served);
}

export type Listed = {
  readonly items: readonly KubeObject[];
  readonly revision: number;
  /** More follow: the token to ask for them with. */
  readonly continue: string | undefined;
  /** How many follow, when that is cheap to know. */
  readonly remaining: number | undefined;
};

/** Objects looked at in one go when a selector may drop most of them. */
const CHUNK = 500;

/** @throws StatusError */
export function listObjects(scope: Scope, query: URLSearchParams): Listed {
  const { backend, served } = scope;
  const selection = parseSelection(query, served.kind);
  const place = startingPlace(scope, query);
  const limit = query.get('resourceVersion') === '0' ? undefined : numberOption(query, 'limit');
  try {
    const page = readPage(scope, { selection, place, limit: limit === 0 ? undefined : limit });
    const revision = place.revision ?? backend.store.revision;
    return { ...page, revision, items: page.items.map((item) => asServed(item, served)) };
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw cutOff(place.token);
  }
}

type Place = {
  /** The state to list; undefined for the current one. */
  readonly revision: number | undefined;
  readonly after: ListQuery['after'];
  readonly token: ContinueToken | undefined;
};

function startingPlace(scope: Scope, query: URLSearchParams): Place {
  const { store } = scope.backend;
  const text = query.get('continue') ?? '';
  const version = numberOption(query, 'resourceVersion');
  if (text !== '') {
    if (version !== undefined && version !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    const token = parseContinueToken(text);
    const revision = token.revision === undefined ? store.revision : token.revision;
    return { revision, after: token.after, token };
  }
  const isExact = isExactMatch(query, version);
  if (version !== undefined && version > store.revision) {
    throw resourceVersionTooLarge(version, store.revision);
  }
  return { revision: isExact ? version : store.revision, after: undefined, token: undefined };
}

/** A version is a lower bound, unless the request says Exact, or pages from a version on. */
function isExactMatch(query: URLSearchParams, version: number | undefined): boolean {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    const why = `supported values: "Exact", "NotOlderThan"`;
    throw badRequest(`invalid resourceVersionMatch: ${JSON.stringify(match)}: ${why}`);
  }
  if (match !== '' && version === undefined) {
    throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (match === 'Exact' && version === 0) {
    throw badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  }
  if (version === undefined || version === 0) return false;
  return match === 'Exact' || (match === '' && query.has('limit'));
}

/** The token's state is gone. The answer carries one that goes on at the current state. */
function cutOff(token: ContinueToken | undefined): Error {
  if (!token) return expired('The resourceVersion for the provided list is too old.');
  const fresh = renderContinueToken({ revision: undefined, after: token.after });
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
  return expired(message, fresh);
}

type Page = Omit<Listed, 'revision'>;

function readPage(
  scope: Scope,
  options: {
    readonly selection: Selection;
    readonly place: Place;
    readonly limit: number | undefined;
  },
): Page {
  const { selection, place, limit } = options;
  const { store } = scope.backend;
  const base = baseQuery(scope, place);
  const named = selection.name;
  if (named !== undefined && base.namespace !== undefined && place.revision === store.revision) {
    const found = store.get(keyIn(scope, named));
    const items = found && selection.matches(found) ? [found] : [];
    return { items, continue: undefined, remaining: undefined };
  }
  if (limit === undefined) {
    const items = store.list({ ...base, after: place.after });
    const matching = selection.isAll ? items : items.filter((item) => selection.matches(item));
    return { items: matching, continue: undefined, remaining: undefined };
  }
  const items = collect(scope, { base, after: place.after, selection, count: limit + 1 });
  if (items.length <= limit) return { items, continue: undefined, remaining: undefined };
  const page = items.slice(0, limit);
  const after = placeOf(page.at(-1));
  const revision = place.revision ?? store.revision;
  return {
    items: page,
    continue: renderContinueToken({ revision, after }),
    remaining: selection.isAll ? store.count({ ...base, after }) : undefined,
  };
}

function baseQuery(scope: Scope, place: Place): ListQuery {
  const { kind } = scope.served;
  const isOne = kind.isNamespaced && scope.namespace !== '';
  return {
    resource: resourceOf(kind),
    namespace: isOne ? scope.namespace : kind.isNamespaced ? undefined : '',
    revision: place.revision,
  };
}

/** Reads on until so many objects match, or none are left. */
function collect(
  scope: Scope,
  options: {
    readonly base: ListQuery;
    readonly after: ListQuery['after'];
    readonly selection: Selection;
    readonly count: number;
  },
): readonly KubeObject[] {
  const { base, selection, count } = options;
  const found: KubeObject[] = [];
  let { after } = options;
  for (;;) {
    const limit = selection.isAll ? count : CHUNK;
    const chunk = scope.backend.store.list({ ...base, after, limit });
    found.push(...chunk.filter((item) => selection.matches(item)));
    if (found.length >= count || chunk.length < limit) return found.slice(0, count);
    after = placeOf(chunk.at(-1));
  }
}

function placeOf(object: KubeObject | undefined): ListQuery['after'] {
  return object && { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}
