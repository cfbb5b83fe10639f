// Istio's values for who and where, as Envoy's RBAC matchers. A value that cannot be matched on a
// TCP connection has no matcher (undefined); what that means for its rule is the rule's to say.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PermissionSchema, PrincipalSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { cidrRange } from './message.ts';
import { parsePort } from './names.ts';

export type Permission = MessageInitShape<typeof PermissionSchema>;
export type Principal = MessageInitShape<typeof PrincipalSchema>;
type StringMatch = NonNullable<MessageInitShape<typeof StringMatcherSchema>['matchPattern']>;

/** What Istio calls our own trust domain whatever its name is. */
const LOCAL_TRUST_DOMAIN = 'cluster.local';

export const anyPrincipal: Principal = { identifier: { case: 'any', value: true } };
export const anyPermission: Permission = { rule: { case: 'any', value: true } };

/**
 * `cluster.local/ns/default/sa/web`, `prefix*`, `*suffix`, or `*` for anybody with an identity.
 * Nobody without a certificate has one, so no plaintext client ever matches.
 *
 * @param trustDomains the mesh's own and its aliases: a principal of one is one of each
 */
export function principalOf(value: string, trustDomains: readonly string[]): Principal {
  return anyOf(
    expandTrustDomain(value, trustDomains).map((name) => identityIs(principalName(name))),
  );
}

/** Wildcards stand for parts of the namespace's name. */
export function namespaceOf(value: string): Principal {
  if (!value.includes('*')) return identityIs({ case: 'contains', value: `/ns/${value}/` });
  const name = value.split('*').map(quoteRegex).join('[^/]*');
  return identityIs(regex(`spiffe://[^/]+/ns/${name}/.*`));
}

/** `account`, of the policy's own namespace, or `namespace/account`. */
export function serviceAccountOf(value: string, policyNamespace: string): Principal {
  const [first = '', second] = value.split('/', 2);
  const [namespace, account] = second === undefined ? [policyNamespace, first] : [first, second];
  return identityIs({ case: 'suffix', value: `/ns/${namespace}/sa/${account}` });
}

/** `example.org`, `prefix*`, `*suffix`, or `*`. */
export function trustDomainOf(value: string, trustDomains: readonly string[]): Principal {
  const isOurs = value === LOCAL_TRUST_DOMAIN || trustDomains.includes(value);
  const names = isOurs ? trustDomains : [value];
  return anyOf(
    names.map((name) =>
      identityIs(regex(`spiffe://${name.split('*').map(quoteRegex).join('[^/]*')}/.*`)),
    ),
  );
}

/** The peer of the TCP connection: a gateway or the tunnel's end, where there is one between. */
export function directAddressOf(value: string): Principal | undefined {
  const range = cidrRange(value);
  return range && { identifier: { case: 'directRemoteIp', value: range } };
}

/** As the PROXY protocol tells it, where it is spoken; else the peer of the connection. */
export function remoteAddressOf(value: string): Principal | undefined {
  const range = cidrRange(value);
  return range && { identifier: { case: 'remoteIp', value: range } };
}

export function destinationAddressOf(value: string): Permission | undefined {
  const range = cidrRange(value);
  return range && { rule: { case: 'destinationIp', value: range } };
}

export function destinationPortOf(value: string): Permission | undefined {
  const port = parsePort(value);
  return port === undefined ? undefined : { rule: { case: 'destinationPort', value: port } };
}

export function serverNameOf(value: string): Permission {
  const matchPattern = wildcard(value, '');
  return { rule: { case: 'requestedServerName', value: { matchPattern } } };
}

export function allOf(principals: readonly Principal[]): Principal {
  const [first, ...more] = principals;
  if (first === undefined) return anyPrincipal;
  if (more.length === 0) return first;
  return { identifier: { case: 'andIds', value: { ids: [...principals] } } };
}

export function anyOf(principals: readonly Principal[]): Principal {
  const [first, ...more] = principals;
  if (first !== undefined && more.length === 0) return first;
  return { identifier: { case: 'orIds', value: { ids: [...principals] } } };
}

export const notPrincipal = (principal: Principal): Principal => ({
  identifier: { case: 'notId', value: principal },
});

export function allPermissions(permissions: readonly Permission[]): Permission {
  const [first, ...more] = permissions;
  if (first === undefined) return anyPermission;
  if (more.length === 0) return first;
  return { rule: { case: 'andRules', value: { rules: [...permissions] } } };
}

export function anyOfPermissions(permissions: readonly Permission[]): Permission {
  const [first, ...more] = permissions;
  if (first !== undefined && more.length === 0) return first;
  return { rule: { case: 'orRules', value: { rules: [...permissions] } } };
}

export const notPermission = (permission: Permission): Permission => ({
  rule: { case: 'notRule', value: permission },
});

function identityIs(matchPattern: StringMatch): Principal {
  return { identifier: { case: 'authenticated', value: { principalName: { matchPattern } } } };
}

const principalName = (value: string): StringMatch => wildcard(value, 'spiffe://');

/**
 * `text`, `prefix*`, `*suffix` or `*`. Envoy refuses an empty prefix or suffix, so `*` alone is
 * "anything that is not empty".
 */
export function wildcard(value: string, scheme: string): StringMatch {
  if (value === '*') return scheme === '' ? regex('.+') : { case: 'prefix', value: scheme };
  if (value.startsWith('*')) return { case: 'suffix', value: value.slice(1) };
  if (value.endsWith('*')) return { case: 'prefix', value: scheme + value.slice(0, -1) };
  return { case: 'exact', value: scheme + value };
}

/** Envoy matches the whole text. */
export const regex = (expression: string): StringMatch => ({
  case: 'safeRegex',
  value: { regex: expression },
});

export const quoteRegex = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Only whole identities, `<trust domain>/ns/<namespace>/sa/<account>`, are expanded, as in Istio. */
function expandTrustDomain(principal: string, trustDomains: readonly string[]): readonly string[] {
  const [domain = '', ...path] = principal.split('/');
  const isOurs = domain === LOCAL_TRUST_DOMAIN || trustDomains.includes(domain);
  if (path.length !== 4 || !isOurs) return [principal];
  return trustDomains.map((trustDomain) => [trustDomain, ...path].join('/'));
}
