// Acting as another user, for those who may: the `Impersonate-…` headers of kubectl's `--as`.
import { badRequest, forbiddenFor } from '../status.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import { renderDenial } from './authorizer.ts';
import { GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED } from './user.ts';
import type { UserInfo } from './user.ts';

const PREFIX = 'impersonate-';
const EXTRA_PREFIX = 'impersonate-extra-';

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * @returns the user to act as; the same user when no header asks for another
 * @throws StatusError Forbidden when one of the headers asks for more than is allowed
 */
export function impersonated(user: UserInfo, headers: Headers, authorizer: Authorizer): UserInfo {
  const name = headers[`${PREFIX}user`] ?? '';
  const groups = listOf(headers[`${PREFIX}group`]);
  const uid = headers[`${PREFIX}uid`] ?? '';
  const extra = extraOf(headers);
  if (name === '') {
    if (groups.length === 0 && uid === '' && extra.length === 0) return user;
    throw badRequest('requested impersonation without a user: Impersonate-User is missing');
  }
  const wanted: UserInfo = {
    username: name,
    ...(uid !== '' && { uid }),
    groups: groupsOf(name, groups),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
  for (const target of targetsOf(name, { groups, uid, extra })) {
    const attributes: Attributes = { user, verb: 'impersonate', isResource: true, ...target };
    if (authorizer.authorize(attributes).isAllowed) continue;
    const resource = { group: target.group, plural: target.resource };
    throw forbiddenFor(resource, target.name, renderDenial(attributes));
  }
  return wanted;
}

function listOf(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

function extraOf(headers: Headers): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(headers).flatMap(([header, value]) =>
    header.startsWith(EXTRA_PREFIX)
      ? [[decodeURIComponent(header.slice(EXTRA_PREFIX.length)), listOf(value)] as const]
      : [],
  );
}

const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

function groupsOf(name: string, groups: readonly string[]): readonly string[] {
  const account = ACCOUNT.exec(name);
  const own =
    account && groups.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`]
      : groups;
  const isAnonymous = name === 'system:anonymous' || own.includes(GROUP_UNAUTHENTICATED);
  const common = isAnonymous ? GROUP_UNAUTHENTICATED : GROUP_AUTHENTICATED;
  return [...new Set([...own, common])];
}

/** Each part of the wanted identity is a right of its own. */
function targetsOf(
  name: string,
  parts: {
    readonly groups: readonly string[];
    readonly uid: string;
    readonly extra: readonly (readonly [string, readonly string[]])[];
  },
) {
  const target = (resource: string, value: string, more: object = {}) => ({
    group: '',
    resource,
    subresource: '',
    namespace: '',
    name: value,
    ...more,
  });
  const account = ACCOUNT.exec(name);
  const identity = account
    ? target('serviceaccounts', account[2] ?? '', { namespace: account[1] })
    : target('users', name);
  const authentication = { group: 'authentication.k8s.io' };
  return [
    identity,
    ...parts.groups.map((group) => target('groups', group)),
    ...(parts.uid === '' ? [] : [target('uids', parts.uid, authentication)]),
    ...parts.extra.flatMap(([key, values]) =>
      values.map((value) => target('userextras', value, { ...authentication, subresource: key })),
    ),
  ];
}
