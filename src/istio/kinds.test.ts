// What Istio's kinds are refused for, in the words that a user reads, and what is made of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { isKubeObject } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parseAuthorizationPolicy } from './authorizationpolicy/authorization-policy.ts';
import { KIND_DESCRIPTIONS } from './kind-descriptions.ts';
import { customResourceDefinition } from './kind.ts';
import { KINDS } from './kinds.ts';
import { parseMeshPolicy, parsePolicy } from './meshpolicy/legacy-policy.ts';
import { renderViolation } from './object.ts';
import type { ParseResult } from './object.ts';
import { parsePeerAuthentication } from './peerauthentication/peer-authentication.ts';
import { parseServiceEntry } from './serviceentry/service-entry.ts';
import { parseWorkloadEntry } from './workloadentry/workload-entry.ts';

function objectOf(spec: string, rest = ''): KubeObject {
  const object: unknown = parse(`
metadata: { name: it, namespace: default${rest} }
spec: ${spec}
`);
  assert(isKubeObject(object));
  return object;
}

const problemsOf = (result: ParseResult<unknown>): readonly string[] =>
  result.ok ? [] : result.violations.map(renderViolation);

type Case = readonly [spec: string, problems: readonly string[], metadata?: string];
type Table = {
  readonly parse: (object: KubeObject) => ParseResult<unknown>;
  readonly cases: readonly Case[];
};

const TABLES: Readonly<Record<string, Table>> = {
  ServiceEntry: {
    parse: parseServiceEntry,
    cases: [
      ['{ hosts: [a.example.com, "*.b.example.com"] }', []],
      ['{ hosts: [a.b, c.d], ports: [{ name: a, number: 1, protocol: TCP }] }', []],
      [
        '{ hosts: [a.1] }',
        ['spec.hosts[0]: Invalid value: "a.1": must be a host name, whose first label may be *'],
      ],
      ['null', ['spec: Required value']],
      ['{ host: a }', ['unknown field "spec.host"', 'spec.hosts: Required value']],
      ['{ hosts: [a_b, "*"] }', ['spec.hosts[1]: Invalid value: "*": hostname cannot be wildcard']],
      [
        '{ hosts: [a_b], addresses: [10.0.0.300], ports: [{ name: A_B, number: 1, protocol: SCTP }] }',
        [
          'spec.hosts[0]: Invalid value: "a_b": must be a host name, whose first label may be *',
          'spec.addresses[0]: Invalid value: "10.0.0.300": must be an IP address or a CIDR',
          `spec.ports[0].name: Invalid value: "A_B": not a port's name`,
          'spec.ports[0].protocol: Unsupported value: "SCTP"',
        ],
      ],
      [
        '{ hosts: [a.b], ports: [{ name: a, number: 70000 }] }',
        ['spec.ports[0].number: Invalid value: 70000: port must be between 1-65535'],
      ],
      [
        '{ hosts: [a.b, c.d], resolution: STATIC, ports: [{ name: a, number: 1, protocol: TCP }] }',
        ['spec.hosts: Invalid value: several hosts need HTTP or TLS on every port'],
      ],
      [
        '{ hosts: ["*.b"], resolution: DNS }',
        [
          'spec.hosts[0]: Invalid value: "*.b": must be a full host name: without endpoints it is what DNS is asked for',
        ],
      ],
      [
        '{ hosts: [a.b], resolution: STATIC, endpoints: [{ address: c.d, ports: { x: 1 } }] }',
        [
          'spec.endpoints[0].address: Invalid value: "c.d": must be an IP address',
          'spec.endpoints[0].ports[x]: Invalid value: "x": the service entry has no port of this name',
        ],
      ],
      [
        '{ hosts: [a.b], exportTo: ["*", ".", default, "~"] }',
        [
          'spec.exportTo[2]: Duplicate value: "default"',
          'spec.exportTo: Invalid value: cannot be both public (*) and for some namespaces',
          'spec.exportTo: Invalid value: cannot be exported to no one (~) and someone',
        ],
      ],
      [
        '{ hosts: [a.b] }',
        [
          'metadata.annotations[istio.io/dry-run]: Forbidden: only an AuthorizationPolicy can be tried dry',
        ],
        ", annotations: { istio.io/dry-run: 'true' }",
      ],
    ],
  },
  WorkloadEntry: {
    parse: parseWorkloadEntry,
    cases: [
      ['{ address: vm.example.com }', []],
      ['{ network: n }', []],
      ['{ address: "unix:///run/a.sock" }', []],
      ['{}', ['spec: Invalid value: Address is required']],
      [
        '{ address: "a b" }',
        ['spec.address: Invalid value: "a b": must be an IP address or a host name'],
      ],
      [
        '{ address: 10.0.0.1, labels: { "a b": c, d: "e f", x_y/z: a } }',
        [
          `spec.labels[a b]: Invalid value: "a b": not a label's name`,
          `spec.labels[d]: Invalid value: "e f": not a label's value`,
          `spec.labels[x_y/z]: Invalid value: "x_y/z": not a label's name`,
        ],
      ],
    ],
  },
  PeerAuthentication: {
    parse: parsePeerAuthentication,
    cases: [
      ['null', []],
      [
        '{ portLevelMtls: { 80: { mode: STRICT } } }',
        ['spec: Invalid value: portLevelMtls requires selector'],
      ],
      [
        '{ selector: { matchLabels: { a: "*" } }, portLevelMtls: { http: {} } }',
        [
          'spec.selector.matchLabels[a]: Invalid value: "*": wildcard not allowed in label value match',
          'spec.portLevelMtls: Invalid value: port must be between 1-65535',
        ],
      ],
    ],
  },
  AuthorizationPolicy: {
    parse: parseAuthorizationPolicy,
    cases: [
      ['{}', []],
      ['{ rules: [{ from: [{ source: { ipBlocks: [10.0.0.0/8] } }] }] }', []],
      [
        '{ action: DENY }',
        [
          'spec.rules: Required value: DENY without rules never applies; add an empty rule {} to mean everything',
        ],
      ],
      [
        '{ action: CUSTOM, rules: [{ from: [{ source: { principals: [a] } }], when: [{ key: source.namespace, values: [n] }] }] }',
        [
          'spec.provider.name: Required value',
          'spec.rules[0].from[0].source.principals: Forbidden: not supported with CUSTOM',
          'spec.rules[0].when[0].key: Forbidden: "source.namespace" is not supported with CUSTOM',
        ],
      ],
      [
        '{ provider: { name: p }, rules: [{ from: [], to: [{}] }] }',
        [
          'spec.provider: Forbidden: only CUSTOM has a provider, not ALLOW',
          'spec.rules[0].from: Invalid value: must not be empty',
          'spec.rules[0].to[0].operation: Required value',
        ],
      ],
      [
        '{ rules: [{ to: [{ operation: { ports: ["80", "65536"], paths: ["/{x}/{*}"], hosts: [""] } }] }] }',
        [
          'spec.rules[0].to[0].operation.paths[0]: Invalid value: "/{x}/{*}": is no path template that is supported',
          'spec.rules[0].to[0].operation.hosts[0]: Invalid value: "": an empty value is not allowed',
          'spec.rules[0].to[0].operation.ports[1]: Invalid value: "65536": must be a port number',
        ],
      ],
      [
        '{ rules: [{ when: [{ key: source.name, values: [a] }, { key: source.ip, values: [a] }, { key: "request.headers[]", values: [a] }, { key: source.ip }] }] }',
        [
          'spec.rules[0].when[0].key: Unsupported value: "source.name": unknown attribute',
          'spec.rules[0].when[1].values: Invalid value: "a": not a value of source.ip',
          'spec.rules[0].when[2].key: Invalid value: "request.headers[]": must have the form a[b]',
          'spec.rules[0].when[3].values: Required value: one of values and notValues must be set',
        ],
      ],
      [
        '{ action: AUDIT }',
        [
          'metadata.annotations[istio.io/dry-run]: Forbidden: only ALLOW and DENY can be tried dry, not AUDIT',
        ],
        ", annotations: { istio.io/dry-run: 'true' }",
      ],
      [
        '{ targetRef: { kind: Pod, name: a } }',
        ['spec.targetRef: Invalid value: "/Pod": no policy can be attached to it'],
      ],
    ],
  },
};

const LEGACY_TABLES: Readonly<Record<string, Table>> = {
  MeshPolicy: {
    parse: (object) => parseMeshPolicy(named(object, 'default')),
    cases: [
      ['{ peers: [{ mtls: {} }] }', []],
      ['{ peers: [{ mtls: { mode: PERMISSIVE } }], principalBinding: USE_ORIGIN }', []],
      ['null', []],
      ['{ peers: [{ mtls: null }] }', ['spec.peers[0]: Required value: mtls: {} or jwt']],
      [
        '{ peers: [{ mtls: { mode: LAX } }], targets: [] }',
        [
          'spec.peers[0].mtls.mode: Unsupported value: "LAX": supported values: "STRICT", "PERMISSIVE"',
        ],
      ],
      [
        '{ targets: [{ name: a }] }',
        ['spec.targets: Forbidden: a MeshPolicy is for the whole mesh'],
      ],
    ],
  },
  Policy: {
    parse: parsePolicy,
    cases: [
      ['{ targets: [{ name: a, ports: [{ number: 1 }, { name: http }] }] }', []],
      [
        '{ targets: [{ name: a, ports: [{ number: 0 }, {}] }] }',
        [
          'spec.targets[0].ports[0].number: Invalid value: 0: must be 1 to 65535',
          'spec.targets[0].ports[1]: Required value: number or name',
        ],
      ],
      [
        '{ peers: [{ mtls: {} }] }',
        [
          'spec.targets: Required value: only the Policy called "default" is for its whole namespace',
        ],
      ],
    ],
  },
};

const named = (object: KubeObject, name: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, name },
});

test('only MeshPolicy "default" and Policy "default" are for all', () => {
  assert.deepEqual(problemsOf(parseMeshPolicy(objectOf('{}'))), [
    'metadata.name: Invalid value: "it": must be "default"',
  ]);
  assert.deepEqual(problemsOf(parsePolicy(named(objectOf('{}'), 'default'))), []);
  const targeted = named(objectOf('{ targets: [{ name: a }] }'), 'default');
  assert.deepEqual(problemsOf(parsePolicy(targeted)), [
    'spec.targets: Forbidden: the Policy called "default" is for its whole namespace',
  ]);
});

test('what the legacy policies demand', () => {
  const MODES: Readonly<Record<string, string>> = {
    '{ peers: [{ mtls: {} }] }': 'STRICT',
    '{ peers: [{ mtls: { mode: STRICT } }] }': 'STRICT',
    '{ peers: [{ mtls: { mode: PERMISSIVE } }] }': 'PERMISSIVE',
    '{ peers: [{ mtls: { allowTls: true } }] }': 'PERMISSIVE',
    '{ peers: [{ mtls: {} }], peerIsOptional: true }': 'PERMISSIVE',
    '{ peers: [{ jwt: {} }, { mtls: {} }] }': 'STRICT',
    '{ peers: [] }': 'DISABLE',
    '{}': 'DISABLE',
  };
  for (const [spec, mode] of Object.entries(MODES)) {
    const result = parseMeshPolicy(named(objectOf(spec), 'default'));
    assert.equal(result.ok && result.value.mode, mode, spec);
  }
  const tokens = parsePolicy(named(objectOf('{ origins: [{ jwt: { issuer: a } }] }'), 'default'));
  assert.deepEqual(tokens.ok && tokens.value.remarks, [
    { field: 'spec.origins', message: 'not acted on yet: no token is asked for' },
  ]);
});

for (const [kind, { parse, cases }] of Object.entries({ ...TABLES, ...LEGACY_TABLES })) {
  for (const [spec, problems, metadata] of cases) {
    const title = problems.length === 0 ? 'accepts' : 'refuses';
    test(`${kind} ${title} ${spec.slice(0, 60)}`, () => {
      assert.deepEqual(
        [...problemsOf(parse(objectOf(spec, metadata)))].toSorted(),
        problems.toSorted(),
      );
    });
  }
}

test('a field beside the spec is unknown, too', () => {
  const object = { ...objectOf('{}'), sepc: {} };
  assert.deepEqual(problemsOf(parsePeerAuthentication(object)), ['unknown field "sepc"']);
});

test('a PeerAuthentication as it is used', () => {
  const spec =
    '{ selector: { matchLabels: { a: b } }, portLevelMtls: { 80: {}, 81: { mode: STRICT } } }';
  const result = parsePeerAuthentication(objectOf(spec));
  assert(result.ok);
  assert.equal(result.value.mode, 'UNSET');
  assert.deepEqual(
    [...result.value.portLevel],
    [
      [80, 'UNSET'],
      [81, 'STRICT'],
    ],
  );
});

test('a CRD is served at every version and stored at one', () => {
  for (const kind of KINDS) {
    const { metadata, spec } = customResourceDefinition(kind);
    assert.equal(metadata.name, `${kind.type.plural}.${kind.type.group}`);
    assert(typeof spec === 'object' && spec !== null && 'versions' in spec);
    assert(Array.isArray(spec.versions));
    const stored = spec.versions.filter((version: { storage: boolean }) => version.storage);
    assert.deepEqual(stored.length, 1);
  }
});

test('each kind is described in one sentence', () => {
  const described = [...KIND_DESCRIPTIONS.keys()].toSorted();
  assert.deepEqual(described, KINDS.map(({ type }) => type.kind).toSorted());
});
