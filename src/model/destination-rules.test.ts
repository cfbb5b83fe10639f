import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mesh } from './mesh.ts';
import { apply, meshOf, remove } from './mesh-of.ts';

const HOST = 'db.prod.svc.cluster.local';
const SERVICE = { namespace: 'prod', host: HOST };

type Rule = {
  readonly name?: string;
  readonly namespace?: string;
  readonly host?: string;
  readonly exportTo?: readonly string[];
  readonly created?: string;
  readonly spec?: object;
};

/** A rule that can be told by its SNI, which is `<namespace>/<name>`. */
function rule(options: Rule): string {
  const { name = 'it', namespace = 'shop', host = HOST, exportTo, created, spec } = options;
  const said = spec ?? {
    trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL', sni: `${namespace}/${name}` } },
  };
  return JSON.stringify({
    kind: 'DestinationRule',
    metadata: { name, namespace, creationTimestamp: created },
    spec: { host, exportTo, ...said },
  });
}

const meshWith = (...rules: readonly Rule[]): Mesh => meshOf(rules.map(rule).join('\n---\n'));

/** Who speaks for the service to clients in a namespace. */
const sniFor = (mesh: Mesh, client: string, service = SERVICE): string | undefined =>
  mesh.destinationRuleFor(client, service)?.policy?.tls?.sni;

type Row = readonly [
  what: string,
  rules: readonly Rule[],
  client: string,
  speaker: string | undefined,
];

const ROWS: readonly Row[] = [
  ['nobody', [], 'shop', undefined],
  ['a rule of another host', [{ host: 'db2.prod.svc.cluster.local' }], 'shop', undefined],
  [
    'the client before the service before the root namespace',
    [{ namespace: 'istio-system' }, { namespace: 'prod' }, { namespace: 'shop' }],
    'shop',
    'shop/it',
  ],
  [
    'the service before the root namespace',
    [{ namespace: 'istio-system' }, { namespace: 'prod' }],
    'shop',
    'prod/it',
  ],
  ['the root namespace', [{ namespace: 'istio-system' }], 'shop', 'istio-system/it'],
  ['no other namespace', [{ namespace: 'other' }], 'shop', undefined],
  [
    'the client’s wildcard before the service’s own host: nothing looks further',
    [{ namespace: 'shop', host: '*.local' }, { namespace: 'prod' }],
    'shop',
    'shop/it',
  ],
  ['of a client, also what is not exported', [{ exportTo: ['.'] }], 'shop', 'shop/it'],
  [
    'of a client, not what is for others only',
    [{ exportTo: ['other'] }, { namespace: 'prod', name: 'second' }],
    'shop',
    'prod/second',
  ],
  [
    'of the service, only what is exported',
    [{ namespace: 'prod', exportTo: ['.'] }],
    'shop',
    undefined,
  ],
  [
    'of the service, what is exported to the client',
    [{ namespace: 'prod', exportTo: ['shop'] }],
    'shop',
    'prod/it',
  ],
  [
    'most specific host first, then visibility: no way back to a wider host',
    [
      { namespace: 'prod', exportTo: ['other'] },
      { namespace: 'prod', host: '*.prod.svc.cluster.local', name: 'wide' },
    ],
    'shop',
    undefined,
  ],
  [
    'the longest wildcard',
    [
      { host: '*', name: 'all' },
      { host: '*.local', name: 'local' },
      { host: '*.svc.cluster.local', name: 'svc' },
    ],
    'shop',
    'shop/svc',
  ],
  ['a wildcard of everything', [{ host: '*' }], 'shop', 'shop/it'],
  ['a short name, in its namespace', [{ namespace: 'prod', host: 'db' }], 'shop', 'prod/it'],
  ['a short name, in no other', [{ namespace: 'shop', host: 'db' }], 'shop', undefined],
  ['a name of two parts, as it is', [{ namespace: 'prod', host: 'db.prod' }], 'shop', undefined],
  [
    'to a client in the root namespace, the service before the root’s catch-all',
    [{ namespace: 'istio-system', host: '*.local' }, { namespace: 'prod' }],
    'istio-system',
    'prod/it',
  ],
  [
    'to a client in the root namespace, what is for it alone first',
    [{ namespace: 'istio-system', host: '*.local', exportTo: ['.'] }, { namespace: 'prod' }],
    'istio-system',
    'istio-system/it',
  ],
  [
    'to a client elsewhere, never what is for the root namespace alone',
    [{ namespace: 'istio-system', host: '*.local', exportTo: ['.'] }],
    'shop',
    undefined,
  ],
  [
    'the oldest of one host',
    [
      { name: 'a', created: '2026-01-02T00:00:00Z' },
      { name: 'b', created: '2026-01-01T00:00:00Z' },
    ],
    'shop',
    'shop/b',
  ],
  [
    'the oldest with a policy',
    [
      { name: 'a', created: '2026-01-02T00:00:00Z' },
      { name: 'b', created: '2026-01-01T00:00:00Z', spec: { subsets: [{ name: 'v1' }] } },
    ],
    'shop',
    'shop/a',
  ],
  [
    'not a rule for some workloads only: that is not acted on yet',
    [{ spec: { workloadSelector: { matchLabels: { app: 'web' } }, trafficPolicy: { tls: {} } } }],
    'shop',
    undefined,
  ],
];

describe('who speaks for a service to its clients:', () => {
  for (const [what, rules, client, speaker] of ROWS) {
    test(what, () => {
      assert.equal(sniFor(meshWith(...rules), client), speaker);
      assert.equal(sniFor(meshWith(...rules.toReversed()), client), speaker);
    });
  }

  test('a service’s own wildcard, by itself or a wider one', () => {
    const service = { namespace: 'prod', host: '*.w.example' };
    assert.equal(sniFor(meshWith({ host: '*.w.example' }), 'shop', service), 'shop/it');
    assert.equal(sniFor(meshWith({ host: '*.example' }), 'shop', service), 'shop/it');
    assert.equal(sniFor(meshWith({ host: 'a.w.example' }), 'shop', service), undefined);
  });

  test('another root namespace, when the settings say so', () => {
    const mesh = meshWith({ namespace: 'istio-system' }, { namespace: 'policies' });
    assert.equal(sniFor(mesh, 'shop'), 'istio-system/it');
    apply(
      mesh,
      `{ kind: ConfigMap, metadata: { name: istio, namespace: istio-system },
         data: { mesh: "rootNamespace: policies" } }`,
    );
    assert.equal(sniFor(mesh, 'shop'), 'policies/it');
  });
});

test('subsets of one host are united by name, the oldest first', () => {
  const subset = (version: string) => ({ name: 'v', labels: { version } });
  const mesh = meshWith(
    {
      name: 'new',
      created: '2026-01-02T00:00:00Z',
      spec: { subsets: [subset('2'), { name: 'w' }] },
    },
    { name: 'old', created: '2026-01-01T00:00:00Z', spec: { subsets: [subset('1')] } },
  );
  const { subsets = [] } = mesh.destinationRuleFor('shop', SERVICE) ?? {};
  assert.deepEqual(
    subsets.map(({ name, labels }) => [name, labels]),
    [
      ['v', { version: '1' }],
      ['w', {}],
    ],
  );
});

test('a rule of one host is of no interest to the clients of another', () => {
  const mesh = meshWith({ name: 'other', host: 'other.prod.svc.cluster.local' });
  const asked = mesh.graph.source<string>('asked');
  let answerCount = 0;
  mesh.graph.derive('answers', asked, (host) => {
    answerCount += 1;
    return mesh.destinationRuleFor('shop', { namespace: 'prod', host });
  });
  asked.set('it', HOST);
  mesh.commit();
  apply(mesh, rule({ name: 'other', host: 'third.prod.svc.cluster.local' }));
  remove(mesh, rule({ name: 'other' }));
  assert.equal(answerCount, 1);
});

test('what nothing acts on is told, as long as it is there', () => {
  const mesh = meshWith({
    spec: {
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 5, idleTimeout: '1h' } },
        tls: { mode: 'SIMPLE', credentialName: 'remote' },
        tunnel: { targetHost: 'example.com', targetPort: 443 },
      },
    },
  });
  const remarks = [...mesh.remarks.entries()].map(([key, { remarks }]) => [
    key,
    remarks.map(({ field, message }) => `${field}: ${message}`),
  ]);
  assert.deepEqual(remarks, [
    [
      'destinationrules.networking.istio.io/shop/it',
      [
        'spec.trafficPolicy.tls.credentialName: not acted on yet: connections are refused',
        'spec.trafficPolicy.tunnel: not acted on yet',
        'spec.trafficPolicy.connectionPool.tcp.idleTimeout: acted on for requests only: ' +
          'a TCP connection lives as long as its ends want',
      ],
    ],
  ]);
  apply(mesh, rule({}));
  assert.equal(mesh.remarks.size, 0);
});
