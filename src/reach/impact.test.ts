import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { isKubeObject } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import { apply } from '#model/mesh-of.ts';
import { simulateInbound } from '#resolve/simulate-call.ts';
import { CLIENT_ID, NOW, ReachLibrary, SERVER_ID } from './fake-library.ts';
import type { Impact, SeenCall } from './impact.ts';
import { identityOf } from './proxy-identity.ts';
import { Rehearsal } from './rehearsal.ts';

const SERVER = 'wl:default/postgresql-1-vm';

const call = (rest: Partial<SeenCall> = {}): SeenCall => ({
  from: 'wl:library/inventory',
  to: SERVER,
  port: 5432,
  clientIdentity: CLIENT_ID,
  serverIdentity: SERVER_ID,
  protocol: 'tcp',
  service: 'db.default.svc.cluster.local',
  lastSeenMs: NOW,
  bytes: 1000,
  openConnections: 0,
  ...rest,
});

const catalogueCall = call({
  from: 'wl:library/catalogue-1',
  clientIdentity: 'spiffe://cluster.local/ns/library/sa/catalogue',
});
const legacyCall = call({ from: 'wl:old/legacy', clientIdentity: '', serverIdentity: '' });
const strangerCall = call({ from: 'ip:192.168.1.9', clientIdentity: '', serverIdentity: '' });
const CALLS = [call(), catalogueCall, legacyCall, strangerCall];

const policy = (name: string, spec: string, kind = 'AuthorizationPolicy'): KubeObject => {
  const object: unknown = parse(
    `{ apiVersion: security.istio.io/v1, kind: ${kind},
       metadata: { name: ${name}, namespace: default }, spec: ${spec} }`,
  );
  assert(isKubeObject(object));
  return object;
};

const ALLOW_TWO = policy(
  'pg-allow',
  `{ rules: [{ from: [{ source: { principals: [cluster.local/ns/library/sa/inventory] } }] },
             { from: [{ source: { principals: [cluster.local/ns/library/sa/catalogue] } }] }] }`,
);
const ALLOW_ONE = policy(
  'pg-allow',
  '{ rules: [{ from: [{ source: { principals: [cluster.local/ns/library/sa/inventory] } }] }] }',
);

const keyOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;

function impact(
  before: readonly KubeObject[],
  after: readonly KubeObject[],
  calls: readonly SeenCall[] = CALLS,
  { mesh } = new ReachLibrary(),
): Impact {
  const keys = new Set([...before, ...after].map(keyOf));
  const edits = [...keys].map((key) => {
    const [was, is] = [before, after].map((all) => all.find((one) => keyOf(one) === key));
    const { kind = '', metadata } = was ?? is ?? assert.fail('one of them');
    const { namespace = '', name } = metadata;
    return { kind, namespace, name, before: was, after: is };
  });
  const steps = new Rehearsal(mesh).impactOf(edits, calls);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value ?? assert.fail('an answer');
  }
}

const clientsOf = (rows: Impact['refused']): readonly string[] =>
  rows.map(({ from }) => from).toSorted();

test('a principal that is taken out is refused, by what it was let in by before', () => {
  const { refused, allowed, unchanged, untold } = impact([ALLOW_TWO], [ALLOW_ONE]);
  assert.deepEqual(clientsOf(refused), ['wl:library/catalogue-1']);
  assert.equal(refused[0]?.before, 'ALLOW by default/pg-allow rule 2');
  assert.equal(refused[0]?.after, 'DENY: no rule of default/pg-allow matches');
  assert.deepEqual([allowed.length, unchanged.length, untold.length], [0, 3, 0]);
});

test('the deletion of the only policy lets everybody in', () => {
  const { allowed } = impact([ALLOW_ONE], []);
  assert.deepEqual(clientsOf(allowed), [
    'ip:192.168.1.9',
    'wl:library/catalogue-1',
    'wl:old/legacy',
  ]);
});

test('STRICT refuses plaintext, and nobody with a sidecar', () => {
  const strict = policy('strict', '{ mtls: { mode: STRICT } }', 'PeerAuthentication');
  const { refused } = impact([], [strict]);
  assert.deepEqual(clientsOf(refused), ['ip:192.168.1.9', 'wl:old/legacy']);
  assert.match(refused[0]?.after ?? '', /mutual TLS only/);
});

test('without mesh TLS nobody has an identity to be let in by', () => {
  const off = policy('off', '{ mtls: { mode: DISABLE } }', 'PeerAuthentication');
  const { refused } = impact([ALLOW_TWO], [ALLOW_TWO, off]);
  assert.deepEqual(clientsOf(refused), ['wl:library/catalogue-1', 'wl:library/inventory']);
});

test('what was never recorded cannot be told', () => {
  const bySni = policy(
    'sni',
    "{ action: DENY, rules: [{ when: [{ key: connection.sni, values: ['*x'] }] }] }",
  );
  const { untold, refused, unchanged } = impact([], [bySni]);
  assert.deepEqual(clientsOf(untold), ['wl:library/catalogue-1', 'wl:library/inventory']);
  assert.deepEqual([refused.length, unchanged.length], [0, 2]);
  // the same rule before and after: nothing changes, told or not
  assert.equal(impact([bySni], [bySni]).untold.length, 0);
});

test('a dry run refuses nobody', () => {
  const shadow = policy('p', '{ action: DENY, rules: [{}] }');
  const annotated = {
    ...shadow,
    metadata: { ...shadow.metadata, annotations: { 'istio.io/dry-run': 'true' } },
  };
  assert.equal(impact([], [annotated]).refused.length, 0);
  assert.equal(impact([], [shadow]).refused.length, 4);
});

describe('what is foretold is what happens', () => {
  const source = fc.record(
    {
      namespaces: fc.subarray(['library', 'old', 'prod'], { minLength: 1 }),
      principals: fc.subarray(
        ['cluster.local/ns/library/sa/inventory', 'cluster.local/ns/library/*', '*'],
        { minLength: 1 },
      ),
      notIpBlocks: fc.constant(['10.24.9.0/24']),
    },
    { requiredKeys: [] },
  );
  const rules = fc.array(
    fc.record(
      {
        from: fc.array(fc.record({ source }), { minLength: 1, maxLength: 2 }),
        to: fc.constant([{ operation: { ports: ['5432'] } }]),
      },
      { requiredKeys: ['from'] },
    ),
    { maxLength: 2 },
  );
  const authorization = fc.record({
    action: fc.constantFrom('ALLOW', 'DENY'),
    selector: fc.constantFrom(
      undefined,
      { matchLabels: { app: 'db' } },
      { matchLabels: { app: 'x' } },
    ),
    rules,
  });
  const mode = fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE');
  const world = fc.record({ policies: fc.array(authorization, { maxLength: 2 }), mode });

  const objectsOf = ({ policies, mode: of }: { policies: readonly object[]; mode: string }) => [
    ...policies.map((spec, index) => policy(`p${index}`, JSON.stringify(spec))),
    policy('mode', JSON.stringify({ mtls: { mode: of } }), 'PeerAuthentication'),
  ];

  /** Which of the clients get in, as the filter chains of the server have it. */
  function letIn(objects: readonly KubeObject[]): ReadonlySet<string> {
    const library = new ReachLibrary();
    apply(library.mesh, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    const server = library.mesh.workloads.get('WorkloadEntry/default/postgresql-1-vm');
    assert(server);
    const isMesh = library.mesh.mtlsMode(server, 5432) !== 'DISABLE';
    const clients: readonly (readonly [SeenCall, string])[] = [
      [call(), '10.24.2.23'],
      [catalogueCall, '10.24.2.30'],
      [legacyCall, '10.24.9.9'],
      [strangerCall, '192.168.1.9'],
    ];
    const entered = clients.filter(([{ clientIdentity }, from]) => {
      const principal = clientIdentity;
      const client =
        isMesh && principal !== ''
          ? ({ kind: 'mesh', principal } as const)
          : ({ kind: 'plaintext' } as const);
      const proxy = identityOf(library.mesh, server);
      const address = '10.128.0.14';
      const asked = { address, port: 5432, from, client };
      return simulateInbound(library.catalog, proxy, asked)?.isAllowed === true;
    });
    return new Set(entered.map(([{ from }]) => from));
  }

  test('for random policies and modes, before and after', () => {
    let changes = 0;
    fc.assert(
      fc.property(world, world, (one, other) => {
        const [before, after] = [objectsOf(one), objectsOf(other)];
        const { refused, allowed, untold } = impact(before, after);
        const [was, is] = [letIn(before), letIn(after)];
        assert.deepEqual(untold, []);
        assert.deepEqual(clientsOf(refused), [...was.difference(is)].toSorted());
        assert.deepEqual(clientsOf(allowed), [...is.difference(was)].toSorted());
        changes += refused.length + allowed.length;
      }),
      { numRuns: 150, seed: 6 },
    );
    assert(changes > 50, `${changes} changes`);
  });
});
