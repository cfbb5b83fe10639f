// What a new policy begins as: a text that is valid, does the careful thing and says what it does.
import { flowText } from './yaml-text.ts';

export type Template = { readonly kind: string; readonly title: string; readonly says: string };

export const TEMPLATES: readonly Template[] = [
  {
    kind: 'AuthorizationPolicy',
    title: 'Who may connect',
    says: 'Allows the identities that it names and, once it selects a workload, nobody else.',
  },
  {
    kind: 'PeerAuthentication',
    title: 'Whether encryption is demanded',
    says: 'STRICT refuses clear text; PERMISSIVE takes both.',
  },
  {
    kind: 'DestinationRule',
    title: 'How clients connect',
    says: 'TLS, load balancing, limits and ejection, as set at the client’s side.',
  },
];

const GROUP: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
};

const SPEC: Readonly<Record<string, string>> = {
  AuthorizationPolicy: `  # Which workloads it protects; without it, all of the namespace.
  selector:
    matchLabels:
      app: change-me
  action: ALLOW
  rules:
  # Who may connect, and to which ports.
  - from:
    - source:
        principals: []
`,
  PeerAuthentication: `  # Which workloads it is for; without it, all of the namespace.
  selector:
    matchLabels:
      app: change-me
  mtls:
    mode: PERMISSIVE
`,
  DestinationRule: `  # The host as clients call it.
  host: change-me
  trafficPolicy:
    connectionPool:
      tcp:
        connectTimeout: 10s
`,
};

export function newPolicy(kind: string, namespace: string, name: string): string {
  return `apiVersion: ${GROUP[kind] ?? 'security.istio.io/v1'}
kind: ${flowText(kind)}
metadata:
  name: ${flowText(name)}
  namespace: ${flowText(namespace)}
spec:
${SPEC[kind] ?? '  {}\n'}`;
}

/** Kubernetes' rule for names of objects; empty: it is one. */
export function nameProblem(name: string): string {
  if (name === '') return 'A name is needed.';
  if (name.length > 253) return 'A name has at most 253 characters.';
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)
    ? ''
    : 'A name has small letters, digits, - and . and begins and ends with a letter or digit.';
}
