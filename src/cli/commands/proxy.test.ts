// The commands that look into the mesh, against the control plane's own pages.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { CertificateLedger } from '#controlplane/debug-certificates.ts';
import { debugPages } from '#controlplane/debug.ts';
import { runPages, type Pages } from '#controlplane/monitoring.ts';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { TYPE_URL } from '#resolve/names.ts';
import { runCli } from '../run.ts';
import { parseEnvoyVersion } from './version.ts';
import { levelQuery } from './proxy-log.ts';

const OBJECTS = `
kind: Pod
metadata: { name: inventory-1, labels: { app: inventory, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: inventory }
status: { phase: Running, podIP: 10.24.2.23 }
---
kind: WorkloadEntry
metadata: { name: db-10.128.0.14 }
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
  workloadSelector: { labels: { service.istio.io/workload-name: db } }
`;

const STRICT = `
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
---
kind: DestinationRule
metadata: { name: plain }
spec: { host: db.default.svc.cluster.local, trafficPolicy: { tls: { mode: DISABLE } } }
`;

const NOW = Date.parse('2026-11-22T10:00:00Z');

/** Pages over a mesh of these objects, in which inventory-1 holds one cluster. */
function pagesOf(objects: string): Pages {
  const mesh = meshOf(objects);
  const fake = createFakeAuthority(NOW);
  const certificates = new CertificateLedger();
  const identity = {
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'db',
    workload: { kind: 'WorkloadEntry', name: 'db-10.128.0.14' },
  } as const;
  certificates.presented(identity, fake.workload(identity).certificate);
  const held = {
    typeUrl: TYPE_URL.cluster,
    name: 'dst|240.240.0.5:5432',
    version: 'v1',
    isAcknowledged: true,
    rejection: undefined,
  };
  return debugPages({
    mesh,
    catalog: new MeshCatalog(mesh),
    certificates,
    authority: { current: () => fake.authority },
    isReady: () => true,
    xds: { resourcesOf: (id) => (id === 'Pod/default/inventory-1' ? [held] : []) },
  });
}

type Said = { readonly status: number; readonly text: string };

/** Serves the pages while some lines are typed. */
async function withPages(
  pages: Pages,
  work: (typed: (line: string) => Promise<Said>) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const serving = runPages(
    { listen: { host: '127.0.0.1', port: 0 }, pages, onListening: listening.resolve },
    stop.signal,
  );
  const env = { ISTHMUSD: `http://127.0.0.1:${await listening.promise}` };
  try {
    await work(async (line) => {
      const printed: string[] = [];
      const print = (text: string): void => void printed.push(text);
      const status = await runCli(line.split(' '), { env, signal: stop.signal, print });
      return { status, text: printed.join('\n') };
    });
  } finally {
    stop.abort();
    await serving;
  }
}

async function failure(said: Promise<unknown>): Promise<OperatorError> {
  const error: unknown = await said.catch((thrown: unknown) => thrown);
  assert(error instanceof OperatorError, String(error));
  return error;
}

test('what is held of what could be reached, and the rest', async () => {
  await withPages(pagesOf(OBJECTS), async (typed) => {
    const { text } = await typed('proxy-config clusters inventory');
    assert.deepEqual(text.split('\n').slice(1), [
      'db.default.svc.cluster.local   5432   -        outbound    EDS    240.240.0.5:5432   SYNCED',
      '',
      'inventory-1.default holds 1 of 2 destinations that it could reach; --all resolves the rest',
    ]);
    const all = (await typed('proxy-config clusters inventory --all')).text.split('\n');
    assert.match(all[2] ?? '', / 9187 .* 240\.240\.0\.5:9187 +not held$/);
    assert.equal(all.at(-1), 'inventory-1.default holds 1 of 2 destinations that it could reach');
    const routes = await typed('proxy-config routes inventory');
    assert.equal(routes.text, 'inventory-1.default holds no routes: all that it has asked for');
    const json = await typed('proxy-config clusters inventory -o json');
    assert.match(json.text, /"altStatName": "outbound\|5432\|\|db\.default\.svc\.cluster\.local"/);
    const yaml = await typed('proxy-config clusters inventory -o yaml');
    assert.match(yaml.text, /^proxy: inventory-1\.default$/m);
  });
});

test('certificates, as far as they were seen', async () => {
  await withPages(pagesOf(OBJECTS), async (typed) => {
    const { text } = await typed('proxy-config secrets db');
    const [, own = '', root = '', , note] = text.split('\n');
    assert.match(
      own,
      /^default +Cert Chain +[0-9a-f]{32} +2026-11-23T10:00:00\.000Z +spiffe:\S+db$/,
    );
    assert.match(root, /^ROOTCA +CA +[0-9a-f]+ +20\S+Z +O=cluster\.local/);
    assert.equal(
      note,
      'as the proxy presented it when it connected; ' +
        'what Envoy serves now, it says on its machine: curl localhost:15000/certs',
    );
    const unseen = await typed('proxy-config secrets inventory');
    assert.match(unseen.text, /has not seen a certificate of inventory-1\.default/);
  });
});

test('TLS that both ends agree on, and TLS that they do not', async () => {
  await withPages(pagesOf(OBJECTS), async (typed) => {
    const { status, text } = await typed('tls-check inventory db');
    assert.equal(status, 0);
    assert.match(
      text,
      /^db\S+:5432 +10\.128\.0\.14:5432 +db-\S+ +OK +PERMISSIVE +mTLS +spiffe\S+$/m,
    );
    assert.match(text, /^inventory-1\.default and db\.default\S+ understand each other$/m);
  });
  await withPages(pagesOf([OBJECTS, STRICT].join('---')), async (typed) => {
    const { status, text } = await typed('tls-check inventory db');
    assert.equal(status, 1);
    assert.match(text, / CONFLICT +STRICT +plaintext +-$/m);
    assert.match(text, /^2 of 2 would be refused/m);
  });
});

test('a name that means nothing, a control plane that is not there or is another', async () => {
  await withPages(pagesOf(OBJECTS), async (typed) => {
    const nobody = await failure(typed('proxy-config listeners web'));
    assert.deepEqual(
      [nobody.code, nobody.message],
      [
        'NOT_FOUND',
        'the mesh has no workload web; it has db-10.128.0.14.default, inventory-1.default',
      ],
    );
    const foreign = await failure(typed('proxy-status')); // a page that is not served here
    assert.equal(foreign.code, 'CONTROL_PLANE_UNREACHABLE');
    assert.match((await typed('version')).text, /^control plane {2}\d+\.\d+\.\d+$/m);
    const away = await failure(typed('proxy-status --isthmusd http://127.0.0.1:1'));
    assert.match(away.message, /^the control plane at http:\/\/127\.0\.0\.1:1 does not answer: /);
    assert.match(away.remedy, /port-forward deploy\/istiod 15014/);
    assert.equal((await failure(typed('proxy-status --isthmusd istiod'))).code, 'USAGE');
  });
});

test('log levels are set at the right Envoy, and only there', async () => {
  const asked: string[] = [];
  const envoy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const info = { node: { id: 'sidecar~10.24.2.23~inventory-1.default~default.svc' } };
    response.end(request.url === '/server_info' ? JSON.stringify(info) : 'active loggers:\n');
  }).listen(0, '127.0.0.1');
  await once(envoy, 'listening');
  const address = envoy.address();
  assert(typeof address === 'object' && address !== null);
  const admin = `--admin http://127.0.0.1:${address.port}`;
  try {
    await withPages({}, async (typed) => {
      const { text } = await typed(`proxy-config log inventory-1 --level http:debug ${admin}`);
      assert.equal(text, 'active loggers:');
      const other = await failure(typed(`proxy-config log db --level debug ${admin}`));
      assert.equal(other.code, 'NOT_FOUND');
      assert.match(other.message, /is that of inventory-1\.default, not of db$/);
    });
    assert.deepEqual(asked, [
      'GET /server_info',
      'POST /logging?paths=http:debug',
      'GET /server_info',
    ]);
  } finally {
    envoy.closeAllConnections();
    envoy.close();
  }
});

test("levels in Envoy's own parameters", () => {
  assert.equal(levelQuery('debug'), 'level=debug');
  assert.equal(levelQuery('http:debug,upstream:info'), 'paths=http:debug,upstream:info');
  for (const text of ['', 'loud', 'http:loud', 'http:debug,info', 'a&b:debug']) {
    assert.throws(() => levelQuery(text), /is no level/);
  }
});

test("Envoy's version in its own words", () => {
  const text = 'envoy  version: 2a1c/1.40.0/Clean/RELEASE/BoringSSL\n';
  assert.equal(parseEnvoyVersion(text), '1.40.0');
  assert.equal(parseEnvoyVersion('?'), 'unknown');
});
