import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import type { ChainPort } from './names.ts';
import { authorizationNotes, buildRbac } from './rbac.ts';
import { simulateRbac } from './simulate-rbac.ts';
import type { SimulatedConnection } from './simulate-rbac.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const CONNECTION: SimulatedConnection = {
  principal: WEB,
  sourceAddress: '10.24.2.23',
  destinationAddress: '10.128.0.14',
  destinationPort: 5432,
  sni: 'outbound_.5432_._.db.default.svc.cluster.local',
};

function policy(
  action: AuthorizationPolicy['action'],
  rules: readonly AuthorizationRule[],
  options: Partial<AuthorizationPolicy> = {},
): AuthorizationPolicy {
  return {
    namespace: 'default',
    name: action.toLowerCase(),
    createdAtMs: 0,
    labels: {},
    annotations: {},
    action,
    selector: {},
    targets: [],
    rules,
    provider: '',
    isDryRun: false,
    ...options,
  };
}

/** Is a connection let in by both halves, as the filter chain of `port` asks them? */
function decide(
  policies: readonly AuthorizationPolicy[],
  connection: Partial<SimulatedConnection> = {},
  options: { readonly port?: ChainPort; readonly trustDomains?: readonly string[] } = {},
): boolean {
  const { port = 5432, trustDomains = ['cluster.local'] } = options;
  const authorization = {
    allow: policies.filter(({ action }) => action === 'ALLOW'),
    deny: policies.filter(({ action }) => action === 'DENY'),
    audit: policies.filter(({ action }) => action === 'AUDIT'),
    custom: policies.filter(({ action }) => action === 'CUSTOM'),
  };
  return (['custom', 'deny', 'allow'] as const).every((kind) => {
    const extension = buildRbac({ kind, port, authorization, trustDomains, hasAuthorizer: false });
    const message = create(TypedExtensionConfigSchema, extension);
    return simulateRbac(message, { ...CONNECTION, ...connection }).isAllowed;
  });
}

const PLAINTEXT = { principal: undefined, sni: '' };
const allow = (rule: AuthorizationRule): readonly AuthorizationPolicy[] => [
  policy('ALLOW', [rule]),
];
const deny = (rule: AuthorizationRule): readonly AuthorizationPolicy[] => [policy('DENY', [rule])];

type Row = {
  readonly title: string;
  readonly policies: readonly AuthorizationPolicy[];
  readonly connection?: Partial<SimulatedConnection>;
  readonly port?: ChainPort;
  readonly trustDomains?: readonly string[];
  readonly isAllowed: boolean;
};

const WHOLE: readonly Row[] = [
  { title: 'no policy lets everybody in', policies: [], isAllowed: true },
  { title: 'no policy lets plaintext in', policies: [], connection: PLAINTEXT, isAllowed: true },
  { title: 'ALLOW without rules', policies: [policy('ALLOW', [])], isAllowed: false },
  { title: 'ALLOW with an empty rule', policies: allow({}), isAllowed: true },
  { title: 'DENY without rules', policies: [policy('DENY', [])], isAllowed: true },
  { title: 'DENY with an empty rule', policies: deny({}), isAllowed: false },
  {
    title: 'DENY wins over ALLOW',
    policies: [...allow({}), ...deny({ from: [{ source: { namespaces: ['shop'] } }] })],
    isAllowed: false,
  },
  {
    title: 'any ALLOW policy of several will do',
    policies: [policy('ALLOW', [], { name: 'nothing' }), policy('ALLOW', [{}], { name: 'all' })],
    isAllowed: true,
  },
  {
    title: 'CUSTOM refuses what it selects',
    policies: [policy('CUSTOM', [{ to: [{ operation: { ports: ['5432'] } }] }])],
    isAllowed: false,
  },
  {
    title: 'CUSTOM leaves alone what it does not select',
    policies: [policy('CUSTOM', [{ to: [{ operation: { ports: ['80'] } }] }])],
    isAllowed: true,
  },
  { title: 'AUDIT', policies: [policy('AUDIT', [{}])], isAllowed: true },
  {
    title: 'ALLOW for trial only does not close the port',
    policies: [policy('ALLOW', [], { isDryRun: true })],
    isAllowed: true,
  },
  {
    title: 'DENY for trial only denies nothing',
    policies: [policy('DENY', [{}], { isDryRun: true })],
    isAllowed: true,
  },
];

const principals = (...values: string[]): AuthorizationRule => ({
  from: [{ source: { principals: values } }],
});

const SOURCE_RULES: readonly (readonly [string, AuthorizationRule, boolean])[] = [
  ['principal', principals('cluster.local/ns/shop/sa/web'), true],
  ['another principal', principals('cluster.local/ns/shop/sa/api'), false],
  ['one of several principals', principals('a/ns/b/sa/c', 'cluster.local/ns/shop/sa/web'), true],
  ['principal prefix', principals('cluster.local/ns/shop/*'), true],
  ['principal suffix', principals('*/sa/web'), true],
  ['another principal suffix', principals('*/sa/api'), false],
  ['any principal', principals('*'), true],
  ['a part of a principal', principals('cluster.local/ns/shop/sa/we'), false],
  ['namespace', { from: [{ source: { namespaces: ['shop'] } }] }, true],
  ['a part of a namespace', { from: [{ source: { namespaces: ['sho'] } }] }, false],
  ['namespace prefix', { from: [{ source: { namespaces: ['sh*'] } }] }, true],
  ['namespace suffix', { from: [{ source: { namespaces: ['*op'] } }] }, true],
  ['a dot in a namespace is a dot', { from: [{ source: { namespaces: ['sh.*'] } }] }, false],
  ['service account', { from: [{ source: { serviceAccounts: ['shop/web'] } }] }, true],
  [
    'service account of the own namespace',
    { from: [{ source: { serviceAccounts: ['web'] } }] },
    false,
  ],
  ['trust domain', { from: [{ source: { trustDomains: ['cluster.local'] } }] }, true],
  ['another trust domain', { from: [{ source: { trustDomains: ['other'] } }] }, false],
  ['not this principal', { from: [{ source: { notPrincipals: ['*/sa/web'] } }] }, false],
  ['not another principal', { from: [{ source: { notPrincipals: ['*/sa/api'] } }] }, true],
  ['not this namespace', { from: [{ source: { notNamespaces: ['shop'] } }] }, false],
  ['address block', { from: [{ source: { ipBlocks: ['10.24.0.0/16'] } }] }, true],
  ['single address', { from: [{ source: { ipBlocks: ['10.24.2.23'] } }] }, true],
  ['another block', { from: [{ source: { ipBlocks: ['10.25.0.0/16'] } }] }, false],
  ['not this block', { from: [{ source: { notIpBlocks: ['10.24.0.0/16'] } }] }, false],
  ['remote block', { from: [{ source: { remoteIpBlocks: ['10.24.2.0/24'] } }] }, true],
  [
    'all fields of one source',
    { from: [{ source: { principals: ['*'], ipBlocks: ['10.25.0.0/16'] } }] },
    false,
  ],
  [
    'any of several sources',
    { from: [{ source: { namespaces: ['x'] } }, { source: { namespaces: ['shop'] } }] },
    true,
  ],
];

const SOURCES: readonly Row[] = SOURCE_RULES.map(([title, rule, isAllowed]) => ({
  title: `ALLOW by ${title}`,
  policies: allow(rule),
  isAllowed,
}));

const PLAINTEXT_POLICIES: readonly (readonly [string, readonly AuthorizationPolicy[], boolean])[] =
  [
    ['ALLOW any principal', allow(principals('*')), false],
    ['ALLOW by namespace', allow({ from: [{ source: { namespaces: ['shop'] } }] }), false],
    ['ALLOW by address', allow({ from: [{ source: { ipBlocks: ['10.24.2.23'] } }] }), true],
    ['DENY by principal does not catch it', deny(principals('*')), true],
    [
      'DENY everybody but a principal catches it',
      deny({ from: [{ source: { notPrincipals: ['cluster.local/ns/shop/sa/web'] } }] }),
      false,
    ],
  ];

const PLAINTEXT_ROWS: readonly Row[] = PLAINTEXT_POLICIES.map(([title, policies, isAllowed]) => ({
  title: `plaintext: ${title}`,
  policies,
  connection: PLAINTEXT,
  isAllowed,
}));

const ports = (ports: string[]): AuthorizationRule => ({ to: [{ operation: { ports } }] });
const notPorts = (notPorts: string[]): AuthorizationRule => ({ to: [{ operation: { notPorts } }] });

const TARGETS: readonly Row[] = [
  { title: 'ALLOW this port', policies: allow(ports(['5432'])), isAllowed: true },
  { title: 'ALLOW another port', policies: allow(ports(['80', '81'])), isAllowed: false },
  { title: 'DENY this port', policies: deny(ports(['80', '5432'])), isAllowed: false },
  { title: 'DENY another port', policies: deny(ports(['80'])), isAllowed: true },
  { title: 'ALLOW but this port', policies: allow(notPorts(['5432'])), isAllowed: false },
  { title: 'ALLOW but another port', policies: allow(notPorts(['80'])), isAllowed: true },
  {
    title: 'any of several operations',
    policies: allow({ to: [{ operation: { ports: ['80'] } }, { operation: { ports: ['5432'] } }] }),
    isAllowed: true,
  },
  {
    title: 'an undeclared port is asked of the connection: this one',
    policies: deny(ports(['9999'])),
    connection: { destinationPort: 9999 },
    port: 'passthrough',
    isAllowed: false,
  },
  {
    title: 'an undeclared port is asked of the connection: another one',
    policies: deny(ports(['9999'])),
    connection: { destinationPort: 9998 },
    port: 'passthrough',
    isAllowed: true,
  },
  {
    title: 'when destination.port is another',
    policies: allow({ when: [{ key: 'destination.port', values: ['80'] }] }),
    isAllowed: false,
  },
  {
    title: 'when destination.ip is in the block',
    policies: allow({ when: [{ key: 'destination.ip', values: ['10.128.0.0/16'] }] }),
    isAllowed: true,
  },
  {
    title: 'when connection.sni begins so',
    policies: allow({ when: [{ key: 'connection.sni', values: ['outbound_.5432_*'] }] }),
    isAllowed: true,
  },
  {
    title: 'when connection.sni is not any',
    policies: allow({ when: [{ key: 'connection.sni', notValues: ['*'] }] }),
    isAllowed: false,
  },
  ...(
    [
      ['source.ip', '10.24.2.23'],
      ['remote.ip', '10.24.2.0/24'],
      ['source.namespace', 'shop'],
      ['source.principal', 'cluster.local/ns/shop/sa/web'],
      ['source.serviceAccount', 'shop/web'],
      ['source.trustDomain', 'cluster.local'],
    ] as const
  ).flatMap(([key, value]) => [
    {
      title: `when ${key} is this`,
      policies: allow({ when: [{ key, values: [value] }] }),
      isAllowed: true,
    },
    {
      title: `when ${key} is not this`,
      policies: allow({ when: [{ key, notValues: [value] }] }),
      isAllowed: false,
    },
  ]),
];

const GET: AuthorizationRule = { to: [{ operation: { methods: ['GET'], ports: ['5432'] } }] };

const HTTP_ONLY: readonly Row[] = [
  { title: 'rule 32: ALLOW GET allows nothing', policies: allow(GET), isAllowed: false },
  { title: 'rule 32: DENY GET denies everything', policies: deny(GET), isAllowed: false },
  {
    title: 'DENY GET of another port leaves this one alone',
    policies: deny({ to: [{ operation: { methods: ['GET'], ports: ['80'] } }] }),
    isAllowed: true,
  },
  {
    title: 'one such operation spoils the whole ALLOW rule',
    policies: allow({ to: [{ operation: { paths: ['/x'] } }, { operation: { ports: ['5432'] } }] }),
    isAllowed: false,
  },
  {
    title: 'but not another rule of the policy',
    policies: [policy('ALLOW', [GET, principals('*')])],
    isAllowed: true,
  },
  {
    title: 'ALLOW by a claim',
    policies: allow({ when: [{ key: 'request.auth.claims[group]', values: ['x'] }] }),
    isAllowed: false,
  },
  {
    title: 'DENY by a claim and a principal keeps the principal',
    policies: deny({
      ...principals('cluster.local/ns/shop/sa/api'),
      when: [{ key: 'request.auth.claims[group]', values: ['x'] }],
    }),
    isAllowed: true,
  },
  {
    title: 'ALLOW by request principal',
    policies: allow({ from: [{ source: { requestPrincipals: ['*'] } }] }),
    isAllowed: false,
  },
];

const ALIAS_CASES: readonly (readonly [string, string, string, boolean])[] = [
  ['cluster.local is our own trust domain', 'cluster.local/ns/shop/sa/web', 'corp', true],
  ['an alias is our own trust domain', 'old/ns/shop/sa/web', 'corp', true],
  ['our own trust domain is each alias', 'corp/ns/shop/sa/web', 'old', true],
  ['another trust domain stays what it is', 'foreign/ns/shop/sa/web', 'corp', false],
  ['wildcards are left alone', 'cluster.local/ns/shop/*', 'corp', false],
];

const ALIASES: readonly Row[] = ALIAS_CASES.map(([title, name, trustDomain, isAllowed]) => ({
  title: `rule 38: ${title}`,
  policies: allow(principals(name)),
  connection: { principal: `spiffe://${trustDomain}/ns/shop/sa/web` },
  trustDomains: ['corp', 'old'],
  isAllowed,
}));

for (const row of [...WHOLE, ...SOURCES, ...PLAINTEXT_ROWS, ...TARGETS, ...HTTP_ONLY, ...ALIASES]) {
  const { title, policies, connection, isAllowed, ...options } = row;
  test(`${title}: ${isAllowed ? 'allowed' : 'denied'}`, () => {
    assert.equal(decide(policies, connection, options), isAllowed);
  });
}

test('a policy for trial says what it would do', () => {
  const authorization = {
    allow: [policy('ALLOW', [principals('cluster.local/ns/a/sa/b')], { isDryRun: true })],
    deny: [],
    audit: [],
    custom: [],
  };
  const input = {
    port: 5432,
    authorization,
    hasAuthorizer: false,
    trustDomains: ['cluster.local'],
  } as const;
  const shadowOf = (kind: 'allow' | 'deny') =>
    simulateRbac(create(TypedExtensionConfigSchema, buildRbac({ kind, ...input })), CONNECTION)
      .shadow;
  assert.equal(shadowOf('allow'), false);
  assert.equal(shadowOf('deny'), undefined);
});

test('the access log can name the rule that decided', () => {
  const authorization = { allow: [], deny: deny(ports(['5432'])), audit: [], custom: [] };
  const extension = buildRbac({
    kind: 'deny',
    port: 5432,
    authorization,
    hasAuthorizer: false,
    trustDomains: ['cluster.local'],
  });
  const { policies } = simulateRbac(create(TypedExtensionConfigSchema, extension), CONNECTION);
  assert.deepEqual(policies, ['ns[default]-policy[deny]-rule[0]']);
});

test('a policy of another port leaves a port its bytes', () => {
  const of = (rules: readonly AuthorizationRule[]) =>
    buildRbac({
      kind: 'deny',
      port: 5432,
      authorization: { allow: [], deny: [policy('DENY', rules)], audit: [], custom: [] },
      hasAuthorizer: false,
      trustDomains: ['cluster.local'],
    }).typedConfig;
  assert.deepEqual(of([ports(['80'])]), of([ports(['81'])]));
});

test('the writer of a policy is told what TCP makes of it', () => {
  const messages = (of: AuthorizationPolicy): readonly string[] =>
    authorizationNotes(of).map(({ message }) => message);
  assert.deepEqual(messages(policy('ALLOW', [principals('*')])), []);
  assert.match(
    messages(policy('ALLOW', [{}, GET]))[0] ?? '',
    /methods \(rule 1\), the rule allows no connection/,
  );
  assert.match(messages(policy('DENY', [GET]))[0] ?? '', /methods.* without regard to it/);
  assert.match(messages(policy('CUSTOM', [{}]))[0] ?? '', /on TCP ports it does not count/);
  assert.deepEqual(messages(policy('AUDIT', [{}])), []);
});
