// security.istio.io AuthorizationPolicy: the single source of the kind.
import { AUTHORIZATION_POLICY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, strings, workloadSelector } from '../kind-parts.ts';
import { ONE_TARGET, targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { list, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const serviceAccounts = () => list(string({ lengthMax: 320 }), { itemsMax: 16 });

const source = object(
  {
    principals: strings(),
    notPrincipals: strings(),
    requestPrincipals: strings(),
    notRequestPrincipals: strings(),
    namespaces: strings(),
    notNamespaces: strings(),
    serviceAccounts: serviceAccounts(),
    notServiceAccounts: serviceAccounts(),
    trustDomains: strings(),
    notTrustDomains: strings(),
    ipBlocks: strings(),
    notIpBlocks: strings(),
    remoteIpBlocks: strings(),
    notRemoteIpBlocks: strings(),
  },
  {
    rules: [
      {
        cel: '(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true',
        message: 'Cannot set serviceAccounts with namespaces or principals',
        holds: (self) =>
          (self.serviceAccounts ?? self.notServiceAccounts) === undefined ||
          (self.principals ?? self.notPrincipals ?? self.namespaces ?? self.notNamespaces) ===
            undefined,
      },
    ],
  },
);

const operation = object({
  hosts: strings(),
  notHosts: strings(),
  ports: strings(),
  notPorts: strings(),
  methods: strings(),
  notMethods: strings(),
  paths: strings(),
  notPaths: strings(),
});

const condition = object(
  { key: string(), values: strings(), notValues: strings() },
  { required: ['key'] },
);

const rule = object({
  from: list(object({ source }), { itemsMax: 512 }),
  to: list(object({ operation })),
  when: list(condition),
});

export const authorizationPolicySpec = object(
  {
    selector: workloadSelector(),
    targetRef,
    targetRefs: list(targetRef, { itemsMax: 16 }),
    rules: list(rule, { itemsMax: 512 }),
    action: word(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']),
    provider: object({ name: string() }),
  },
  {
    oneOf: ['provider'],
    rules: [ONE_TARGET],
  },
);

export type AuthorizationPolicySpec = Static<typeof authorizationPolicySpec>;
export type AuthorizationAction = NonNullable<AuthorizationPolicySpec['action']>;
/** A rule matches when one `from`, one `to` and every `when` does; absent ones always do. */
export type AuthorizationRule = Static<typeof rule>;
/** Fields are AND, the values of one field OR, `not…` the negation of its namesake. */
export type AuthorizationSource = Static<typeof source>;
export type AuthorizationOperation = Static<typeof operation>;
export type AuthorizationCondition = Static<typeof condition>;

export const authorizationPolicyKind: Kind<AuthorizationPolicySpec> = {
  type: AUTHORIZATION_POLICY,
  singular: 'authorizationpolicy',
  shortNames: ['ap'],
  categories: ['istio-io', 'security-istio-io'],
  versions: ['v1', 'v1beta1'],
  columns: [{ name: 'Action', type: 'string', jsonPath: '.spec.action' }, AGE],
  spec: authorizationPolicySpec,
  isSpecRequired: false,
  status: istioStatus(),
};
