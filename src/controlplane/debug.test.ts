import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { apply, meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { TYPE_URL } from '#resolve/names.ts';
import { CertificateLedger } from './debug-certificates.ts';
import { parseResourceJson } from './debug-json.ts';
import { debugPages, type DebugParts } from './debug.ts';

const OBJECTS = `
kind: Pod
metadata: { name: inventory-7d9f, labels: { app: inventory, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: inventory }
status: { phase: Running, podIP: 10.24.2.23 }
---
kind: Pod
metadata: { name: inventory-8e0a, labels: { app: inventory, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: inventory }
status: { phase: Running, podIP: 10.24.2.24 }
---
kind: Pod
metadata: { name: legacy, namespace: old, labels: { app: legacy } }
spec: {}
status: { phase: Running, podIP: 10.24.9.9 }
---
kind: WorkloadEntry
metadata: { name: db-10.128.0.14, labels: { app: db } }
spec:
  address: 10.128.0.14
  labels: { service.istio.io/workload-name: db, security.istio.io/tlsMode: istio }
  serviceAccount: db
---
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [db.default.svc.cluster.local]
  addresses: [240.240.0.5]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp, protocol: TCP }, { number: 9187, name: http, protocol: HTTP }]
  workloadSelector: { labels: { app: db } }
---
kind: ServiceEntry
metadata: { name: hidden, namespace: old }
spec:
  hosts: [hidden.old.svc.cluster.local]
  addresses: [240.240.0.6]
  location: MESH_INTERNAL
  resolution: STATIC
  exportTo: ['.']
  ports: [{ number: 80, name: tcp, protocol: TCP }]
`;

const MESH_CONFIG = (settings: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${settings}' }
`;

const DB = 'dst|240.240.0.5:5432';
const now = Date.parse('2026-11-22T10:00:00Z');
const fake = createFakeAuthority(now);

function textOf(value: JsonValue | undefined): string {
  assert(typeof value === 'string');
  return value;
}

const publicKeyOf = (keyPem: string): Uint8Array =>
  createPublicKey(keyPem).export({ format: 'der', type: 'spki' });

/** A control plane's parts, in which inventory-7d9f holds what it is said to. */
function control(objects = OBJECTS, held: readonly (readonly [string, string])[] = []) {
  const mesh = meshOf(objects);
  const catalog = new MeshCatalog(mesh);
  const certificates = new CertificateLedger();
  const parts: DebugParts = {
    mesh,
    catalog,
    certificates,
    authority: { current: () => fake.authority },
    isReady: () => true,
    xds: {
      resourcesOf: (id) =>
        id === 'Pod/default/inventory-7d9f'
          ? held.map(([typeUrl, name]) => ({
              typeUrl,
              name,
              version: 'v1',
              isAcknowledged: true,
              rejection: undefined,
            }))
          : [],
    },
  };
  const pages = debugPages(parts);
  const ask = (path: string) => {
    const { pathname, searchParams } = new URL(path, 'http://localhost');
    const page = pages[pathname]?.(searchParams);
    assert(page, path);
    const body: Record<string, JsonValue> = JSON.parse(page.body);
    return { status: page.status, body };
  };
  return { parts, mesh, catalog, certificates, ask };
}

describe('who is meant', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['inventory-7d9f', 'inventory-7d9f.default'],
    ['inventory-7d9f.default', 'inventory-7d9f.default'],
    ['default/inventory-8e0a', 'inventory-8e0a.default'],
    ['Pod/default/inventory-8e0a', 'inventory-8e0a.default'],
    ['db', 'db-10.128.0.14.default'],
    ['db-10.128.0.14', 'db-10.128.0.14.default'],
    ['inventory-8', 'no'],
    ['legacy', 'legacy.old'],
    ['legacy.old', 'legacy.old'],
  ];
  const { ask } = control();
  for (const [text, name] of rows) {
    test(text, () => {
      const { status, body } = ask(`/debug/certificates?proxy=${text}`);
      if (name === 'no') assert.equal(status, 404);
      else assert.deepEqual([status, body['proxy']], [200, name]);
    });
  }

  test('several, or nobody, and who there is', () => {
    assert.deepEqual(ask('/debug/certificates?proxy=inventory'), {
      status: 404,
      body: {
        problem: 'inventory may be any of inventory-7d9f.default, inventory-8e0a.default',
      },
    });
    assert.deepEqual(ask('/debug/certificates?proxy=nobody').body, {
      problem:
        'the mesh has no workload nobody; it has db-10.128.0.14.default, ' +
        'inventory-7d9f.default, inventory-8e0a.default, legacy.old',
    });
  });
});

describe('what a proxy holds', () => {
  const config = (query: string, held: readonly (readonly [string, string])[] = []) =>
    control(OBJECTS, held).ask(`/debug/config?proxy=inventory-7d9f&type=${query}`);
  const names = (body: Record<string, JsonValue>) => {
    assert(Array.isArray(body['resources']));
    return body['resources'].map((one) => {
      assert(typeof one === 'object' && one !== null && !Array.isArray(one));
      return `${textOf(one['name'])} ${one['isHeld'] === true ? 'held' : 'not held'}`;
    });
  };

  test('of what it could reach; what is hidden from it does not count', () => {
    const { body } = config('clusters', [[TYPE_URL.cluster, DB]]);
    assert.deepEqual([body['held'], body['reachable']], [1, 2]);
    assert.deepEqual(names(body), [`${DB} held`]);
  });

  test('two names of one destination are one', () => {
    const outside = 'dst|192.0.2.7:80';
    const held = [DB, DB, outside].map((name) => [TYPE_URL.cluster, name] as const);
    const { body } = config('clusters', held);
    assert.deepEqual([body['held'], body['reachable']], [1, 2]);
  });

  test('and the rest, resolved for the occasion', () => {
    const { body } = config('clusters&all=true', [[TYPE_URL.cluster, DB]]);
    assert.deepEqual(names(body), [`${DB} held`, 'dst|240.240.0.5:9187 not held']);
    assert.equal(body['next'], undefined);
    const endpoints = config('endpoints&all=true').body;
    assert.deepEqual(names(endpoints), [
      'outbound|5432||db.default.svc.cluster.local not held',
      'outbound|9187||db.default.svc.cluster.local not held',
    ]);
  });

  test('page by page', () => {
    const ports = Array.from({ length: 200 }, (_, index) => index + 1)
      .map((number) => `{ number: ${number}, name: tcp-${number}, protocol: TCP }`)
      .join(', ');
    const entry = (index: number): string => `
kind: ServiceEntry
metadata: { name: many-${index} }
spec:
  hosts: [many-${index}.example.org]
  addresses: [240.240.1.${index}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [${ports}]
`;
    const { ask } = control([OBJECTS, entry(1), entry(2), entry(3)].join('---'));
    const page = (offset: number) => {
      const query = `proxy=inventory-7d9f&type=clusters&all=true&offset=${offset}`;
      const { body } = ask(`/debug/config?${query}`);
      return [names(body).length, body['reachable'], body['next']];
    };
    assert.deepEqual(page(0), [500, 602, 500]);
    assert.deepEqual(page(500), [102, 602, undefined]);
    assert.deepEqual(page(602), [0, 602, undefined]);
  });

  test('as JSON with everything spelled out', () => {
    const { body } = config('clusters', [[TYPE_URL.cluster, DB]]);
    const text = JSON.stringify(body);
    assert.match(text, /"altStatName":"outbound\|5432\|\|db\.default\.svc\.cluster\.local"/);
    assert.match(text, /"@type":"type.googleapis.com\/envoy[^"]*UpstreamTlsContext"/);
    assert.match(text, /"exact":"spiffe:\/\/cluster\.local\/ns\/default\/sa\/db"/);
  });

  test('nothing of it stays in the catalog', () => {
    const { catalog, ask } = control(OBJECTS);
    ask('/debug/config?proxy=inventory-7d9f&type=clusters&all=true');
    assert.equal(catalog.size, 0);
  });

  test('no type that is not one, secrets least of all', () => {
    for (const type of ['', 'secrets', 'constructor', 'Cluster']) {
      assert.equal(config(type).status, 400, type);
    }
    assert.equal(config('clusters&offset=-1').status, 400);
  });
});

describe('TLS between two workloads', () => {
  const RULE = `
kind: DestinationRule
metadata: { name: local, namespace: istio-system }
spec: { host: '*.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
`;
  const policy = (mode: string): string => `
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: ${mode} } }
`;
  const OFF = MESH_CONFIG('enableAutoMtls: false');
  const check = (objects: readonly string[], from = 'inventory-7d9f', to = 'db') => {
    const { mesh, ask } = control();
    if (objects.length > 0) apply(mesh, objects.join('---'));
    const { status, body } = ask(`/debug/tls?from=${from}&to=${to}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert(Array.isArray(body['rows']));
    return body['rows'].map((row) => {
      assert(typeof row === 'object' && row !== null && !Array.isArray(row));
      const { destination, server, client, status: verdict } = row;
      return [destination, server, client, verdict].map(textOf).join(' ');
    });
  };
  const SQL = 'db.default.svc.cluster.local:5432';

  const rows: readonly (readonly [string, readonly string[], string])[] = [
    ['automatic', [], 'PERMISSIVE mTLS OK'],
    ['STRICT', [policy('STRICT')], 'STRICT mTLS OK'],
    ['the server takes none', [policy('DISABLE')], 'DISABLE plaintext OK'],
    ['the story at its start', [OFF], 'PERMISSIVE plaintext OK'],
    ['the policy without the rule', [OFF, policy('STRICT')], 'STRICT plaintext CONFLICT'],
    ['the policy and the rule', [OFF, RULE, policy('STRICT')], 'STRICT mTLS OK'],
    ['the rule without the policy', [OFF, RULE], 'PERMISSIVE mTLS OK'],
    ['the rule where none is taken', [RULE, policy('DISABLE')], 'DISABLE mTLS CONFLICT'],
  ];
  for (const [name, objects, expected] of rows) {
    test(name, () => assert.equal(check(objects)[0], `${SQL} ${expected}`));
  }

  test('a client without a sidecar encrypts nothing', () => {
    assert.equal(check([policy('STRICT')], 'legacy')[0], `${SQL} STRICT plaintext CONFLICT`);
  });

  test('to a workload, by its own name', () => {
    assert.deepEqual(check([], 'inventory-7d9f', 'db-10.128.0.14'), check([]));
    const { status, body } = control().ask('/debug/tls?from=inventory-7d9f&to=nobody');
    assert.equal(status, 404);
    assert.match(
      textOf(body['problem']),
      /^no service nobody that inventory-7d9f.default sees, and/,
    );
  });
});

describe('certificates', () => {
  const identity = {
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'inventory',
    workload: { kind: 'Pod', name: 'inventory-7d9f' },
  } as const;
  const shown = (ledger: CertificateLedger) => ledger.get('Pod/default/inventory-7d9f');

  test('what was issued last, with its serial number and end', () => {
    const { certificates, ask } = control();
    const asked = '/debug/certificates?proxy=inventory-7d9f';
    assert.equal(ask(asked).body['certificate'], undefined);
    const key = { publicKey: publicKeyOf(fake.workload(identity).keyPem), isRsa: false };
    const issued = certificates
      .watch(fake.authority)
      .issueWorkload({ ...key, identity, lifetimeMs: 3_600_000, nowMs: now });
    const { certificate, roots } = ask(asked).body;
    assert.deepEqual(certificate, {
      spiffeId: 'spiffe://cluster.local/ns/default/sa/inventory',
      serial: issued.serial,
      notBefore: '2026-11-22T09:58:00.000Z',
      notAfter: '2026-11-22T11:00:00.000Z',
      seen: 'issued',
      rotations: 0,
      root: fake.authority.roots[0]?.fingerprint256,
    });
    assert(Array.isArray(roots) && roots.length === 1);
  });

  test('what a proxy presents counts when nothing newer was issued', () => {
    const ledger = new CertificateLedger();
    const old = fake.workload(identity);
    ledger.presented(identity, old.certificate);
    assert.equal(shown(ledger)?.seen, 'presented');
    assert.equal(shown(ledger)?.serial, old.certificate.serialNumber.toLowerCase());
    const key = { publicKey: publicKeyOf(old.keyPem), isRsa: false };
    const later = { identity, lifetimeMs: 3_600_000, nowMs: now + 60_000 };
    ledger.watch(fake.authority).issueWorkload({ ...key, ...later });
    ledger.presented(identity, old.certificate);
    assert.equal(shown(ledger)?.seen, 'issued');
  });

  test('of more workloads than the limit the longest unheard of are forgotten', () => {
    const ledger = new CertificateLedger({ workloadsMax: 2 });
    const { certificate } = fake.workload(identity);
    for (const name of ['a', 'b', 'c']) {
      ledger.presented({ ...identity, workload: { kind: 'Pod', name } }, certificate);
    }
    const seen = ['a', 'b', 'c'].map((name) => ledger.get(`Pod/default/${name}`)?.seen);
    assert.deepEqual(seen, [undefined, 'presented', 'presented']);
  });
});

test('all that the resolver makes can be shown', () => {
  const schemas = {
    cluster: ClusterSchema,
    endpoints: ClusterLoadAssignmentSchema,
    extension: TypedExtensionConfigSchema,
    listener: ListenerSchema,
    routes: RouteConfigurationSchema,
  } as const;
  const folder = fileURLToPath(new URL('../resolve/testdata/', import.meta.url));
  const goldens = globSync('*/*.golden', { cwd: folder });
  let count = 0;
  for (const path of goldens) {
    const [kind = ''] = path.split('/').at(-1)?.split(/[-.]/) ?? [];
    const schema = Object.entries(schemas).find(([name]) => name === kind)?.[1];
    if (schema === undefined) continue; // what only agents ask for
    const json: JsonValue = JSON.parse(readFileSync(`${folder}${path}`, 'utf8'));
    parseResourceJson(schema, json);
    count += 1;
  }
  assert(count > 15, `only ${count} of ${goldens.length}`);
});

test('nothing is shown before everything has been read', () => {
  const { parts } = control();
  const pages = debugPages({ ...parts, isReady: () => false });
  const page = pages['/debug/config']?.(new URLSearchParams('proxy=db&type=clusters'));
  assert.equal(page?.status, 503);
  assert.match(pages['/version']?.(new URLSearchParams())?.body ?? '', /^\d+\.\d+\.\d+\n$/);
});
