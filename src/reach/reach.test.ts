import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { REACH_STEPS } from '#api/reach.ts';
import type { ReachStepName } from '#api/reach.ts';
import type { Answers, Evidence } from './evidence.ts';
import { connect, evidence, failedStep, FLOW, HEALTHY, MUTUAL } from './fake-library.ts';
import { NOW, ReachLibrary, stepOf } from './fake-library.ts';

const verdictsOf = (result: ReturnType<ReachLibrary['explain']>) =>
  result.steps.map(({ verdict, source }) => `${verdict} ${source}`);

test('the healthy pair, by what was seen', () => {
  const result = new ReachLibrary().explain();
  assert.deepEqual(
    result.steps.map(({ name }) => name),
    [...REACH_STEPS],
  );
  assert.equal(result.summary, 'Can connect.');
  assert.equal(result.verdict, 'can');
  assert.deepEqual(verdictsOf(result), [
    'passed configured',
    'passed observed',
    'passed configured',
    'passed configured',
    'passed configured',
    'passed observed',
    'passed observed',
    'passed observed',
    'passed configured',
    'passed observed',
    'passed observed',
  ]);
  assert.equal(result.command, 'isthmus why inventory.library db.default:5432');
});

test('the healthy pair, by probes alone', () => {
  const result = new ReachLibrary().explain({ evidence: { flow: undefined, answers: HEALTHY } });
  assert.equal(result.verdict, 'can');
  assert.equal(stepOf(result, 'network').source, 'probed');
  assert.match(stepOf(result, 'application').summary, /^PostgreSQL answers at db\./);
});

test('without traffic and without probes nobody can tell, and says so', () => {
  const result = new ReachLibrary().explain({ evidence: { flow: undefined } });
  assert.equal(result.verdict, 'unknown');
  assert.equal(result.summary, 'Cannot tell — not known: Network, Port, Application.');
});

test('what was seen too long ago says nothing of now', () => {
  const flow = { ...FLOW, reachedMs: NOW - 6 * 60_000, answeredMs: NOW - 6 * 60_000 };
  assert.equal(new ReachLibrary().explain({ evidence: { flow } }).verdict, 'unknown');
});

test('a connection that came about proves the network, with its age, and no more than that', () => {
  const flow = { ...FLOW, reachedMs: NOW - 90_000, answeredMs: 0 };
  const result = new ReachLibrary().explain({ evidence: { flow } });
  const { verdict, source, summary } = stepOf(result, 'network');
  assert.deepEqual(
    [verdict, source, summary],
    ['passed', 'observed', 'a connection came on this way 90 s ago'],
  );
  assert.equal(result.summary, 'Cannot tell — not known: Port, Application.');
  const old = { ...flow, reachedMs: NOW - 6 * 60_000 };
  const { verdict: ofOld } = stepOf(
    new ReachLibrary().explain({ evidence: { flow: old } }),
    'network',
  );
  assert.equal(ofOld, 'unknown', 'what is old is not told as new');
});

test('a proxy that could not connect since is believed; one at the other end is about its program', () => {
  const flow = { ...FLOW, reachedMs: NOW - 5000, answeredMs: 0 };
  const failure = { flags: 'UF', text: 'could not connect to the server', atMs: NOW - 1000 };
  const explained = (reporter: 'source' | 'destination') =>
    new ReachLibrary().explain({
      evidence: { flow: { ...flow, failure: { ...failure, reporter } } },
    });
  assert.equal(stepOf(explained('source'), 'network').verdict, 'unknown');
  const delivered = explained('destination');
  assert.equal(stepOf(delivered, 'network').verdict, 'passed');
  assert.equal(failedStep(delivered), 'port');
  assert.match(
    stepOf(delivered, 'port').summary,
    /^the proxy of postgresql-1-vm\.default could not connect to 127\.0\.0\.1:5432 1 s ago$/,
  );
});

test('a probe that could not be made leaves the word to traffic', () => {
  const answers = { ...HEALTHY, direct: connect({ outcome: 'failed', reason: 'EMFILE' }) };
  const { verdict, source } = stepOf(
    new ReachLibrary().explain({ evidence: { answers } }),
    'network',
  );
  assert.deepEqual([verdict, source], ['passed', 'observed']);
});

test('rules that need more than is known leave the word to calls that were answered', () => {
  const library = new ReachLibrary(
    rule(
      'AuthorizationPolicy',
      'paths',
      `{ rules: [{ to: [{ operation: { paths: [/books] } }] }] }`,
      'library',
    ),
  );
  const of = (flow: Evidence['flow'], denied?: Evidence['denied']) =>
    stepOf(library.explain({ to: 'catalogue', evidence: { flow, denied } }), 'authorization');
  assert.equal(of(undefined).verdict, 'unknown');
  const seen = of(FLOW);
  assert.deepEqual([seen.verdict, seen.source], ['passed', 'observed']);
  assert.match(seen.summary, /^calls of this client were let in and answered 1 s ago$/);
  assert.equal(of(FLOW, { atMs: NOW, policy: '' }).verdict, 'unknown', 'one was refused since');
});

test('mutual TLS names the policy and the rule that it comes of', () => {
  const notes = (objects = '') => stepOf(new ReachLibrary(objects).explain(), 'tls');
  const { evidence: plain, object } = notes();
  assert.deepEqual(plain.slice(0, 2), [
    'server: PERMISSIVE, the default: no PeerAuthentication says otherwise',
    'client: mutual TLS wherever the server takes it (automatic): no DestinationRule says otherwise',
  ]);
  assert.equal(object, null);
  const named = notes(`${rule('PeerAuthentication', 'strict', '{ mtls: { mode: STRICT } }')}
---
${tlsRule('ISTIO_MUTUAL')}`);
  assert.deepEqual(named.evidence.slice(0, 2), [
    'server: STRICT, by PeerAuthentication default/strict',
    'client: mutual TLS (ISTIO_MUTUAL), by DestinationRule default/tls',
  ]);
  assert.deepEqual(named.object, {
    kind: 'PeerAuthentication',
    namespace: 'default',
    name: 'strict',
  });
});

test('a probe of no account is refused where yours may not be', () => {
  const detail = 'no TLS, FATAL: no pg_hba.conf entry for host "127.0.0.1", user "isthmus-probe"';
  const through = connect({ application: { kind: 'postgres', detail } });
  const answers = { ...HEALTHY, through };
  const refused = stepOf(
    new ReachLibrary().explain({ evidence: { answers, flow: undefined } }),
    'application',
  );
  assert.equal(refused.verdict, 'failed');
  assert.match(refused.evidence.join(), /a line for yours may let it in/);
  const seen = stepOf(new ReachLibrary().explain({ evidence: { answers } }), 'application');
  assert.deepEqual([seen.verdict, seen.source], ['passed', 'observed']);
});

test('a failure after the last answer outweighs it', () => {
  const failure = { flags: 'UF', text: 'could not connect upstream', atMs: NOW - 500 };
  const result = new ReachLibrary().explain({ evidence: { flow: { ...FLOW, failure } } });
  assert.equal(result.verdict, 'unknown');
  assert.match(stepOf(result, 'network').evidence.join(), /could not connect upstream/);
});

type Row = {
  readonly title: string;
  /** Objects that break it. */
  readonly objects?: string;
  readonly to?: string;
  readonly from?: string;
  readonly port?: number;
  readonly answers?: Partial<Answers>;
  readonly known?: Partial<Evidence>;
  readonly step: ReachStepName;
  readonly says: RegExp;
  readonly fixes?: RegExp;
};

const rule = (kind: string, name: string, spec: string, namespace = 'default'): string => `
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;

const tlsRule = (mode: string): string =>
  rule(
    'DestinationRule',
    'tls',
    `{ host: db.default.svc.cluster.local, trafficPolicy: { tls: { mode: ${mode} } } }`,
  );

const { client, server } = evidence();
assert(server);

const BROKEN: readonly Row[] = [
  {
    title: 'a misspelt host',
    to: 'dbb.default',
    port: 5432,
    known: { flow: undefined },
    step: 'name',
    says: /the mesh has no service dbb\.default; did you mean db\.default\?/,
    fixes: /dial db\.default/,
  },
  {
    title: 'a name that the resolver does not know',
    to: 'postgress.example.org',
    port: 5432,
    answers: { dns: { addresses: [], problem: 'ENOTFOUND' } },
    step: 'name',
    says: /the resolver answers ENOTFOUND/,
  },
  {
    title: 'a service that another resolver does not know',
    answers: { ...HEALTHY, dns: { addresses: [], problem: 'ENOTFOUND' } },
    step: 'name',
    says: /is a service, but inventory-7d9f resolves it to ENOTFOUND/,
  },
  {
    title: 'a service that is not exported to the client',
    objects: rule(
      'ServiceEntry',
      'hidden',
      `{ hosts: [hidden.default.svc.cluster.local], addresses: [240.240.0.9], exportTo: ['.'],
         location: MESH_INTERNAL, resolution: STATIC,
         ports: [{ number: 80, name: tcp, protocol: TCP }] }`,
    ),
    to: 'hidden.default',
    step: 'name',
    says: /is exported to default, and not to library/,
    fixes: /add library to its exportTo/,
  },
  {
    title: 'capture that failed',
    known: {
      client: {
        ...client,
        agent: {
          capture: { state: 'failed', reason: 'no nft' },
          clockSkewMs: 0,
          isEnvoyRunning: true,
        },
      },
    },
    step: 'capture',
    says: /capture on inventory-7d9f does not work: no nft/,
  },
  {
    title: 'no Envoy beside the client',
    known: {
      client: { ...client, agent: { capture: undefined, clockSkewMs: 0, isEnvoyRunning: false } },
    },
    step: 'capture',
    says: /Envoy does not run/,
  },
  {
    title: 'a listener that Envoy refuses',
    known: {
      client: { ...client, rejections: [{ name: 'virtualOutbound', text: 'no such filter' }] },
    },
    step: 'listener',
    says: /refuses virtualOutbound: no such filter/,
  },
  {
    title: 'a port that the service does not have',
    port: 5433,
    known: { flow: undefined },
    step: 'route',
    says: /has no port 5433; it has 5432 \(tcp-postgres\)/,
    fixes: /dial 5432/,
  },
  {
    title: 'a Sidecar that does not import the host, and nothing else let out',
    objects: rule(
      'Sidecar',
      'narrow',
      `{ egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }`,
      'library',
    ),
    step: 'route',
    says: /a Sidecar of library does not import db\./,
    fixes: /default\/db\.default\.svc\.cluster\.local to its egress/,
  },
  ...[80, 5432].map((port): Row => ({
    title: `nobody's address on port ${port}, and nothing but the registry let out`,
    objects: `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: REGISTRY_ONLY }" }
`,
    to: '203.0.113.9',
    port,
    known: { flow: undefined, server: undefined },
    step: 'route',
    says: /REGISTRY_ONLY lets nothing else out \(BlackHoleCluster\)/,
    fixes: /ServiceEntry/,
  })),
  {
    title: 'nobody is selected',
    objects: rule(
      'ServiceEntry',
      'db',
      `{ hosts: [db.default.svc.cluster.local], addresses: [240.240.0.7], location: MESH_INTERNAL,
         resolution: STATIC, ports: [{ number: 5432, name: tcp-postgres, protocol: TCP }],
         workloadSelector: { labels: { app: nobody } } }`,
    ),
    step: 'endpoints',
    says: /has no endpoint/,
  },
  {
    title: 'every endpoint is put aside for its failures',
    answers: { ...HEALTHY, ejected: 1 },
    step: 'endpoints',
    says: /^Envoy beside inventory-7d9f has ejected all 1 for their failures$/,
  },
  {
    title: 'packets are dropped',
    answers: { ...HEALTHY, direct: connect({ outcome: 'timed-out', connectMs: 3000 }) },
    step: 'network',
    says: /timed out after 3\.0 s/,
    fixes: /allow tcp:5432 from 10\.24\.2\.23/,
  },
  {
    title: 'the machine refuses',
    answers: { ...HEALTHY, direct: connect({ outcome: 'refused' }) },
    step: 'network',
    says: /was refused: the machine was reached/,
  },
  {
    title: 'there is no route',
    answers: { ...HEALTHY, direct: connect({ outcome: 'unreachable' }) },
    step: 'network',
    says: /is unreachable: there is no route/,
  },
  {
    title: 'a STRICT server and a client without sidecar',
    objects: rule('PeerAuthentication', 'strict', '{ mtls: { mode: STRICT } }'),
    from: 'legacy.old',
    known: {
      client: { agent: undefined, certificate: undefined, rejections: [], isConfigured: false },
    },
    step: 'tls',
    says: /takes mutual TLS only \(STRICT\), and legacy\.old speaks plaintext/,
    fixes: /give legacy\.old a sidecar/,
  },
  {
    title: 'a STRICT server and a client whose rule turns TLS off',
    objects: `${rule('PeerAuthentication', 'strict', '{ mtls: { mode: STRICT } }')}
---
${tlsRule('DISABLE')}`,
    step: 'tls',
    says: /speaks plaintext/,
    fixes: /take tls\.mode DISABLE out/,
  },
  {
    title: 'a client that insists where the server takes none',
    objects: `${rule('PeerAuthentication', 'off', '{ mtls: { mode: DISABLE } }')}
---
${tlsRule('ISTIO_MUTUAL')}`,
    step: 'tls',
    says: /speaks mesh TLS, and .* does not take it \(DISABLE\)/,
  },
  {
    title: 'a certificate that ended',
    known: {
      server: {
        ...server,
        certificate: {
          identity: '',
          notBeforeMs: 0,
          notAfterMs: NOW - 60_000,
          isTrusted: true,
          issuer: '',
        },
      },
    },
    step: 'tls',
    says: /the certificate of postgresql-1-vm\.default expired 60 s ago/,
  },
  {
    title: 'a root that the mesh does not trust',
    known: {
      server: {
        ...server,
        certificate: {
          identity: '',
          notBeforeMs: 0,
          notAfterMs: NOW + 60_000,
          isTrusted: false,
          issuer: 'O=other',
        },
      },
    },
    step: 'tls',
    says: /signed by O=other, which no root of the mesh vouches for/,
  },
  {
    title: 'another identity than the client expects',
    objects: rule(
      'DestinationRule',
      'names',
      `{ host: db.default.svc.cluster.local,
         trafficPolicy: { tls: {
           mode: ISTIO_MUTUAL, subjectAltNames: ['spiffe://a/ns/b/sa/c'] } } }`,
    ),
    step: 'tls',
    says: /accepts spiffe:..a.ns.b.sa.c there, not spiffe:.*.default.sa.postgresql/,
  },
  {
    title: 'another identity than the client is to have',
    known: { flow: { ...FLOW, encryption: { ...MUTUAL, clientIdentity: 'spiffe://x/ns/y/sa/z' } } },
    step: 'identity',
    says: /the server saw spiffe:\/\/x\/ns\/y\/sa\/z 2 s ago/,
  },
  {
    title: 'a DENY policy',
    objects: rule(
      'AuthorizationPolicy',
      'no-library',
      `{ action: DENY, rules: [{ from: [{ source: { namespaces: [library] } }] }] }`,
    ),
    step: 'authorization',
    says: /^DENY by default\/no-library rule 1$/,
    fixes: /except inventory\.library/,
  },
  {
    title: 'an ALLOW policy for another namespace',
    objects: rule(
      'AuthorizationPolicy',
      'pg-allow',
      `{ rules: [{ from: [{ source: { namespaces: [prod] } }] }] }`,
    ),
    step: 'authorization',
    says: /^DENY: no rule of default\/pg-allow matches$/,
    fixes: /add a rule for inventory\.library/,
  },
  {
    title: 'nothing listens',
    answers: { ...HEALTHY, sockets: [{ address: '0.0.0.0', port: 22, program: 'sshd' }] },
    step: 'port',
    says: /nothing listens on port 5432 of postgresql-1-vm\.default/,
  },
  {
    title: 'it listens elsewhere only',
    answers: { ...HEALTHY, sockets: [{ address: '10.128.0.14', port: 5432, program: 'postgres' }] },
    step: 'port',
    says: /postgres listens on 10\.128\.0\.14:5432 only, and the proxy .* to 127\.0\.0\.1:5432/,
  },
  {
    title: 'PostgreSQL has no line for the client',
    answers: {
      ...HEALTHY,
      through: connect({
        application: {
          kind: 'postgres',
          detail: 'FATAL: no pg_hba.conf entry for host "127.0.0.1"',
        },
      }),
    },
    step: 'application',
    says: /PostgreSQL at .* refuses: FATAL: no pg_hba\.conf entry/,
    fixes: /pg_hba\.conf/,
  },
  {
    title: 'the connection is closed without a word',
    answers: { ...HEALTHY, through: connect({ application: { kind: 'closed', detail: '' } }) },
    step: 'application',
    says: /closes it without a word/,
  },
];

describe('the first step that fails is the one that is broken', () => {
  for (const row of BROKEN) {
    test(`${row.step}: ${row.title}`, () => {
      const library = new ReachLibrary(row.objects);
      const { answers = {}, known = {} } = row;
      const result = library.explain({
        ...(row.to !== undefined && { to: row.to }),
        ...(row.from !== undefined && { from: row.from }),
        ...(row.port !== undefined && { port: row.port }),
        evidence: { answers, ...known },
      });
      const step = stepOf(result, row.step);
      assert.equal(failedStep(result), row.step, result.summary);
      assert.match(step.summary, row.says);
      assert.equal(result.verdict, 'cannot');
      const after = result.steps.slice(REACH_STEPS.indexOf(row.step) + 1);
      assert(after.every(({ verdict }) => verdict === 'not-reached'));
      if (row.fixes) assert.match(step.fix?.text ?? '', row.fixes);
    });
  }
});

test('a near miss says what keeps the rule from matching', () => {
  const library = new ReachLibrary(
    rule(
      'AuthorizationPolicy',
      'pg-allow',
      `{ rules: [
         { from: [{ source: { namespaces: [prod], principals: ['cluster.local/ns/prod/sa/x'] } }] },
         { from: [{ source: { namespaces: [prod] } }] }] }`,
    ),
  );
  const { evidence: notes } = stepOf(library.explain(), 'authorization');
  assert.equal(
    notes[0],
    'default/pg-allow rule 2 would match, but the namespace is library, not prod',
  );
});

describe('the smallest fix of a refusal mends it', () => {
  const refusals: Readonly<Record<string, string>> = {
    DENY: rule(
      'AuthorizationPolicy',
      'p',
      `{ action: DENY, rules: [{ from: [{ source: { namespaces: [library] } }] }] }`,
    ),
    'DENY of everybody': rule('AuthorizationPolicy', 'p', `{ action: DENY, rules: [{}] }`),
    ALLOW: rule(
      'AuthorizationPolicy',
      'p',
      `{ selector: { matchLabels: { app: db } },
         rules: [{ from: [{ source: { namespaces: [prod] } }] }] }`,
    ),
    'ALLOW nothing': rule('AuthorizationPolicy', 'p', '{}'),
  };
  for (const [title, objects] of Object.entries(refusals)) {
    test(title, () => {
      const { fix } = stepOf(new ReachLibrary(objects).explain(), 'authorization');
      assert(fix);
      const mended = new ReachLibrary(fix.yaml);
      assert.equal(mended.explain().verdict, 'can', fix.yaml);
      const other = mended.explain({
        from: 'catalogue-1.library',
        evidence: { flow: undefined, client: { ...client, certificate: undefined } },
      });
      assert.equal(stepOf(other, 'authorization').verdict, 'failed', 'nobody else is let in');
    });
  }
});

describe('what is asked', () => {
  test('requests go by their routes', () => {
    const result = new ReachLibrary().explain({ to: 'catalogue' });
    assert.match(stepOf(result, 'listener').summary, /240\.240\.0\.8:80 → 0\.0\.0\.0_80/);
    assert.match(stepOf(result, 'route').summary, /outbound\|80\|\|catalogue\.library/);
  });

  test('a workload is dialled by its service', () => {
    const result = new ReachLibrary().explain({ to: 'wl:default/postgresql-1-vm' });
    assert.deepEqual([result.host, result.port], ['db.default.svc.cluster.local', 5432]);
    assert.equal(result.command, 'isthmus why inventory.library postgresql-1-vm.default:5432');
  });

  test('an address means its owner', () => {
    const result = new ReachLibrary().explain({ to: '240.240.0.7', port: 5432 });
    assert.equal(result.verdict, 'can');
    assert.match(stepOf(result, 'name').summary, /is an address/);
  });
});
