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
  {
    kind: 'DestinationRule',
    title: 'How clients speak to a host',
    says: 'TLS, limits, balancing and subsets of its endpoints, by the proxies of its clients.',
  },
  {
    kind: 'VirtualService',
    title: 'Where calls to a host lead',
    says: 'Leads them to other hosts or subsets, by path, header or weight.',
  },
  {
    kind: 'Sidecar',
    title: 'Whom workloads see',
    says: 'Limits what the workloads of a namespace reach, in the mesh and outside of it.',
  },
  {
    kind: 'Telemetry',
    title: 'What is logged and traced',
    says: 'Access logs and traces of workloads; it refuses nobody.',
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
  DestinationRule: `  # Whom it is about; a short name is one of this namespace.
  host: change-me
  trafficPolicy:
    tls:
      # The mesh's own; DISABLE is clear text, which a STRICT server refuses.
      mode: ISTIO_MUTUAL
`,
  VirtualService: `  # What clients call; a short name is one of this namespace.
  hosts: [change-me]
  http:
  - route:
    # Where calls are led.
    - destination:
        host: change-me
`,
  Sidecar: `  egress:
  # Whom the workloads of this namespace see: its own, and what the mesh itself needs.
  - hosts: ["./*", "istio-system/*"]
`,
  Telemetry: `  # Which workloads it is for; without it, all of the namespace.
  selector:
    matchLabels:
      app: change-me
  accessLogging:
  - providers:
    - name: envoy
`,
};

/** By kind: where the API has it. */
const VERSIONS: Readonly<Record<string, string>> = {
  DestinationRule: 'networking.istio.io/v1',
  VirtualService: 'networking.istio.io/v1',
  Sidecar: 'networking.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
};

export function newPolicy(kind: string, namespace: string, name: string): string {
  return `apiVersion: ${VERSIONS[kind] ?? 'security.istio.io/v1'}
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
