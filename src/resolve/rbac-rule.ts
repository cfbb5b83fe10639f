// One rule of an AuthorizationPolicy, as it applies to the connections or requests to one port.
//
// A TCP connection has no method, path or header; a request has all that a connection has. Where a
// rule asks for what is not there, or for what cannot be read, an ALLOW rule is left out whole (it
// allows nothing), and in a DENY or CUSTOM rule only that condition is left out (it denies more):
// always the stricter reading. Istio has the same (pilot/pkg/security/authz/model/model.go).
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PolicySchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type {
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from '#istio/authorizationpolicy/schema.ts';
import {
  claimOf,
  claimPath,
  filterMetadataOf,
  headerOf,
  hostOf,
  methodOf,
  pathOf,
  requestPrincipalOf,
} from './http-rbac-match.ts';
import type { ChainPort } from './names.ts';
import {
  allOf,
  allPermissions,
  anyOf,
  anyOfPermissions,
  destinationAddressOf,
  destinationPortOf,
  directAddressOf,
  namespaceOf,
  notPermission,
  notPrincipal,
  principalOf,
  remoteAddressOf,
  serverNameOf,
  serviceAccountOf,
  trustDomainOf,
} from './rbac-match.ts';
import type { Permission, Principal } from './rbac-match.ts';

export type RuleContext = {
  /** What is decided about: connections, or requests one by one. */
  readonly layer: 'tcp' | 'http';
  /** `passthrough`: any port without a chain of its own, so the port is asked of the connection. */
  readonly port: ChainPort;
  readonly policyNamespace: string;
  readonly trustDomains: readonly string[];
};

export type TranslatedRule = {
  /** undefined: nothing that comes to the port can match the rule. */
  readonly policy: MessageInitShape<typeof PolicySchema> | undefined;
  /** The conditions without a meaning here, for instance `to.operation.methods` on TCP. */
  readonly ignored: readonly string[];
};

type Values = readonly string[] | undefined;

/** One condition of a rule: any of `values`, and none of `notValues`. */
type Field<M> = {
  readonly name: string;
  readonly values: Values;
  readonly notValues: Values;
  /** undefined: there is nothing here to be matched. */
  readonly match: ((value: string) => M | undefined) | undefined;
};

export function translateRule(
  rule: AuthorizationRule,
  action: 'allow' | 'deny',
  context: RuleContext,
): TranslatedRule {
  const when = (rule.when ?? []).map(({ key, values, notValues }) =>
    conditionField({ key, values, notValues }, context),
  );
  const peer = when.flatMap((field) => (field.side === 'principal' ? [field.field] : []));
  const target = when.flatMap((field) => (field.side === 'permission' ? [field.field] : []));
  const sources = nonEmpty(rule.from, {}).map(({ source = {} }) => [
    ...sourceFields(source, context),
    ...peer,
  ]);
  const operations = nonEmpty(rule.to, {}).map(({ operation = {} }) => [
    ...operationFields(operation, context.layer),
    ...target,
  ]);
  const ignored = ignoredIn([...sources.flat(), ...operations.flat()]);
  if (action === 'allow' && ignored.length > 0) return { policy: undefined, ignored };

  const permissions = operations.flatMap((fields) => {
    const open = withoutKnownPort(fields, context.port);
    return open ? [allPermissions(open.flatMap((field) => permissionsOf(field)))] : [];
  });
  const principals = sources.map((fields) => allOf(fields.flatMap((field) => principalsOf(field))));
  return { policy: permissions.length === 0 ? undefined : { permissions, principals }, ignored };
}

const DESTINATION_PORT = 'destination.port';

function sourceFields(source: AuthorizationSource, context: RuleContext): Field<Principal>[] {
  const { policyNamespace, trustDomains } = context;
  const isHttp = context.layer === 'http';
  const field = (
    name: string,
    values: Values,
    notValues: Values,
    match: Field<Principal>['match'],
  ): Field<Principal> => ({ name: `from.source.${name}`, values, notValues, match });
  const { principals, notPrincipals, requestPrincipals, notRequestPrincipals } = source;
  return [
    field('principals', principals, notPrincipals, (value) => principalOf(value, trustDomains)),
    field(
      'requestPrincipals',
      requestPrincipals,
      notRequestPrincipals,
      isHttp ? requestPrincipalOf : undefined,
    ),
    field('namespaces', source.namespaces, source.notNamespaces, namespaceOf),
    field('serviceAccounts', source.serviceAccounts, source.notServiceAccounts, (value) =>
      serviceAccountOf(value, policyNamespace),
    ),
    field('trustDomains', source.trustDomains, source.notTrustDomains, (value) =>
      trustDomainOf(value, trustDomains),
    ),
    field('ipBlocks', source.ipBlocks, source.notIpBlocks, directAddressOf),
    field('remoteIpBlocks', source.remoteIpBlocks, source.notRemoteIpBlocks, remoteAddressOf),
  ];
}

function operationFields(
  operation: AuthorizationOperation,
  layer: RuleContext['layer'],
): Field<Permission>[] {
  const { ports, notPorts, hosts, notHosts, methods, notMethods, paths, notPaths } = operation;
  const ofRequest = (
    name: string,
    [values, notValues]: readonly [Values, Values],
    match: (value: string) => Permission,
  ): Field<Permission> => ({
    name: `to.operation.${name}`,
    values,
    notValues,
    match: layer === 'http' ? match : undefined,
  });
  return [
    { name: DESTINATION_PORT, values: ports, notValues: notPorts, match: destinationPortOf },
    ofRequest('hosts', [hosts, notHosts], hostOf),
    ofRequest('methods', [methods, notMethods], methodOf),
    ofRequest('paths', [paths, notPaths], pathOf),
  ];
}

type ConditionField =
  | { readonly side: 'principal'; readonly field: Field<Principal> }
  | { readonly side: 'permission'; readonly field: Field<Permission> };

/** Keys of `when` that a connection or, on HTTP, a request has an answer to. */
function conditionField(
  condition: { readonly key: string; readonly values: Values; readonly notValues: Values },
  { layer, policyNamespace, trustDomains }: RuleContext,
): ConditionField {
  const { key, values, notValues } = condition;
  const principal = (match: Field<Principal>['match']): ConditionField => ({
    side: 'principal',
    field: { name: key, values, notValues, match },
  });
  const permission = (match: Field<Permission>['match']): ConditionField => ({
    side: 'permission',
    field: { name: key, values, notValues, match },
  });
  switch (key) {
    case 'source.ip':
      return principal(directAddressOf);
    case 'remote.ip':
      return principal(remoteAddressOf);
    case 'source.namespace':
      return principal(namespaceOf);
    case 'source.principal':
      return principal((value) => principalOf(value, trustDomains));
    case 'source.serviceAccount':
      return principal((value) => serviceAccountOf(value, policyNamespace));
    case 'source.trustDomain':
      return principal((value) => trustDomainOf(value, trustDomains));
    case 'destination.ip':
      return permission(destinationAddressOf);
    case DESTINATION_PORT:
      return permission(destinationPortOf);
    case 'connection.sni':
      return permission(serverNameOf);
    default: {
      const ofFilter = filterMetadataOf(key);
      if (ofFilter) return permission(ofFilter);
      return principal(layer === 'http' ? ofRequest(key) : undefined);
    }
  }
}

/** What `request.…` asks; undefined for whatever we do not know. */
function ofRequest(key: string): Field<Principal>['match'] {
  switch (key) {
    case 'request.auth.principal':
      return requestPrincipalOf;
    case 'request.auth.audiences':
      return claimOf(['aud']);
    case 'request.auth.presenter':
      return claimOf(['azp']);
    default: {
      const [, header] = /^request\.headers\[(.+)\]$/.exec(key) ?? [];
      if (header !== undefined) return headerOf(header);
      const path = claimPath(/^request\.auth\.claims(\[.+)$/.exec(key)?.[1] ?? '');
      return path && claimOf(path);
    }
  }
}

const hasValues = ({ values, notValues }: Field<unknown>): boolean =>
  (values?.length ?? 0) + (notValues?.length ?? 0) > 0;

/** The conditions that cannot be matched, or some value of which cannot. */
function ignoredIn(fields: readonly Field<unknown>[]): readonly string[] {
  const names = fields
    .filter(hasValues)
    .filter(({ match, values = [], notValues = [] }) =>
      [...values, ...notValues].some((value) => match?.(value) === undefined),
    )
    .map(({ name }) => name);
  return [...new Set(names)].toSorted();
}

/**
 * On a chain of one port what is said of ports is known beforehand: the fields without it, or
 * undefined when it does not hold. So a policy of another port leaves this one's resource alone.
 */
function withoutKnownPort(
  fields: readonly Field<Permission>[],
  port: ChainPort,
): readonly Field<Permission>[] | undefined {
  if (port === 'passthrough') return fields;
  const text = String(port);
  const isFalse = (field: Field<Permission>): boolean => {
    const values = readable(field.values);
    const notValues = readable(field.notValues);
    return (values.length > 0 && !values.includes(text)) || notValues.includes(text);
  };
  const [ports, rest] = [
    fields.filter(({ name }) => name === DESTINATION_PORT),
    fields.filter(({ name }) => name !== DESTINATION_PORT),
  ];
  return ports.some(isFalse) ? undefined : rest;
}

/** Only a DENY rule still has values that are no ports: like any such value, they are left out. */
const readable = (values: Values = []): readonly string[] =>
  values.filter((value) => destinationPortOf(value) !== undefined);

function principalsOf({ values, notValues, match }: Field<Principal>): Principal[] {
  const wanted = matchersOf(values, match);
  const unwanted = matchersOf(notValues, match);
  return [
    ...(wanted.length > 0 ? [anyOf(wanted)] : []),
    ...(unwanted.length > 0 ? [notPrincipal(anyOf(unwanted))] : []),
  ];
}

function permissionsOf({ values, notValues, match }: Field<Permission>): Permission[] {
  const wanted = matchersOf(values, match);
  const unwanted = matchersOf(notValues, match);
  return [
    ...(wanted.length > 0 ? [anyOfPermissions(wanted)] : []),
    ...(unwanted.length > 0 ? [notPermission(anyOfPermissions(unwanted))] : []),
  ];
}

const matchersOf = <M>(values: Values = [], match: Field<M>['match']): M[] =>
  values.flatMap((value) => match?.(value) ?? []);

const nonEmpty = <T>(list: readonly T[] | undefined, otherwise: T): readonly T[] =>
  list !== undefined && list.length > 0 ? list : [otherwise];
