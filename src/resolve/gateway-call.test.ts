// What happens to requests and connections at a gateway, told in its users' objects.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { MeshCatalog } from './catalog.ts';
import { TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';
import { simulateRequest, simulateServerName, tablesOf } from './simulate-gateway.ts';
import type { Request } from './simulate-gateway.ts';

const WORLD = `
kind: Pod
metadata:
  name: gw-1
  namespace: istio-system
  labels: { istio: ingressgateway, security.istio.io/tlsMode: istio }
  annotations: { inject.istio.io/templates: gateway }
spec: { serviceAccountName: gw }
status: { podIP: 10.24.0.9 }
---
kind: Service
metadata: { name: ingress, namespace: istio-system }
spec:
  clusterIP: 10.96.0.9
  selector: { istio: ingressgateway }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: tls, port: 443, targetPort: 8443 }
---
kind: Service
metadata: { name: front, namespace: shop }
spec:
  clusterIP: 10.96.0.1
  selector: { app: front }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
kind: Service
metadata: { name: api, namespace: shop }
spec:
  clusterIP: 10.96.0.2
  selector: { app: api }
  ports: [{ name: http, port: 80 }, { name: grpc, port: 9000 }]
---
kind: Service
metadata: { name: istiod, namespace: istio-system }
spec: { clusterIP: 10.96.0.3, selector: { app: istiod }, ports: [{ name: tls, port: 15012 }] }
---
kind: Pod
metadata:
  name: front-1
  namespace: shop
  labels: { app: front, version: v1, security.istio.io/tlsMode: istio }
spec: { serviceAccountName: front }
status: { podIP: 10.24.0.1 }
`;

const GATEWAY: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'istio-system',
  serviceAccount: 'gw',
  workload: { kind: 'Pod', name: 'gw-1' },
};

const FRONT = 'outbound|80||front.shop.svc.cluster.local';
const API = 'outbound|80||api.shop.svc.cluster.local';
const ISTIOD = 'outbound|15012||istiod.istio-system.svc.cluster.local';

const gateway = (servers: string, rest = '') => `
kind: Gateway
metadata: { name: gw, namespace: shop }
spec: { selector: { istio: ingressgateway }, servers: [${servers}] }
${rest}`;

const HTTP = "{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }";

const route = (spec: string, { name = 'vs', namespace = 'shop', created = '2026-01-01' } = {}) => `
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: ${created}T00:00:00Z }
spec: ${spec}`;

const to = (host: string, rest = '') => `{ destination: { host: ${host}${rest} } }`;

type World = { readonly mesh: Mesh; readonly catalog: MeshCatalog };

function world(...objects: readonly string[]): World {
  const mesh = meshOf([WORLD, ...objects].join('\n---\n'));
  assert.deepEqual([...mesh.rejections.entries()], []);
  return { mesh, catalog: new MeshCatalog(mesh) };
}

const get = ({ catalog }: World, url: string, rest: Omit<Request, 'url'> = {}): string =>
  simulateRequest(catalog, GATEWAY, { url, ...rest });

const vs = (http: string, rest = "hosts: ['*']"): string =>
  route(`{ ${rest}, gateways: [gw], http: [${http}] }`);

describe('a request at a gateway', () => {
  test('goes to the service of the route, on the port that the Service maps to', () => {
    const it = world(gateway(HTTP), vs(`{ route: [${to('front')}] }`));
    assert.equal(get(it, 'http://any.example:8080/'), FRONT);
    assert.equal(get(it, 'http://any.example:80/'), 'nobody listens');
  });

  test('finds nothing at a server without routes, and at a host of nobody’s', () => {
    assert.equal(get(world(gateway(HTTP)), 'http://a.example:8080/'), '404 no route');
    const it = world(gateway(HTTP), vs(`{ route: [${to('front')}] }`, 'hosts: [a.example]'));
    assert.equal(get(it, 'http://b.example:8080/'), '404 no such host');
  });

  test('goes by path, header, method and parameter; the first match counts', () => {
    const match = (match: string, host: string) => `{ match: [${match}], route: [${to(host)}] }`;
    const it = world(
      gateway(HTTP),
      vs(
        [
          match('{ uri: { exact: /exact } }', 'a.x'),
          match('{ uri: { prefix: /pre } }', 'b.x'),
          match('{ uri: { regex: "/r[0-9]+" } }', 'c.x'),
          match('{ headers: { x-who: { exact: me } } }', 'd.x'),
          match('{ method: { exact: POST } }, { method: { exact: PUT } }', 'e.x'),
          match('{ queryParams: { q: {} }, withoutHeaders: { x-no: {} } }', 'f.x'),
          match('{ uri: { exact: /CASE }, ignoreUriCase: true }', 'g.x'),
          match('{ authority: { prefix: special } }', 'h.x'),
          `{ route: [${to('front')}] }`,
          `{ route: [${to('never.x')}] }`,
        ].join(),
      ),
    );
    const at = (path: string, rest = {}) => get(it, `http://shop.example:8080${path}`, rest);
    assert.equal(at('/exact'), 'outbound|80||a.x');
    assert.equal(at('/exact/no'), FRONT);
    assert.equal(at('/prefix'), 'outbound|80||b.x');
    assert.equal(at('/r12'), 'outbound|80||c.x');
    assert.equal(at('/r12/x'), FRONT);
    assert.equal(at('/', { headers: { 'x-who': 'me' } }), 'outbound|80||d.x');
    assert.equal(at('/', { method: 'PUT' }), 'outbound|80||e.x');
    assert.equal(at('/?q=1'), 'outbound|80||f.x');
    assert.equal(at('/?q=1', { headers: { 'x-no': '' } }), FRONT);
    assert.equal(at('/case'), 'outbound|80||g.x');
    assert.equal(get(it, 'http://special.example:8080/'), 'outbound|80||h.x');
    assert.equal(at('/'), FRONT);
  });

  test('is shared out by weight; a share of nothing is none', () => {
    const weighted = (host: string, weight: number) =>
      `{ destination: { host: ${host}, port: { number: 80 } }, weight: ${weight} }`;
    const it = world(
      gateway(HTTP),
      vs(`{ route: [${weighted('front', 90)}, ${weighted('api', 10)}, ${weighted('no.x', 0)}] }`),
    );
    assert.equal(get(it, 'http://a:8080/'), `90 ${FRONT}, 10 ${API}`);
  });

  test('is redirected, or answered at once', () => {
    const it = world(
      gateway(HTTP),
      vs(
        `{ match: [{ uri: { prefix: /old } }], redirect: { authority: new.example, redirectCode: 308 } },
         { directResponse: { status: 503, body: { string: soon } } }`,
      ),
    );
    assert.equal(get(it, 'http://a:8080/old'), 'redirect 4 new.example');
    assert.equal(get(it, 'http://a:8080/'), '503');
  });

  test('is sent to HTTPS, where the server says so', () => {
    const server = `{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example, b.example], tls: { httpsRedirect: true } }`;
    const it = world(gateway(server), vs(`{ route: [${to('front')}] }`, 'hosts: [a.example]'));
    assert.equal(get(it, 'http://a.example:8080/'), '301 to https');
    assert.equal(get(it, 'http://b.example:8080/'), '301 to https');
  });

  test('goes to a service’s only port, or else to the server’s', () => {
    const it = world(
      gateway('{ port: { number: 9000, name: http, protocol: HTTP }, hosts: ["*"] }'),
      vs(
        `{ match: [{ uri: { prefix: /one } }], route: [${to('front')}] },
         { route: [${to('api')}] }`,
      ),
    );
    assert.equal(get(it, 'http://a:9000/one'), FRONT);
    assert.equal(get(it, 'http://a:9000/'), 'outbound|9000||api.shop.svc.cluster.local');
  });

  test('goes by what several VirtualServices say of one host, none taking all', () => {
    const catchAll = route(
      `{ hosts: [a.example], gateways: [gw], http: [{ route: [${to('front')}] }] }`,
      {
        name: 'all',
        created: '2026-01-01',
      },
    );
    const special = route(
      `{ hosts: [a.example], gateways: [gw], http: [{ match: [{ uri: { prefix: /api } }], route: [${to('api', ', port: { number: 80 }')}] }] }`,
      { name: 'special', created: '2026-01-02' },
    );
    const it = world(gateway(HTTP), catchAll, special);
    assert.equal(get(it, 'http://a.example:8080/api/x'), API);
    assert.equal(get(it, 'http://a.example:8080/'), FRONT);
  });

  test('is for the hosts that server and VirtualService have in common', () => {
    const server = `{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*.example', 'other/b.test', './c.test', deep.a.wide] }`;
    const it = world(
      gateway(server),
      vs(`{ route: [${to('front')}] }`, "hosts: [a.example, 'b.test', c.test, 'd.else', '*.wide']"),
    );
    assert.equal(get(it, 'http://a.example:8080/'), FRONT);
    assert.equal(get(it, 'http://x.example:8080/'), '404 no such host');
    assert.equal(get(it, 'http://b.test:8080/'), '404 no such host', 'of another namespace');
    assert.equal(get(it, 'http://c.test:8080/'), FRONT);
    assert.equal(get(it, 'http://d.else:8080/'), '404 no such host');
    assert.equal(get(it, 'http://deep.a.wide:8080/'), FRONT, 'the narrower of two wildcards');
    assert.equal(get(it, 'http://a.wide:8080/'), '404 no such host');
  });

  test('is for gateways that the VirtualService names, and matches may name fewer', () => {
    const objects = [
      gateway(HTTP),
      gateway('{ port: { number: 81, name: http, protocol: HTTP }, hosts: ["*"] }').replace(
        'name: gw,',
        'name: other,',
      ),
    ];
    const it = world(
      ...objects,
      route(
        `{ hosts: ['*'], gateways: [gw, shop/other], http: [
          { match: [{ gateways: [other] }], route: [${to('api', ', port: { number: 80 }')}] },
          { match: [{ port: 81, uri: { prefix: /port } }], route: [${to('never.x')}] },
          { match: [{ sourceNamespace: shop }], route: [${to('never.x')}] },
          { route: [${to('front')}] }] }`,
      ),
    );
    assert.equal(get(it, 'http://a:81/'), API);
    assert.equal(get(it, 'http://a:8080/port'), FRONT);
    const elsewhere = world(
      ...objects,
      route(`{ hosts: ['*'], gateways: [istio-system/gw], http: [{ route: [${to('front')}] }] }`),
    );
    assert.equal(get(elsewhere, 'http://a:8080/'), '404 no route');
  });

  test('is not for VirtualServices that are not exported to the gateway', () => {
    const it = world(
      gateway(HTTP),
      vs(`{ route: [${to('front')}] }`, "hosts: ['*'], exportTo: ['.']"),
    );
    assert.equal(get(it, 'http://a:8080/'), '404 no route');
  });

  test('follows every change at once', () => {
    const it = world(gateway(HTTP), vs(`{ route: [${to('front')}] }`));
    assert.equal(get(it, 'http://a:8080/'), FRONT);
    apply(it.mesh, vs(`{ route: [${to('api', ', port: { number: 80 }')}] }`));
    assert.equal(get(it, 'http://a:8080/'), API);
    remove(it.mesh, vs(''));
    assert.equal(get(it, 'http://a:8080/'), '404 no route');
    remove(it.mesh, gateway(''));
    assert.equal(get(it, 'http://a:8080/'), 'nobody listens');
  });
});

describe('a connection of TLS at a gateway', () => {
  const TLS =
    "{ port: { number: 443, name: tls, protocol: TLS }, hosts: ['*.istio-system.svc', '*.example'], tls: { mode: PASSTHROUGH } }";
  const tls = (list: string, rest = "hosts: ['*.istio-system.svc', '*.example']") =>
    route(`{ ${rest}, gateways: [gw], tls: [${list}] }`, { namespace: 'shop' });
  const dial = ({ catalog }: World, name: string) =>
    simulateServerName(catalog, GATEWAY, { port: 8443, name });
  const istiod = to('istiod.istio-system.svc.cluster.local', ', port: { number: 15012 }');

  test('is handed to the service of the name that it asks for', () => {
    const it = world(
      gateway(TLS),
      tls(
        `{ match: [{ sniHosts: [istiod.istio-system.svc] }], route: [${istiod}] },
         { match: [{ sniHosts: ['*.example'], port: 443 }], route: [${to('front')}] },
         { match: [{ sniHosts: [istiod.istio-system.svc] }], route: [${to('never.x')}] }`,
      ),
    );
    assert.equal(dial(it, 'istiod.istio-system.svc'), ISTIOD);
    assert.equal(dial(it, 'www.example'), FRONT);
    assert.equal(dial(it, 'istiod.elsewhere'), 'closed');
  });

  test('never goes by a name that the Gateway does not have', () => {
    const any = tls(`{ match: [{ sniHosts: ['*'] }], route: [${to('front')}] }`, "hosts: ['*']");
    const it = world(gateway(TLS), any);
    assert.equal(dial(it, 'www.example'), FRONT);
    assert.equal(dial(it, 'www.other'), 'closed');
  });

  test('is shared out by weight', () => {
    const share = (host: string, weight: number) =>
      `{ destination: { host: ${host}, port: { number: 80 } }, weight: ${weight} }`;
    const it = world(
      gateway(TLS),
      tls(
        `{ match: [{ sniHosts: [a.example] }], route: [${share('front', 1)}, ${share('api', 3)}] }`,
      ),
    );
    assert.equal(dial(it, 'a.example'), `1 ${FRONT}, 3 ${API}`);
  });

  test('finds no listener where there is no route', () => {
    const { catalog } = world(gateway(TLS));
    assert.deepEqual(tablesOf(catalog, GATEWAY), []);
  });
});

test('a connection of plain TCP goes where the first route for it leads', () => {
  const server = '{ port: { number: 5432, name: tcp, protocol: TCP }, hosts: ["*"] }';
  const { catalog } = world(
    gateway(server),
    route(
      `{ hosts: ['*'], gateways: [gw], tcp: [
        { match: [{ port: 1 }], route: [${to('never.x')}] },
        { match: [{ port: 5432 }], route: [${to('front', ', port: { number: 80 }')}] }] }`,
    ),
  );
  assert.equal(simulateServerName(catalog, GATEWAY, { port: 5432, name: '' }), FRONT);
});

describe('a gateway', () => {
  const both = [gateway(HTTP), vs(`{ route: [${to('front')}] }, { route: [${to('api')}] }`)];
  const names = ({ catalog }: World, proxy = GATEWAY) =>
    tablesOf(catalog, proxy).map(([, { name }]) => name);

  test('has its listeners and the clusters that they lead to, and no others', () => {
    assert.deepEqual(names(world(...both)), ['0.0.0.0_8080', FRONT]);
  });

  test('has no cluster for what there is not', () => {
    assert.deepEqual(names(world(gateway(HTTP), vs(`{ route: [${to('no.x')}] }`))), [
      '0.0.0.0_8080',
    ]);
  });

  test('has none of the listeners that capture', () => {
    const { catalog } = world(...both);
    const inbound = { proxy: GATEWAY, typeUrl: TYPE_URL.listener, name: 'virtualInbound' };
    assert.equal(ask(catalog, inbound), undefined);
  });

  test('is one by its own word: a Gateway makes none of a workload that it selects', () => {
    const it = world(
      gateway(HTTP).replace('istio: ingressgateway', 'app: front'),
      vs(`{ route: [${to('front')}] }`),
    );
    const front = {
      ...GATEWAY,
      namespace: 'shop',
      serviceAccount: 'front',
      workload: { kind: 'Pod', name: 'front-1' },
    } as const;
    assert.deepEqual(names(it, front), [
      '0.0.0.0_80',
      '0.0.0.0_9000',
      'virtualInbound',
      'virtualOutbound',
      'InboundPassthroughCluster',
      'inbound|8080||',
    ]);
    const table = { proxy: front, typeUrl: TYPE_URL.routes, name: 'http.8080' };
    assert.equal(ask(it.catalog, table), undefined);
    assert.deepEqual(names(it), []);
  });

  test('shares its tables with its replicas, byte for byte', () => {
    const it = world(
      ...both,
      WORLD.split('---')[0]?.replace('gw-1', 'gw-2').replace('.9 ', '.8 ') ?? '',
    );
    const replica = { ...GATEWAY, workload: { kind: 'Pod', name: 'gw-2' } } as const;
    const keys = [GATEWAY, replica].flatMap((proxy) => [
      it.catalog.acquire(proxy, TYPE_URL.listener, '0.0.0.0_8080'),
      it.catalog.acquire(proxy, TYPE_URL.routes, 'http.8080'),
    ]);
    it.catalog.settle();
    const [listener, routes, listenerToo, routesToo] = keys.map((key) => it.catalog.lookup(key));
    assert(listener && routes);
    assert.equal(listener, listenerToo);
    assert.equal(routes, routesToo);
  });

  test('is told of its own ports what policy says', () => {
    const { catalog } = world(...both);
    const policy = (name: string) =>
      ask(catalog, { proxy: GATEWAY, typeUrl: TYPE_URL.extension, name });
    assert(policy('http-policy|8080'));
    assert.equal(policy('http-policy|80'), undefined);
  });

  test('keeps to servers of one kind on a port, the oldest Gateway’s', () => {
    const tcp = gateway('{ port: { number: 80, name: tcp, protocol: TCP }, hosts: ["*"] }').replace(
      'name: gw,',
      'name: younger, creationTimestamp: 2026-05-01T00:00:00Z,',
    );
    assert.deepEqual(names(world(...both, tcp)), ['0.0.0.0_8080', FRONT]);
  });

  test('speaks mesh TLS as rules say, and to the control plane by a rule of its own', () => {
    const rule = (name: string, host: string, mode: string) => `
kind: DestinationRule
metadata: { name: ${name}, namespace: istio-system }
spec: { host: '${host}', trafficPolicy: { tls: { mode: ${mode} } } }`;
    const it = world(
      gateway(HTTP),
      vs(
        `{ match: [{ uri: { prefix: /cp } }], route: [${to('istiod.istio-system.svc.cluster.local')}] },
         { route: [${to('front')}] }`,
      ),
      rule('default', '*.local', 'ISTIO_MUTUAL'),
    );
    const isEncrypted = (name: string): boolean => {
      const found = ask(it.catalog, { proxy: GATEWAY, typeUrl: TYPE_URL.cluster, name });
      assert(found);
      return decode(ClusterSchema, found).transportSocket !== undefined;
    };
    assert.deepEqual([FRONT, ISTIOD].map(isEncrypted), [true, true]);
    apply(it.mesh, rule('istiod', 'istiod.istio-system.svc.cluster.local', 'DISABLE'));
    assert.deepEqual([FRONT, ISTIOD].map(isEncrypted), [true, false]);
  });

  test('has a cluster for a subset, with its endpoints alone', () => {
    const it = world(
      gateway(HTTP),
      vs(`{ route: [${to('front', ', subset: v1')}] }`),
      `kind: DestinationRule
metadata: { name: front, namespace: shop }
spec:
  host: front
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }`,
    );
    const name = 'outbound|80|v1|front.shop.svc.cluster.local';
    assert.equal(get(it, 'http://a:8080/'), name);
    assert.deepEqual(names(it), ['0.0.0.0_8080', name]);
    const endpoints = (name: string) =>
      ask(it.catalog, { proxy: GATEWAY, typeUrl: TYPE_URL.endpoints, name })?.bytes.length ?? 0;
    assert(endpoints(name) > endpoints(name.replace('v1', 'v2')), 'v2 has nobody');
    assert.equal(endpoints(name.replace('v1', 'v3')), 0, 'there is no v3');
  });
});
