// The names of what decides about requests and connections to a workload: extension configurations
// that the filters of its chains fetch by name, so that policies change without the chain.
import { parsePort } from './names.ts';

/**
 * What decides about requests to a port, in this order: whom to ask (`custom`) and the asking
 * (`authorizer`), whose token it is (`jwt`), what refuses, what must agree.
 */
export const HTTP_POLICY_KINDS = ['custom', 'authorizer', 'jwt', 'deny', 'allow'] as const;
export type HttpPolicyKind = (typeof HTTP_POLICY_KINDS)[number];

/**
 * `http-policy|8080`: all that decides about requests to the port, in one filter. Each filter costs
 * every request, also one that has nothing to do.
 */
export const httpPolicyName = (port: number): string => `http-policy|${port}`;

/** Of a filter in it: `http-deny`. */
export const httpFilterName = (kind: HttpPolicyKind): string => `http-${kind}`;

export function parseHttpPolicyName(name: string): number | undefined {
  const [, port] = /^http-policy\|([0-9]+)$/.exec(name) ?? [];
  return port === undefined ? undefined : parsePort(port);
}

/** The asking about connections; the same on every port of a workload. */
export const TCP_AUTHORIZER = 'rbac-authorizer';

/** The listener filter that looks for HTTP in plaintext, where a port has not said what it is. */
export const HTTP_INSPECTION = 'http-inspection';
