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
    kind: 'RequestAuthentication',
    title: 'Which tokens of users are believed',
    says: 'Checks tokens that requests bring; that one must be there is an AuthorizationPolicy’s.',
  },
];

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
  RequestAuthentication: `  # Which workloads it is for; without it, all of the namespace.
  selector:
    matchLabels:
      app: change-me
  jwtRules:
  - issuer: https://accounts.example.com
    jwksUri: https://accounts.example.com/jwks.json
`,
};

export function newPolicy(kind: string, namespace: string, name: string): string {
  return `apiVersion: security.istio.io/v1
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
