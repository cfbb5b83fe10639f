// For tests: random specs of the kinds that say who may do what and what is logged of it. They go
// with the objects of fuzz-objects.ts.
import * as fc from 'fast-check';

const one = fc.constantFrom;

const selector = one(
  undefined,
  undefined,
  { matchLabels: { app: 'x' } },
  { matchLabels: { app: 'y' } },
);

const RULES = [
  [{}],
  [{ to: [{ operation: { ports: ['5432'] } }] }],
  [{ to: [{ operation: { methods: ['GET'], paths: ['/a/{*}'], hosts: ['*.example'] } }] }],
  [{ when: [{ key: 'request.auth.claims[a][b]', values: ['c'] }] }],
  [{ from: [{ source: { requestPrincipals: ['*'], notNamespaces: ['b'] } }] }],
] as const;

/** Of actions that need nothing else, or (CUSTOM) a provider, which there may be or not. */
export const authorizationSpec = fc.oneof(
  fc.record({ selector, action: one('ALLOW', 'DENY', 'AUDIT'), rules: one(...RULES) }),
  fc.record({
    selector,
    action: fc.constant('CUSTOM'),
    provider: one({ name: 'gate' }, { name: 'gone' }),
    rules: one(...RULES.slice(0, 4)),
  }),
);

const jwtRule = one(
  { issuer: 'i1', jwks: '{"keys":[{"kty":"EC"}]}' },
  { issuer: 'i1', jwksUri: 'https://keys.example/1', timeout: '2s' },
  { issuer: 'i2', jwksUri: 'https://keys.example/1' },
  { issuer: 'https://i3.example/', forwardOriginalToken: true },
  { issuer: 'i4', jwks: 'nonsense' },
  { issuer: '' },
);

export const requestAuthenticationSpec = fc.record({
  selector,
  jwtRules: fc.array(jwtRule, { maxLength: 2 }),
});

const accessLogging = fc.record(
  {
    match: one({ mode: 'CLIENT' }, { mode: 'SERVER' }, { mode: 'CLIENT_AND_SERVER' }),
    providers: one(
      [{ name: 'envoy' }],
      [{ name: 'file' }],
      [{ name: 'file' }, { name: 'envoy' }],
      [{ name: 'records' }],
    ),
    disabled: one(true, false),
    filter: one({ expression: 'response.code >= 400' }),
  },
  { requiredKeys: [] },
);

const tracing = fc.record(
  {
    match: one({ mode: 'CLIENT' }, { mode: 'SERVER' }),
    providers: one([{ name: 'spans' }], [{ name: 'nowhere' }]),
    disableSpanReporting: one(true, false),
    randomSamplingPercentage: one(0, 50),
    customTags: one({ a: { literal: { value: 'b' } } }),
  },
  { requiredKeys: [] },
);

const metrics = fc.record(
  {
    providers: one([{ name: 'prometheus' }], [{ name: 'elsewhere' }]),
    overrides: one(
      [{ disabled: true }],
      [{ match: { metric: 'REQUEST_COUNT', mode: 'CLIENT' }, disabled: false }],
      [{ match: { mode: 'SERVER' }, tagOverrides: { a: { operation: 'REMOVE' } } }],
      [{ tagOverrides: { a: { value: 'request.host' }, b: { value: 'no cel' } } }],
    ),
  },
  { requiredKeys: [] },
);

export const telemetrySpec = fc.record({
  selector,
  accessLogging: fc.array(accessLogging, { maxLength: 2 }),
  tracing: fc.array(tracing, { maxLength: 2 }),
  metrics: fc.array(metrics, { maxLength: 2 }),
});

/** For the mesh's settings: what the above name. */
export const PROVIDERS = `
extensionProviders:
  - { name: gate, envoyExtAuthzHttp: { service: s1.a.svc.cluster.local, port: 80 } }
  - { name: file, envoyFileAccessLog: { path: /log } }
  - { name: records, envoyOtelAls: { service: a/s1.a.svc.cluster.local, port: 80 } }
  - { name: spans, opentelemetry: { service: s2.b.svc.cluster.local, port: 80 } }
`;
