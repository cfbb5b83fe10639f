// security.istio.io AuthorizationPolicy: who may do what to a workload.
import type { ParsedMeta } from '../object.ts';

/** Fields are AND, the values of one field OR, `not…` the negation of its namesake. */
export type AuthorizationSource = {
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
};

export type AuthorizationOperation = {
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly string[];
  readonly notPorts?: readonly string[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
};

export type AuthorizationCondition = {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
};

export type AuthorizationRule = {
  readonly from?: readonly { readonly source?: AuthorizationSource }[];
  readonly to?: readonly { readonly operation?: AuthorizationOperation }[];
  readonly when?: readonly AuthorizationCondition[];
};

export type AuthorizationAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

export type AuthorizationPolicy = ParsedMeta & {
  readonly action: AuthorizationAction;
  /** Absent: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>> | undefined;
  /** Set by targetRefs: it is about gateways and waypoints, not about sidecars. */
  readonly hasTargetRefs: boolean;
  readonly rules: readonly AuthorizationRule[];
  /** Of action CUSTOM; empty otherwise. */
  readonly provider: string;
  /** Annotation `istio.io/dry-run`: says what it would do, and does nothing. */
  readonly isDryRun: boolean;
};
