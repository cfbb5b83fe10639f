// The names of what decides about requests to a workload: extension configurations that the filters
// of an HTTP chain fetch by name, so that policies change without the chain.
import { parsePort } from './names.ts';

/**
 * Which filter: whom to ask (`custom`) and the asking (`authorizer`), whose token it is (`jwt`),
 * what refuses, what must agree.
 */
export type HttpPolicyRef =
  /** The same on every port of a workload. */
  | { readonly kind: 'authorizer' | 'jwt' }
  | { readonly kind: 'custom' | 'deny' | 'allow'; readonly port: number };

/** `http-jwt`, `http-deny|8080`. */
export const httpPolicyName = (ref: HttpPolicyRef): string =>
  'port' in ref ? `http-${ref.kind}|${ref.port}` : `http-${ref.kind}`;

export function parseHttpPolicyName(name: string): HttpPolicyRef | undefined {
  const [, kind, portText] = /^http-([a-z]+)(?:\|([0-9]+))?$/.exec(name) ?? [];
  const port = portText === undefined ? undefined : parsePort(portText);
  switch (kind) {
    case 'authorizer':
    case 'jwt':
      return portText === undefined ? { kind } : undefined;
    case 'custom':
    case 'deny':
    case 'allow':
      return port === undefined ? undefined : { kind, port };
    default:
      return undefined;
  }
}

/** The filters of a port, in their order. */
export const httpPolicyRefs = (port: number): readonly HttpPolicyRef[] => [
  { kind: 'custom', port },
  { kind: 'authorizer' },
  { kind: 'jwt' },
  { kind: 'deny', port },
  { kind: 'allow', port },
];

/** The asking about connections; the same on every port of a workload. */
export const TCP_AUTHORIZER = 'rbac-authorizer';

/** The listener filter that looks for HTTP in plaintext, where a port has not said what it is. */
export const HTTP_INSPECTION = 'http-inspection';
