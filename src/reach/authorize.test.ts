import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import { buildRbac } from '#resolve/rbac.ts';
import { simulateRbac } from '#resolve/simulate-rbac.ts';
import { authorize } from './authorize.ts';
import type { PortPolicies } from './authorize.ts';
import type { CallFacts } from './rbac-truth.ts';
import { nearest } from './suggest.ts';

const one = fc.constantFrom;

const PRINCIPALS = [
  'cluster.local/ns/shop/sa/web',
  'cluster.local/ns/shop/*',
  '*/sa/web',
  '*',
  'other/ns/shop/sa/web',
];
const NAMESPACES = ['shop', 'prod', 'sh*', '*p', '*'];

const values = (all: readonly string[]) =>
  fc.uniqueArray(one(...all), { minLength: 1, maxLength: 2 });
const fields = fc.record(
  {
    principals: values(PRINCIPALS),
    notPrincipals: values(PRINCIPALS),
    namespaces: values(NAMESPACES),
    notNamespaces: values(NAMESPACES),
    ipBlocks: values(['10.24.0.0/16', '10.24.2.23', '192.168.0.0/16']),
    notIpBlocks: values(['10.24.2.0/24', '10.25.0.0/16']),
  },
  { requiredKeys: [] },
);
const operation = fc.record(
  {
    ports: values(['5432', '80']),
    notPorts: values(['5432', '80']),
    methods: values(['GET']),
  },
  { requiredKeys: [] },
);
const condition = fc.oneof(
  fc.record({ key: fc.constant('source.namespace'), values: values(NAMESPACES) }),
  fc.record({ key: fc.constant('destination.ip'), values: values(['10.128.0.0/16', '10.1.1.1']) }),
  fc.record({ key: fc.constant('connection.sni'), values: values(['outbound_.5432*', 'x']) }),
  fc.record({ key: fc.constant('source.serviceAccount'), notValues: values(['shop/web', 'web']) }),
);
const rule: fc.Arbitrary<AuthorizationRule> = fc.record(
  {
    from: fc.array(fc.record({ source: fields }), { minLength: 1, maxLength: 2 }),
    to: fc.array(fc.record({ operation }), { minLength: 1, maxLength: 2 }),
    when: fc.array(condition, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const policy: fc.Arbitrary<Omit<AuthorizationPolicy, 'name'>> = fc.record({
  namespace: one('default', 'istio-system'),
  createdAtMs: fc.constant(0),
  labels: fc.constant({}),
  annotations: fc.constant({}),
  action: one('ALLOW', 'DENY', 'CUSTOM', 'AUDIT'),
  selector: fc.constant({}),
  targets: fc.constant([]),
  rules: fc.array(rule, { maxLength: 3 }),
  provider: fc.constant('gate'),
  isDryRun: fc.boolean(),
});

const call: fc.Arbitrary<CallFacts> = fc.record({
  principal: one('', 'spiffe://cluster.local/ns/shop/sa/web', 'spiffe://other/ns/shop/sa/web'),
  sourceAddress: one('10.24.2.23', '192.168.1.1'),
  destinationAddress: one('10.128.0.14', '10.1.1.1'),
  destinationPort: one(5432, 80),
  sni: one('', 'outbound_.5432_._.db'),
});

const input = fc.record({
  policies: fc.array(policy, { maxLength: 4 }),
  call,
  trustDomains: one(['cluster.local'], ['cluster.local', 'other']),
  isPassthrough: fc.boolean(),
});

function portPolicies(
  list: readonly Omit<AuthorizationPolicy, 'name'>[],
  rest: Pick<PortPolicies, 'port' | 'trustDomains'>,
): PortPolicies {
  const named = list.map((one, index) => ({ ...one, name: `p${index}` }));
  const of = (action: AuthorizationPolicy['action']) =>
    named.filter((one) => one.action === action);
  const authorization = {
    allow: of('ALLOW'),
    deny: of('DENY'),
    audit: of('AUDIT'),
    custom: of('CUSTOM'),
  };
  return { authorization, hasAuthorizer: false, layer: 'tcp', ...rest };
}

/** What the filters of the port would do, as Envoy reads them. */
function simulate(policies: PortPolicies, facts: CallFacts): 'allowed' | 'refused' {
  const {
    principal,
    sourceAddress = '',
    destinationAddress = '',
    destinationPort,
    sni = '',
  } = facts;
  const connection = {
    principal: principal === '' ? undefined : principal,
    sourceAddress,
    destinationAddress,
    destinationPort,
    sni,
  };
  const isAllowed = (['custom', 'deny', 'allow'] as const).every((kind) => {
    const extension = create(TypedExtensionConfigSchema, buildRbac({ ...policies, kind }));
    return simulateRbac(extension, connection).isAllowed;
  });
  return isAllowed ? 'allowed' : 'refused';
}

test('of a call that is known whole, the verdict is the data plane’s', () => {
  const seen = { allowed: 0, refused: 0 };
  fc.assert(
    fc.property(input, ({ policies, call: facts, trustDomains, isPassthrough }) => {
      const port = isPassthrough ? 'passthrough' : facts.destinationPort;
      const of = portPolicies(policies, { port, trustDomains });
      const wanted = simulate(of, facts);
      seen[wanted] += 1;
      assert.equal(authorize(of, facts).verdict, wanted);
    }),
    { numRuns: 1000, seed: 6 },
  );
  assert(seen.allowed > 100 && seen.refused > 100, JSON.stringify(seen));
});

test('of a call that is known in part, no verdict is ever wrong', () => {
  let told = 0;
  fc.assert(
    fc.property(input, fc.boolean(), ({ policies, call: facts, trustDomains }, isNamed) => {
      const of = portPolicies(policies, { port: facts.destinationPort, trustDomains });
      const principal = isNamed ? facts.principal : undefined;
      const partly = { ...facts, principal, sourceAddress: undefined, sni: undefined };
      const { verdict } = authorize(of, partly);
      if (verdict === 'unknown') return;
      told += 1;
      assert.equal(verdict, simulate(of, facts));
    }),
    { numRuns: 1000, seed: 6 },
  );
  assert(told > 400, `${told} of 1000 are told`);
});

test('an expression of wildcards costs no more than its length times the text’s', () => {
  const many = 'a*'.repeat(60);
  const of = portPolicies(
    [
      {
        namespace: 'default',
        createdAtMs: 0,
        labels: {},
        annotations: {},
        action: 'ALLOW',
        selector: {},
        targets: [],
        rules: [{ from: [{ source: { namespaces: [many] } }] }],
        provider: '',
        isDryRun: false,
      },
    ],
    { port: 5432, trustDomains: ['cluster.local'] },
  );
  const principal = `spiffe://cluster.local/ns/${'a'.repeat(59)}b/sa/x`;
  const facts = {
    principal,
    sourceAddress: '',
    destinationAddress: '',
    destinationPort: 5432,
    sni: '',
  };
  assert.equal(authorize(of, facts).verdict, 'refused');
});

describe('did you mean', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['defalt', 'default'],
    ['postgers', 'postgres'],
    ['postgres', undefined],
    ['nothing', undefined],
    ['d', undefined],
  ];
  for (const [text, wanted] of rows) {
    test(`${text} → ${wanted}`, () => {
      assert.equal(nearest(text, ['default', 'postgres', 'db']), wanted);
    });
  }
});
