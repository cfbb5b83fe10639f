// What a policy means to requests: AuthorizationPolicy's rules as Istio has them, told by what
// becomes of a request. What it means to connections is in rbac.test.ts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import { buildHttpRbac } from './http-rbac.ts';
import { customRulePrefix } from './rbac-rules.ts';
import { simulateRbac } from './simulate-rbac.ts';
import type { RbacVerdict, SimulatedConnection } from './simulate-rbac.ts';
import type { SimulatedRequest } from './simulate-request.ts';

const CLAIMS = {
  iss: 'https://issuer.example/tenant',
  sub: 'alice',
  aud: ['books', 'music'],
  azp: 'app',
  groups: ['readers', 'staff'],
  realm: { roles: ['admin'] },
};

const REQUEST: SimulatedRequest = {
  method: 'GET',
  host: 'Books.shop:8080',
  path: '/books/1/pages/2?lang=en',
  headers: { 'user-agent': 'curl/8', 'x-forwarded-for': '8.8.8.8, 192.0.2.7' },
  claims: CLAIMS,
};

const CONNECTION = {
  principal: 'spiffe://cluster.local/ns/shop/sa/web',
  sourceAddress: '10.24.2.23',
  destinationAddress: '10.128.0.14',
  destinationPort: 8080,
  sni: 'outbound_.80_._.books.shop.svc.cluster.local',
};

type Action = AuthorizationPolicy['action'];
type Called = Partial<SimulatedRequest> & Partial<Omit<SimulatedConnection, 'request'>>;

const policy = (
  action: Action,
  rules: readonly AuthorizationRule[],
  options: Partial<AuthorizationPolicy> = {},
): AuthorizationPolicy => ({
  namespace: 'shop',
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
});

const NOTHING_DECIDED: RbacVerdict = { isAllowed: true, policies: [], shadow: undefined };

function verdict(
  kind: 'custom' | 'deny' | 'allow',
  policies: readonly AuthorizationPolicy[],
  called: Called = {},
  { hasAuthorizer = false } = {},
): RbacVerdict {
  const of = (action: Action) => policies.filter((policy) => policy.action === action);
  const authorization = {
    allow: of('ALLOW'),
    deny: of('DENY'),
    audit: of('AUDIT'),
    custom: of('CUSTOM'),
  };
  const trustDomains = ['cluster.local'];
  const input = { kind, port: 8080, authorization, hasAuthorizer, trustDomains };
  const built = buildHttpRbac(input);
  if (built === undefined) return NOTHING_DECIDED;
  const extension = create(TypedExtensionConfigSchema, built);
  const connection: SimulatedConnection = {
    ...CONNECTION,
    ...called,
    request: { ...REQUEST, ...called },
  };
  return simulateRbac(extension, connection);
}

/** As the chain asks them, one after the other. */
const isAllowed = (policies: readonly AuthorizationPolicy[], called: Called = {}): boolean =>
  (['custom', 'deny', 'allow'] as const).every((kind) => verdict(kind, policies, called).isAllowed);

const from = (source: object): AuthorizationRule => ({ from: [{ source }] });
const to = (operation: object): AuthorizationRule => ({ to: [{ operation }] });
const when = (key: string, ...values: string[]): AuthorizationRule => ({ when: [{ key, values }] });

describe('rule 29: CUSTOM, then DENY, then ALLOW; no ALLOW at all lets everybody in', () => {
  const get = to({ methods: ['GET'] });
  const rows: readonly (readonly [string, readonly AuthorizationPolicy[], boolean])[] = [
    ['no policy', [], true],
    ['an ALLOW that matches', [policy('ALLOW', [get])], true],
    ['an ALLOW that does not', [policy('ALLOW', [to({ methods: ['PUT'] })])], false],
    ['both match', [policy('ALLOW', [get]), policy('DENY', [get])], false],
    ['AUDIT only', [policy('AUDIT', [get])], true],
    ['CUSTOM with nobody to ask', [policy('CUSTOM', [get], { provider: 'gone' })], false],
  ];
  for (const [name, policies, expected] of rows) {
    test(`${name}: ${expected ? 'allowed' : 'denied'}`, () => {
      assert.equal(isAllowed(policies), expected);
    });
  }
});

test('rule 30: no rule allows nothing, an empty rule allows all, DENY without rules denies nothing', () => {
  assert.equal(isAllowed([policy('ALLOW', [])]), false);
  assert.equal(isAllowed([policy('ALLOW', [{}])]), true);
  assert.equal(isAllowed([policy('DENY', [])]), true);
});

test('rule 31: fields AND, values OR, `not` negated; from, to and when AND', () => {
  const allows = (rule: AuthorizationRule, called: Called = {}): boolean =>
    isAllowed([policy('ALLOW', [rule])], called);
  assert(allows(to({ methods: ['PUT', 'GET'], paths: ['/books/*'] })));
  assert(!allows(to({ methods: ['PUT', 'GET'], paths: ['/music/*'] })));
  assert(!allows(to({ methods: ['GET'], notPaths: ['/books/*'] })));
  assert(allows(to({ notMethods: ['PUT'], notPaths: ['/music/*'] })));
  const whole = { ...from({ namespaces: ['shop'] }), ...to({ methods: ['GET'] }) };
  assert(allows({ ...whole, ...when('request.headers[User-Agent]', 'curl/*') }));
  assert(!allows({ ...whole, ...when('request.headers[User-Agent]', 'wget/*') }));
  assert(!allows({ ...whole, ...from({ namespaces: ['other'] }) }));
});

/** Each condition of a rule, with a request that it is for and one that it is not for. */
const CONDITIONS: readonly (readonly [string, AuthorizationRule, Called, Called])[] = [
  ['a method', to({ methods: ['GET'] }), {}, { method: 'POST' }],
  ['a method by prefix', to({ methods: ['P*'] }), { method: 'PUT' }, {}],
  ['a path without its query', to({ paths: ['/books/1/pages/2'] }), {}, { path: '/books/1' }],
  ['a path by prefix', to({ paths: ['/books*'] }), {}, { path: '/music' }],
  ['a path by suffix', to({ paths: ['*/2'] }), {}, { path: '/2/3' }],
  ['a template', to({ paths: ['/books/{*}/pages/{*}'] }), {}, { path: '/books/1/2/pages/2' }],
  ['a deep template', to({ paths: ['/books/{**}'] }), {}, { path: '/music/1' }],
  ['a host in any case', to({ hosts: ['books.SHOP:8080'] }), {}, { host: 'other' }],
  ['a host by prefix', to({ hosts: ['books.shop*'] }), {}, { host: 'other' }],
  ['a host by suffix', to({ hosts: ['*.shop:8080'] }), {}, { host: 'shop' }],
  ['a header', when('request.headers[User-Agent]', 'curl/8'), {}, { headers: {} }],
  ['a header that is there', when('request.headers[x-a]', '*'), { headers: { 'x-a': '' } }, {}],
  [
    'rule 34: a principal',
    from({ principals: ['cluster.local/ns/shop/sa/web'] }),
    {},
    { principal: 'spiffe://cluster.local/ns/shop/sa/api' },
  ],
  [
    'rule 34: a service account of the policy’s namespace',
    from({ serviceAccounts: ['web'] }),
    {},
    { principal: 'spiffe://cluster.local/ns/other/sa/web' },
  ],
  [
    'rule 35: the peer’s address',
    from({ ipBlocks: ['10.24.0.0/16'] }),
    {},
    { sourceAddress: '10.9.9.9' },
  ],
  [
    'rule 35: the client’s address by x-forwarded-for',
    from({ remoteIpBlocks: ['192.0.2.0/24'] }),
    {},
    { headers: {} },
  ],
  [
    'a request principal',
    from({ requestPrincipals: [`${CLAIMS.iss}/alice`] }),
    {},
    { claims: { ...CLAIMS, sub: 'bob' } },
  ],
  ['anybody with a token', from({ requestPrincipals: ['*'] }), {}, { claims: undefined }],
  [
    'a subject of any issuer',
    from({ requestPrincipals: ['*/alice'] }),
    {},
    { claims: { ...CLAIMS, sub: 'bob' } },
  ],
  [
    'any subject of an issuer',
    from({ requestPrincipals: [`${CLAIMS.iss}/*`] }),
    {},
    { claims: { ...CLAIMS, iss: 'x' } },
  ],
  [
    'an issuer by prefix',
    from({ requestPrincipals: ['http*'] }),
    {},
    { claims: { ...CLAIMS, iss: 'x' } },
  ],
  ['when: a request principal', when('request.auth.principal', '*'), {}, { claims: undefined }],
  ['an audience', when('request.auth.audiences', 'music', 'x'), {}, { claims: { aud: 'x2' } }],
  ['a single audience', when('request.auth.audiences', 'one'), { claims: { aud: 'one' } }, {}],
  ['a presenter', when('request.auth.presenter', 'app'), {}, { claims: { azp: 'other' } }],
  ['a claim in a list', when('request.auth.claims[groups]', 'staff'), {}, { claims: {} }],
  [
    'a nested claim',
    when('request.auth.claims[realm][roles]', 'admin'),
    {},
    { claims: { realm: {} } },
  ],
  ['connection.sni', when('connection.sni', 'outbound_.80_*'), {}, { sni: '' }],
  [
    'destination.ip',
    when('destination.ip', '10.128.0.0/16'),
    {},
    { destinationAddress: '10.1.1.1' },
  ],
];

for (const [name, rule, matching, other] of CONDITIONS) {
  test(`${name}: ALLOW lets in, DENY keeps out, what it is for and nothing else`, () => {
    assert(isAllowed([policy('ALLOW', [rule])], matching));
    assert(!isAllowed([policy('DENY', [rule])], matching));
    assert(!isAllowed([policy('ALLOW', [rule])], other));
    assert(isAllowed([policy('DENY', [rule])], other));
  });
}

test('rule 34: nobody in plaintext is a principal: ALLOW blocks them, DENY does not catch them', () => {
  const plaintext: Called = { principal: undefined };
  const rule = from({ principals: ['*'] });
  assert(!isAllowed([policy('ALLOW', [rule])], plaintext));
  assert(isAllowed([policy('DENY', [rule])], plaintext));
});

test('rule 36: ports are the workload’s own', () => {
  assert(isAllowed([policy('ALLOW', [to({ ports: ['8080'] })])]));
  assert(!isAllowed([policy('ALLOW', [to({ ports: ['80'] })])]));
  assert(!isAllowed([policy('ALLOW', [to({ notPorts: ['8080'] })])]));
});

test('rule 37: a policy for trial says what it would do, apart from the others', () => {
  const tried = policy('DENY', [to({ methods: ['GET'] })], { isDryRun: true });
  const { isAllowed, shadow } = verdict('deny', [tried]);
  assert.deepEqual({ isAllowed, shadow }, { isAllowed: true, shadow: false });
  assert.equal(verdict('deny', [tried], { method: 'PUT' }).shadow, true);
});

test('rule 33: what CUSTOM selects is marked for its authorizer, and refused without one', () => {
  const custom = policy('CUSTOM', [to({ paths: ['/books/*'] })], { provider: 'opa' });
  const asked = verdict('custom', [custom], {}, { hasAuthorizer: true });
  assert.equal(asked.isAllowed, true);
  assert.equal(asked.shadow, false, 'the verdict that the authorizer’s filter reads');
  assert.equal(verdict('custom', [custom], { path: '/' }, { hasAuthorizer: true }).shadow, true);
  assert.equal(verdict('deny', [custom], {}, { hasAuthorizer: true }).isAllowed, true);
  const refused = verdict('deny', [custom]);
  assert.equal(refused.isAllowed, false);
  assert.deepEqual(refused.policies, [
    'ns[shop]-policy[custom]-rule[0]-deny-due-to-bad-CUSTOM-action',
  ]);
  assert.equal(verdict('deny', [custom], { path: '/' }).isAllowed, true);
  assert.equal(customRulePrefix('opa'), 'istio-ext-authz-opa-');
});

test('a value that cannot be read: ALLOW without the rule, DENY without the value', () => {
  const rule = { ...to({ methods: ['GET'] }), ...when('request.auth.claims[', 'x') };
  assert(!isAllowed([policy('ALLOW', [rule])]));
  assert(!isAllowed([policy('DENY', [rule])]));
  assert(isAllowed([policy('DENY', [rule])], { method: 'PUT' }));
});
