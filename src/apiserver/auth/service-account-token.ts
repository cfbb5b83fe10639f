// Tokens of service accounts: made on request, bound to the account and perhaps to a pod or secret,
// worthless as soon as one of these is gone or another by the same name took its place.
import type { JsonObject, KubeObject } from '../object.ts';
import { isJsonList, numberAt, objectAt, stringAt } from '../object.ts';
import type { Store } from '../store/store.ts';
import type { TokenSigner } from './jwt.ts';
import { GROUP_AUTHENTICATED } from './user.ts';
import type { UserInfo } from './user.ts';

/** The default audience as well: tokens for the API server itself. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export type Binding = {
  readonly kind: 'Pod' | 'Secret';
  readonly name: string;
  readonly uid: string;
  /** For a pod: the node it runs on. */
  readonly node?: string;
};

export type TokenRequest = {
  readonly namespace: string;
  readonly account: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly binding: Binding | undefined;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** Unique to this token. */
  readonly id: string;
};

export function tokenClaims(request: TokenRequest): JsonObject {
  const { namespace, account, binding, issuedAtSeconds } = request;
  return {
    aud: request.audiences,
    exp: request.expiresAtSeconds,
    iat: issuedAtSeconds,
    nbf: issuedAtSeconds,
    iss: ISSUER,
    jti: request.id,
    sub: usernameOf(namespace, account.name),
    'kubernetes.io': {
      namespace,
      serviceaccount: account,
      ...(binding && { [binding.kind.toLowerCase()]: { name: binding.name, uid: binding.uid } }),
      ...(binding?.node !== undefined && { node: { name: binding.node } }),
    },
  };
}

export function usernameOf(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export function accountUser(namespace: string, account: KubeObject): UserInfo {
  const { name, uid } = account.metadata;
  return {
    username: usernameOf(namespace, name),
    ...(uid !== undefined && { uid }),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, GROUP_AUTHENTICATED],
  };
}

export type Authenticated = {
  readonly user: UserInfo;
  /** Those of the wanted audiences that the token is for. */
  readonly audiences: readonly string[];
};

/**
 * Who a token speaks for, now.
 *
 * @param audiences the token must be for at least one of these
 * @returns undefined for any token that is not good, whatever the reason
 */
export function verifyToken(
  token: string,
  audiences: readonly string[],
  context: { readonly signer: TokenSigner; readonly store: Store; readonly nowMs: number },
): Authenticated | undefined {
  const claims = context.signer.open(token);
  if (!claims || stringAt(claims, 'iss') !== ISSUER) return undefined;
  const nowSeconds = context.nowMs / 1000;
  const [from, until] = [numberAt(claims, 'nbf'), numberAt(claims, 'exp')];
  if (from === undefined || until === undefined) return undefined;
  if (nowSeconds < from - CLOCK_SKEW_SECONDS || nowSeconds >= until) return undefined;
  const shared = audiencesOf(claims).filter((audience) => audiences.includes(audience));
  if (shared.length === 0) return undefined;
  const account = boundAccount(claims, context.store);
  if (!account) return undefined;
  return { user: withToken(account, claims), audiences: shared };
}

/** This server's clock may have been set back since the token was made. */
const CLOCK_SKEW_SECONDS = 10;

function audiencesOf(claims: JsonObject): readonly string[] {
  const audience = claims['aud'];
  if (typeof audience === 'string') return [audience];
  return isJsonList(audience) ? audience.filter((one) => typeof one === 'string') : [];
}

/** The account, if it and all that the token is bound to are still the very ones. */
function boundAccount(claims: JsonObject, store: Store): KubeObject | undefined {
  const kubernetes = objectAt(claims, 'kubernetes.io');
  const namespace = stringAt(kubernetes, 'namespace');
  const find = (claim: string, resource: string): KubeObject | undefined => {
    const reference = objectAt(kubernetes, claim);
    const found = store.get({ resource, namespace, name: stringAt(reference, 'name') });
    if (!found || found.metadata.uid !== stringAt(reference, 'uid')) return undefined;
    return isGoing(found) ? undefined : found;
  };
  const isWhole = (claim: string, resource: string) =>
    kubernetes[claim] === undefined || find(claim, resource) !== undefined;
  if (!isWhole('pod', 'pods') || !isWhole('secret', 'secrets')) return undefined;
  return find('serviceaccount', 'serviceaccounts');
}

/** Being deleted. A pod keeps its token while it ends. */
function isGoing({ kind, metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && kind !== 'Pod';
}

function withToken(account: KubeObject, claims: JsonObject): UserInfo {
  const pod = objectAt(objectAt(claims, 'kubernetes.io'), 'pod');
  const node = objectAt(objectAt(claims, 'kubernetes.io'), 'node');
  const extra = {
    'authentication.kubernetes.io/credential-id': [`JTI=${stringAt(claims, 'jti')}`],
    ...(stringAt(pod, 'name') !== '' && {
      'authentication.kubernetes.io/pod-name': [stringAt(pod, 'name')],
      'authentication.kubernetes.io/pod-uid': [stringAt(pod, 'uid')],
    }),
    ...(stringAt(node, 'name') !== '' && {
      'authentication.kubernetes.io/node-name': [stringAt(node, 'name')],
    }),
  };
  return { ...accountUser(account.metadata.namespace ?? '', account), extra };
}
