// What a sidecar's request to a host becomes: from the objects of a mesh to the route that is taken.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { createMesh } from '#model/mesh.ts';
import type { MeshOptions } from '#model/mesh.ts';
import { apply } from '#model/mesh-of.ts';
import { createHostLookup } from './host-lookup.ts';
import { decode } from './simulate-call.ts';
import { outcomeOf, simulateRoutes } from './simulate-http.ts';
import { makeVirtualHost, planVirtualHost } from './virtual-host.ts';
import type { VirtualHostContext } from './virtual-host.ts';

type Asked = {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
};

/** The mesh of these objects, with what virtual hosts are looked up by. */
function contextOf(yaml: string, options: MeshOptions = {}): VirtualHostContext {
  const mesh = createMesh(options);
  const context = { mesh, serviceOf: createHostLookup(mesh) };
  apply(mesh, yaml.replace(/^\s*---\n/, ''));
  return context;
}

type Call = (url: string, asked?: Asked) => string;

/** `<route's name>: <where it leads>` of a request `host:port/path`. */
function caller(yaml: string, options: MeshOptions = {}): Call {
  const context = contextOf(yaml, options);
  return (text, { namespace = 'default', labels = {}, ...request } = {}) => {
    const url = `http://${text}`;
    const { host: authority, port } = new URL(url);
    const ask = { namespace, labels, port: Number(port || '80'), authority };
    const recipe = planVirtualHost(context, ask);
    const { domains, routes } = decode(VirtualHostSchema, makeVirtualHost(context, recipe));
    assert.deepEqual(domains, [authority]);
    const route = simulateRoutes(routes, { url, ...request });
    return route === undefined ? 'no route' : `${route.name}: ${outcomeOf(route)}`;
  };
}

const of = (host: string, port = 9080, subset = ''): string => `outbound|${port}|${subset}|${host}`;
const FULL = (name: string, namespace = 'default'): string =>
  `${name}.${namespace}.svc.cluster.local`;

const service = (name: string, extra = ''): string => `
---
kind: Service
metadata: { name: ${name.split('/').at(-1)}, namespace: ${name.includes('/') ? name.split('/')[0] : 'default'} }
spec:
  clusterIP: ${extra === '' ? `10.0.0.${name.length}` : extra}
  ports: [{ name: http, port: 9080 }, { name: tcp, port: 9090 }, { name: odd, port: 9100 }]
`;

const virtualService = (spec: string, metadata = '{ name: it }'): string => `
---
kind: VirtualService
metadata: ${metadata}
spec: ${spec}
`;

const to = (host: string): string => `route: [{ destination: { host: ${host} } }]`;

const toward = (host: string, name = host): string =>
  `[{ name: ${name}, route: [{ destination: { host: ${host} } }] }]`;

describe('a host without a VirtualService', () => {
  const call = caller(
    `${service('reviews')}${service('shop/cart')}${service('empty', 'None')}
---
kind: ServiceEntry
metadata: { name: out }
spec:
  hosts: ['*.example.com', api.example.org]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: NONE
  addresses: [240.240.0.9]
`,
  );

  test('is its service, by every name that clients have for it, and by its address', () => {
    const expected = `default: ${of(FULL('reviews'))}`;
    for (const host of ['reviews', 'reviews.default', 'reviews.default.svc', FULL('reviews')]) {
      assert.equal(call(`${host}:9080/`), expected, host);
    }
    assert.equal(call(`${FULL('reviews')}.:9080/`), expected, 'with a final dot');
    assert.equal(call('10.0.0.7:9080/'), expected);
  });

  test('has a short name in its own namespace alone', () => {
    assert.equal(call('cart:9080/'), 'allow_any: PassthroughCluster');
    assert.equal(call('cart:9080/', { namespace: 'shop' }), `default: ${of(FULL('cart', 'shop'))}`);
    assert.equal(call('cart.shop:9080/'), `default: ${of(FULL('cart', 'shop'))}`);
  });

  test('is nobody on a port that is not of HTTP, and somebody on one that does not say', () => {
    assert.equal(call('reviews:9090/'), 'allow_any: PassthroughCluster');
    assert.equal(call('reviews:9100/'), `default: ${of(FULL('reviews'), 9100)}`);
    assert.equal(call('reviews:81/'), 'allow_any: PassthroughCluster');
  });

  test('is covered by a wildcard, the longest', () => {
    assert.equal(call('www.example.com/'), `default: ${of('*.example.com', 80)}`);
    assert.equal(call('api.example.org/'), `default: ${of('api.example.org', 80)}`);
    assert.equal(call('example.com/'), 'allow_any: PassthroughCluster');
  });

  test('is an endpoint of a headless Service by its own name', () => {
    assert.equal(call(`pod-0.${FULL('empty')}:9080/`), `default: ${of(FULL('empty'))}`);
    assert.equal(call('pod-0.empty:9080/'), `default: ${of(FULL('empty'))}`);
    assert.equal(call(`pod-0.${FULL('reviews')}:9080/`), 'allow_any: PassthroughCluster');
  });

  test('is nobody where only the registry may be called', () => {
    const strict = { defaults: { outboundTrafficPolicy: 'REGISTRY_ONLY' } } as const;
    assert.equal(caller(service('reviews'), strict)('example.com/'), 'block_all: 502');
  });
});

describe('rule 14: exportTo', () => {
  const exported = (exportTo: string): Call =>
    caller(`
kind: ServiceEntry
metadata: { name: it, namespace: shop }
spec:
  hosts: [api.example.org]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: DNS
  exportTo: ${exportTo}
${virtualService(
  `{ hosts: [api.example.org], exportTo: ${exportTo}, http: ${toward('other.org')} }`,
  '{ name: it, namespace: shop }',
)}`);
  const seenFrom = (exportTo: string, namespace: string): string =>
    exported(exportTo)('api.example.org/', { namespace });
  const routed = `other.org: ${of('other.org', 80)}`;

  test('is judged by the namespace of the proxy that asks', () => {
    for (const [exportTo, namespace, expected] of [
      ["['*']", 'default', routed],
      ["['.']", 'shop', routed],
      ["['.']", 'default', 'allow_any: PassthroughCluster'],
      ['[default]', 'default', routed],
      ['[default]', 'shop', 'allow_any: PassthroughCluster'],
    ] as const) {
      assert.equal(seenFrom(exportTo, namespace), expected, `${exportTo} from ${namespace}`);
    }
  });
});

describe('rule 15: one host in several namespaces', () => {
  const entry = (namespace: string, createdAt: string): string => `
---
kind: ServiceEntry
metadata: { name: it, namespace: ${namespace}, creationTimestamp: '${createdAt}' }
spec:
  hosts: [api.example.org]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  addresses: [240.240.0.${namespace.length}]
  resolution: STATIC
`;
  const context = contextOf(
    `${entry('old', '2020-01-01T00:00:00Z')}${entry('shop', '2021-01-01T00:00:00Z')}`,
  );
  const contentFor = (namespace: string) =>
    planVirtualHost(context, { namespace, labels: {}, port: 80, authority: 'api.example.org' })
      .content;

  test('is the own one, or else the oldest', () => {
    assert.deepEqual(contentFor('shop'), {
      kind: 'service',
      service: 'shop/api.example.org',
      namespace: 'shop',
    });
    assert.deepEqual(contentFor('default'), {
      kind: 'service',
      service: 'old/api.example.org',
      namespace: 'default',
    });
  });
});

describe('rule 20: VirtualServices on sidecars', () => {
  const SERVICES = `${service('reviews')}${service('ratings')}`;
  const followed = (virtualServices: string, url = 'reviews:9080/', asked: Asked = {}): string =>
    caller(`${SERVICES}${virtualServices}`)(url, asked);

  test('the oldest wins, and the others add nothing', () => {
    const old = "{ name: z, creationTimestamp: '2020-01-01T00:00:00Z' }";
    const young = "{ name: a, creationTimestamp: '2021-01-01T00:00:00Z' }";
    const only = (path: string): string =>
      `{ hosts: [reviews], http: [{ name: ${path}, match: [{ uri: { exact: /${path} } }], route: [{ destination: { host: ratings } }] }] }`;
    const both = `${virtualService(only('young'), young)}${virtualService(only('old'), old)}`;
    assert.equal(followed(both, 'reviews:9080/old'), `old: ${of(FULL('ratings'))}`);
    assert.equal(followed(both, 'reviews:9080/young'), 'no route');
  });

  test('no gateways means the sidecars, as "mesh" does; a gateway alone does not', () => {
    const bound = (gateways: string): string =>
      followed(virtualService(`{ hosts: [reviews]${gateways}, http: ${toward('ratings')} }`));
    assert.equal(bound(''), `ratings: ${of(FULL('ratings'))}`);
    assert.equal(bound(', gateways: [front, mesh]'), `ratings: ${of(FULL('ratings'))}`);
    assert.equal(bound(', gateways: [front]'), `default: ${of(FULL('reviews'))}`);
  });

  test("short names are of the VirtualService's own namespace", () => {
    const elsewhere = virtualService(
      `{ hosts: [reviews], http: ${toward('ratings')} }`,
      '{ name: it, namespace: shop }',
    );
    assert.equal(followed(elsewhere), `default: ${of(FULL('reviews'))}`);
    const named = virtualService(
      `{ hosts: [${FULL('reviews')}], http: ${toward('ratings')} }`,
      '{ name: it, namespace: shop }',
    );
    assert.equal(followed(named), `ratings: ${of(FULL('ratings', 'shop'))}`);
  });

  test('a wildcard is for every service that none names', () => {
    const wild = virtualService(
      `{ hosts: ['*.default.svc.cluster.local'], http: ${toward('ratings')} }`,
    );
    assert.equal(followed(wild), `ratings: ${of(FULL('ratings'))}`);
    const named = virtualService(
      `{ hosts: [reviews], http: ${toward('reviews')} }`,
      "{ name: a, creationTimestamp: '2021-01-01T00:00:00Z' }",
    );
    assert.equal(followed(`${wild}${named}`), `reviews: ${of(FULL('reviews'))}`);
  });

  test('the routes of a host that is no service are on port 80', () => {
    const own = virtualService(`{ hosts: [shop.example.com], http: ${toward('ratings')} }`);
    assert.equal(followed(own, 'shop.example.com/'), `ratings: ${of(FULL('ratings'), 80)}`);
    assert.equal(followed(own, 'shop.example.com:9080/'), 'allow_any: PassthroughCluster');
  });

  test('without a route for the asker the service is as if there were none', () => {
    const tcp = virtualService(
      '{ hosts: [reviews], tcp: [{ route: [{ destination: { host: ratings } }] }] }',
    );
    assert.equal(followed(tcp), `default: ${of(FULL('reviews'))}`);
  });

  test('matches look at who asks and which port was dialled', () => {
    const picky = virtualService(`{ hosts: [reviews], http: [
      { name: labels, match: [{ sourceLabels: { app: front } }], ${to('ratings')} },
      { name: namespace, match: [{ sourceNamespace: shop }], ${to('ratings')} },
      { name: port, match: [{ port: 9100 }], route: [{ destination: { host: ratings } }] },
      { name: gateway, match: [{ gateways: [front] }], ${to('ratings')} },
      { name: rest, route: [{ destination: { host: reviews } }] }] }`);
    const nameFor = (url: string, asked: Asked = {}): string =>
      followed(picky, url, asked).split(':')[0] ?? '';
    assert.equal(nameFor('reviews:9080/', { labels: { app: 'front', v: '1' } }), 'labels');
    assert.equal(nameFor('reviews.default:9080/', { namespace: 'shop' }), 'namespace');
    assert.equal(nameFor('reviews:9100/'), 'port');
    assert.equal(nameFor('reviews:9080/'), 'rest');
  });
});

test('rule 44: a subset is a cluster of its own, also one that nobody knows', () => {
  const spec =
    '{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v9 } }] }] }';
  const call = caller(`${service('reviews')}${virtualService(spec)}`);
  assert.equal(call('reviews:9080/'), `: ${of(FULL('reviews'), 9080, 'v9')}`);
});

describe('another name of a service (ExternalName)', () => {
  const ALIAS = `
---
kind: Service
metadata: { name: alias }
spec: { type: ExternalName, externalName: ${FULL('reviews')} }
`;

  test('is that service', () => {
    const call = caller(`${service('reviews')}${ALIAS}`);
    assert.equal(call('alias:9080/'), `default: ${of(FULL('reviews'))}`);
    assert.equal(call('alias:9090/'), 'allow_any: PassthroughCluster');
  });

  test('as a destination leads to that service', () => {
    const rule = virtualService(`{ hosts: [reviews], http: ${toward('alias')} }`);
    const call = caller(`${service('reviews')}${ALIAS}${rule}`);
    assert.equal(call('reviews:9080/'), `alias: ${of(FULL('reviews'))}`);
  });
});

describe('a route that leaves the rest to a delegate', () => {
  const call = caller(
    `${service('reviews')}${virtualService(`{ hosts: [reviews], http: [
    { name: root, match: [{ uri: { prefix: /shop } }], delegate: { name: sub, namespace: shop } },
    { name: rest, route: [{ destination: { host: reviews } }] }] }`)}${virtualService(
      `{ http: [
    { name: cart, match: [{ uri: { prefix: /shop/cart } }], ${to('cart')} },
    { name: other, match: [{ uri: { prefix: /elsewhere } }], ${to('cart')} },
    { name: all, route: [{ destination: { host: shop } }] }] }`,
      '{ name: sub, namespace: shop }',
    )}`,
  );

  test('has its routes within the root’s, and short names of its own namespace', () => {
    assert.equal(call('reviews:9080/shop/cart/1'), `root-cart: ${of(FULL('cart', 'shop'))}`);
    assert.equal(call('reviews:9080/shop/x'), `root-all: ${of(FULL('shop', 'shop'))}`);
  });

  test('takes nothing that the root’s would not', () => {
    assert.equal(call('reviews:9080/elsewhere'), `rest: ${of(FULL('reviews'))}`);
  });
});

describe('rule 18: a Sidecar', () => {
  const SERVICES = `${service('reviews')}${service('ratings')}`;
  const sidecar = (hosts: string, extra = ''): string => `
---
kind: Sidecar
metadata: { name: it }
spec: { ${extra}egress: [{ hosts: [${hosts}] }] }
`;

  test('leaves nothing of what it does not import', () => {
    const call = caller(`${SERVICES}${sidecar("'./reviews.default.svc.cluster.local'")}`);
    assert.equal(call('reviews:9080/'), `default: ${of(FULL('reviews'))}`);
    assert.equal(call('ratings:9080/'), 'allow_any: PassthroughCluster');
    assert.equal(
      call('reviews.default:9080/', { namespace: 'shop' }),
      `default: ${of(FULL('reviews'))}`,
    );
  });

  test('is for the workloads that it selects', () => {
    const selecting = 'workloadSelector: { labels: { app: front } }, ';
    const call = caller(`${SERVICES}${sidecar("'~/*'", selecting)}`);
    assert.equal(call('ratings:9080/'), `default: ${of(FULL('ratings'))}`);
    const labels = { app: 'front' };
    assert.equal(call('ratings:9080/', { labels }), 'allow_any: PassthroughCluster');
  });

  test('decides which VirtualServices are followed, too', () => {
    const elsewhere = virtualService(
      `{ hosts: [${FULL('reviews')}], http: ${toward('ratings')} }`,
      '{ name: it, namespace: shop }',
    );
    const imported = (hosts: string): string =>
      caller(`${SERVICES}${elsewhere}${sidecar(hosts)}`)('reviews:9080/');
    assert.equal(imported("'*/*'"), `ratings: ${of(FULL('ratings', 'shop'))}`);
    assert.equal(imported("'./*'"), `default: ${of(FULL('reviews'))}`);
  });

  test('says whether others may be called', () => {
    const strict = sidecar("'./*'", 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }, ');
    assert.equal(caller(`${SERVICES}${strict}`)('example.com/'), 'block_all: 502');
  });
});

describe('an HTTPRoute of a Service', () => {
  const httpRoute = (name: string, rules: string, namespace = 'default'): string => `
---
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  parentRefs: [{ group: '', kind: Service, name: reviews, namespace: default }]
  rules: ${rules}
`;
  const toBackend = (name: string): string => `backendRefs: [{ name: ${name}, port: 9080 }]`;

  test('has the most specific match first, of all routes of a namespace together', () => {
    const call = caller(
      `${service('reviews')}${httpRoute('a', `[{ name: all, ${toBackend('reviews')} }]`)}${httpRoute(
        'b',
        `[{ name: deep, matches: [{ path: { value: /a/b } }], ${toBackend('deep')} },
          { name: exact, matches: [{ path: { type: Exact, value: /a/b/c } }],
            ${toBackend('exact')} }]`,
      )}`,
    );
    assert.equal(call('reviews:9080/a/b/c'), `exact: ${of(FULL('exact'))}`);
    assert.equal(call('reviews:9080/a/b/d'), `deep: ${of(FULL('deep'))}`);
    assert.equal(call('reviews:9080/a/bc'), `all: ${of(FULL('reviews'))}`);
  });

  test('is for its own namespace, or from the Service’s for all', () => {
    const producer = httpRoute('a', `[{ name: producer, ${toBackend('reviews')} }]`);
    const consumer = httpRoute('b', `[{ name: consumer, ${toBackend('own')} }]`, 'shop');
    const call = caller(`${service('reviews')}${producer}${consumer}`);
    assert.equal(
      call('reviews.default:9080/', { namespace: 'shop' }),
      `consumer: ${of(FULL('own', 'shop'))}`,
    );
    assert.equal(
      call('reviews.default:9080/', { namespace: 'edge' }),
      `producer: ${of(FULL('reviews'))}`,
    );
  });
});

describe('a DestinationRule that tells requests apart', () => {
  const rule = (key: string): string => `
---
kind: DestinationRule
metadata: { name: it }
spec: { host: reviews, trafficPolicy: { loadBalancer: { consistentHash: { ${key} } } } }
`;
  const hashed = (yaml: string) => {
    const context = contextOf(yaml);
    const ask = { namespace: 'default', labels: {}, port: 9080, authority: 'reviews:9080' };
    const recipe = planVirtualHost(context, ask);
    const [route] = decode(VirtualHostSchema, makeVirtualHost(context, recipe)).routes;
    assert(route?.action.case === 'route');
    const { hashPolicy, retryPolicy } = route.action.value;
    return {
      policies: hashPolicy.map((it) => it.policySpecifier),
      predicates: retryPolicy?.retryHostPredicate.length,
    };
  };
  const header = { case: 'header', value: { headerName: 'x-user' } };

  test('is heard by the routes to its host, and a retry stays where the hash leads', () => {
    const said = rule('httpHeaderName: x-user');
    const routed = virtualService(`{ hosts: [reviews], http: ${toward('reviews')} }`);
    for (const yaml of [said, `${said}${routed}`]) {
      const { policies, predicates } = hashed(`${service('reviews')}${yaml}`);
      assert.partialDeepStrictEqual(policies, [header]);
      assert.equal(predicates, 0);
    }
    assert.deepEqual(hashed(service('reviews')), { policies: [], predicates: 1 });
  });
});
