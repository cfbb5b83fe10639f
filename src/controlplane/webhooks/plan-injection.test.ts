import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, objectsAt, textAt, textMapOf, type Fields } from '#kube/fields.ts';
import { planInjection, type Namespace } from './plan-injection.ts';
import { SIDECAR_NAME, type SidecarSettings } from './sidecar.ts';

const SETTINGS: SidecarSettings = {
  image: 'isthmus.dev/proxy:dev',
  controlPlaneAddress: 'istiod.istio-system.svc:15012',
  trustDomain: 'cluster.local',
  clusterId: 'Kubernetes',
  revision: 'default',
};
const SHOP: Namespace = { name: 'shop' };
const INJECT = 'sidecar.istio.io/inject';

type Parts = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Fields;
  readonly container?: Fields;
};

function podOf({ labels = {}, annotations = {}, spec = {}, container = {} }: Parts = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'web-7d-', labels: { app: 'web', ...labels }, annotations },
    spec: { containers: [{ name: 'web', image: 'web:1', ...container }], ...spec },
  };
}

function injected(parts: Parts, namespace = SHOP) {
  const plan = planInjection(podOf(parts), namespace, SETTINGS);
  assert.equal(plan.kind, 'injected');
  assert(plan.kind === 'injected');
  const metadata = fieldsOf(plan.pod, 'metadata');
  const spec = fieldsOf(plan.pod, 'spec');
  const all = [...objectsAt(spec, 'initContainers'), ...objectsAt(spec, 'containers')];
  const sidecar = all.find(({ name }) => name === SIDECAR_NAME) ?? {};
  const env = new Map(objectsAt(sidecar, 'env').map((one) => [one['name'], one['value']]));
  const annotations = textMapOf(metadata['annotations']);
  const labels = textMapOf(metadata['labels']);
  return { warnings: plan.warnings, spec, sidecar, env, annotations, labels };
}

test('who gets a sidecar', () => {
  const enabled = { 'istio-injection': 'enabled' };
  const rows: readonly (readonly [string, Parts, Namespace, 'injected' | 'skipped' | 'refused'])[] =
    [
      ['selected by the API server', {}, SHOP, 'injected'],
      ['label: no', { labels: { [INJECT]: 'false' } }, SHOP, 'skipped'],
      ['annotation: no', { annotations: { [INJECT]: 'no' } }, SHOP, 'skipped'],
      [
        'the label counts before the annotation',
        { labels: { [INJECT]: 'true' }, annotations: { [INJECT]: 'false' } },
        SHOP,
        'injected',
      ],
      ['namespace says nothing', {}, { name: 'shop', labels: {} }, 'skipped'],
      ['namespace enabled', {}, { name: 'shop', labels: enabled }, 'injected'],
      [
        'namespace disabled',
        {},
        { name: 'shop', labels: { 'istio-injection': 'disabled' } },
        'skipped',
      ],
      [
        'istio-injection counts before the revision',
        {},
        { name: 'shop', labels: { 'istio-injection': 'disabled', 'istio.io/rev': 'default' } },
        'skipped',
      ],
      ['our revision', {}, { name: 'shop', labels: { 'istio.io/rev': 'default' } }, 'injected'],
      ['another revision', {}, { name: 'shop', labels: { 'istio.io/rev': 'canary' } }, 'skipped'],
      ['the Pod asks', { labels: { [INJECT]: 'yes' } }, { name: 'shop', labels: {} }, 'injected'],
      ["Kubernetes' own", { labels: { [INJECT]: 'true' } }, { name: 'kube-system' }, 'skipped'],
      ['injected before', { annotations: { 'sidecar.istio.io/status': '{}' } }, SHOP, 'skipped'],
      ['has a proxy', { spec: { initContainers: [{ name: SIDECAR_NAME }] } }, SHOP, 'skipped'],
      ["the host's network", { spec: { hostNetwork: true } }, SHOP, 'skipped'],
      [
        "the host's network, and asks",
        { labels: { [INJECT]: 'true' }, spec: { hostNetwork: true } },
        SHOP,
        'refused',
      ],
      [
        'an annotation that says nothing',
        { annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '80,http' } },
        SHOP,
        'refused',
      ],
    ];
  for (const [what, parts, namespace, kind] of rows) {
    const spec = { containers: [{ name: 'web' }], ...parts.spec };
    assert.equal(planInjection(podOf({ ...parts, spec }), namespace, SETTINGS).kind, kind, what);
  }
});

test('injecting twice is injecting once', () => {
  const first = planInjection(podOf(), SHOP, SETTINGS);
  assert(first.kind === 'injected');
  assert.equal(planInjection(first.pod, SHOP, SETTINGS).kind, 'skipped');
});

test('who cannot be injected is told why, and what to do', () => {
  const asks = { labels: { [INJECT]: 'true' }, spec: { hostNetwork: true, containers: [] } };
  assert.deepEqual(planInjection(podOf(asks), SHOP, SETTINGS), {
    kind: 'refused',
    message:
      'no sidecar can be injected into Pod "web-7d-*": it uses the host\'s network; remove hostNetwork, or the label sidecar.istio.io/inject',
  });
  const quiet = planInjection(podOf({ spec: { hostNetwork: true } }), SHOP, SETTINGS);
  assert(quiet.kind === 'skipped');
  assert.match(quiet.warning ?? '', /it uses the host's network; it stays outside the mesh/);
  const wrong = { annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '80,http' } };
  const plan = planInjection(podOf(wrong), SHOP, SETTINGS);
  assert(plan.kind === 'refused');
  assert.match(
    plan.message,
    /annotation traffic\.sidecar\.istio\.io\/excludeInboundPorts is "80,http", expected ports/,
  );
});

test('the sidecar knows who it is and where the mesh is', () => {
  const { sidecar, env, spec } = injected({});
  assert.equal(sidecar['image'], 'isthmus.dev/proxy:dev');
  assert.deepEqual(sidecar['args'], ['agent']);
  const fields = objectsAt(sidecar, 'env').flatMap((one) => {
    const path = textAt(fieldsOf(one, 'valueFrom', 'fieldRef'), 'fieldPath');
    return path === '' ? [] : [`${textAt(one, 'name')}=${path}`];
  });
  assert.deepEqual(fields, [
    'POD_NAME=metadata.name',
    'POD_NAMESPACE=metadata.namespace',
    'INSTANCE_IP=status.podIP',
    'SERVICE_ACCOUNT=spec.serviceAccountName',
    'HOST_IP=status.hostIP',
    'ISTIO_META_NODE_NAME=spec.nodeName',
  ]);
  assert.equal(env.get('PILOT_ADDRESS'), 'istiod.istio-system.svc:15012');
  assert.equal(env.get('CA_ADDR'), 'istiod.istio-system.svc:15012');
  assert.equal(env.get('ISTIO_INBOUND_PORTS'), '*');
  assert.equal(env.get('ISTIO_LOCAL_EXCLUDE_PORTS'), '15020,15021,15090');
  assert.equal(env.get('ISTIO_META_APP_CONTAINERS'), 'web');
  assert.equal(env.has('ISTIO_KUBE_APP_PROBERS'), false);
  const volumes = objectsAt(spec, 'volumes').map(({ name }) => name);
  assert.deepEqual(volumes, ['istio-token', 'istiod-ca-cert', 'istio-data']);
  const token = fieldsOf(
    objectsAt(fieldsOf(objectsAt(spec, 'volumes')[0], 'projected'), 'sources')[0],
    'serviceAccountToken',
  );
  assert.deepEqual(token, { path: 'istio-token', audience: 'istio-ca', expirationSeconds: 43_200 });
  const mounted = objectsAt(sidecar, 'volumeMounts').map((mount) => mount['name']);
  assert.deepEqual(mounted, volumes);
});

test('what of the traffic is captured is as the annotations say', () => {
  const { env } = injected({
    annotations: {
      'traffic.sidecar.istio.io/includeInboundPorts': '8080',
      'traffic.sidecar.istio.io/excludeInboundPorts': '9090,9091',
      'traffic.sidecar.istio.io/excludeOutboundPorts': '25',
      'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.1.0.0/16',
      'sidecar.istio.io/interceptionMode': 'NONE',
    },
  });
  assert.equal(env.get('ISTIO_INBOUND_PORTS'), '8080');
  assert.equal(env.get('ISTIO_LOCAL_EXCLUDE_PORTS'), '15020,15021,15090,9090,9091');
  assert.equal(env.get('ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE'), '25');
  assert.equal(env.get('ISTIO_SERVICE_EXCLUDE_CIDR'), '10.1.0.0/16');
  assert.equal(env.get('ISTIO_INBOUND_INTERCEPTION_MODE'), 'NONE');
});

test('labels and annotations are added, and what the user wrote stays', () => {
  const { labels, annotations } = injected({
    labels: { version: 'v2', 'security.istio.io/tlsMode': 'disabled' },
    annotations: { note: 'mine' },
  });
  assert.deepEqual(labels, {
    app: 'web',
    version: 'v2',
    'security.istio.io/tlsMode': 'disabled',
    'service.istio.io/canonical-name': 'web',
    'service.istio.io/canonical-revision': 'v2',
    'service.istio.io/workload-name': 'web-7d',
  });
  assert.equal(annotations['note'], 'mine');
  assert.equal(annotations['kubectl.kubernetes.io/default-container'], 'web');
  const status: unknown = JSON.parse(annotations['sidecar.istio.io/status'] ?? '');
  assert.deepEqual(fieldsOf(status)['containers'], [SIDECAR_NAME]);
  assert.equal(injected({}).labels['security.istio.io/tlsMode'], 'istio');
  assert.equal(injected({}).annotations['prometheus.io/port'], '15020');
});

test("Prometheus asks the agent, and the agent is told of the application's metrics", () => {
  const merged = injected({
    annotations: { 'prometheus.io/port': '9102', prometheus_io_scrape: 'true' },
  });
  const ours = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': '15020',
    'prometheus.io/path': '/stats/prometheus',
  };
  const ofPrometheus = (all: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(all).filter(([key]) => /^prometheus[._]io/.test(key)));
  assert.deepEqual(ofPrometheus(merged.annotations), ours);
  assert.equal(merged.env.get('ISTIO_PROMETHEUS_ANNOTATIONS'), '{"scrape":"true","port":"9102"}');
  const plain = injected({});
  assert.deepEqual(ofPrometheus(plain.annotations), ours);
  assert.equal(plain.env.has('ISTIO_PROMETHEUS_ANNOTATIONS'), false);
  for (const kept of [
    { 'prometheus.io/port': '9102', 'prometheus.io/scrape': 'false' },
    { 'prometheus.io/port': '9102', 'prometheus.istio.io/merge-metrics': 'false' },
    { 'prometheus.io/port': '15020' },
  ]) {
    const { annotations, env } = injected({ annotations: kept });
    for (const [key, value] of Object.entries(kept)) assert.equal(annotations[key], value);
    assert.equal(annotations['prometheus.io/path'], undefined);
    assert.equal(env.has('ISTIO_PROMETHEUS_ANNOTATIONS'), false);
  }
});

test('a workload is named after what the user made', () => {
  const rows: readonly (readonly [Fields, string, string])[] = [
    [{ name: 'web' }, 'web', 'pods'],
    [{ generateName: 'web-' }, 'web', 'pods'],
    [
      { kind: 'ReplicaSet', name: 'web-7d', labels: { 'pod-template-hash': '7d' } },
      'web',
      'deployments',
    ],
    [{ kind: 'ReplicaSet', name: 'web' }, 'web', 'replicasets'],
    [{ kind: 'StatefulSet', name: 'db' }, 'db', 'statefulsets'],
  ];
  for (const [{ kind, name, generateName, labels = {} }, workload, plural] of rows) {
    const owner = { apiVersion: 'apps/v1', kind, name, controller: true };
    const metadata = kind
      ? { generateName: 'x-', labels, ownerReferences: [owner] }
      : { name, generateName, labels };
    const pod = { metadata, spec: { containers: [{ name: 'c' }] } };
    const plan = planInjection(pod, SHOP, SETTINGS);
    assert(plan.kind === 'injected');
    const sidecar = objectsAt(fieldsOf(plan.pod, 'spec'), 'containers').at(-1) ?? {};
    const env = new Map(objectsAt(sidecar, 'env').map((one) => [one['name'], one['value']]));
    assert.equal(env.get('ISTIO_META_WORKLOAD_NAME'), workload);
    const api = plural === 'pods' ? 'v1' : 'apps/v1';
    const path = `kubernetes://apis/${api}/namespaces/shop/${plural}/${workload}`;
    assert.equal(env.get('ISTIO_META_OWNER'), path);
  }
});

const HTTP = { httpGet: { path: '/live', port: 8080, scheme: 'HTTP' }, periodSeconds: 5 };

test('probes ask the agent, which asks the application', () => {
  const { spec, env } = injected({
    container: {
      ports: [{ name: 'http', containerPort: 8080 }],
      livenessProbe: HTTP,
      readinessProbe: { tcpSocket: { port: 'http' }, timeoutSeconds: 3 },
      startupProbe: { grpc: { port: 9000, service: 'web' } },
    },
  });
  const [web = {}] = objectsAt(spec, 'containers');
  const asked = (path: string) => ({ httpGet: { path, port: 15_020, scheme: 'HTTP' } });
  assert.deepEqual(web['livenessProbe'], { ...asked('/app-health/web/livez'), periodSeconds: 5 });
  assert.deepEqual(web['readinessProbe'], {
    ...asked('/app-health/web/readyz'),
    timeoutSeconds: 3,
  });
  assert.deepEqual(web['startupProbe'], asked('/app-health/web/startupz'));
  const probers: unknown = JSON.parse(String(env.get('ISTIO_KUBE_APP_PROBERS')));
  assert.deepEqual(probers, {
    '/app-health/web/readyz': { tcpSocket: { port: 8080 }, timeoutSeconds: 3 },
    '/app-health/web/livez': { httpGet: HTTP.httpGet, timeoutSeconds: 1 },
    '/app-health/web/startupz': { grpc: { port: 9000, service: 'web' }, timeoutSeconds: 1 },
  });
});

test('probes that work without the agent stay as they are', () => {
  const stays: readonly Fields[] = [
    { exec: { command: ['true'] } },
    { httpGet: { path: '/', port: 80, host: '10.0.0.1' } },
    { httpGet: { path: '/healthz/ready', port: 15_020 } },
    { tcpSocket: { port: 'unknown' } },
  ];
  for (const probe of stays) {
    const { spec } = injected({ container: { livenessProbe: probe } });
    assert.deepEqual(objectsAt(spec, 'containers')[0]?.['livenessProbe'], probe);
  }
  const annotations = { 'sidecar.istio.io/rewriteAppHTTPProbers': 'false' };
  const { spec } = injected({ annotations, container: { livenessProbe: HTTP } });
  assert.deepEqual(objectsAt(spec, 'containers')[0]?.['livenessProbe'], HTTP);
});

test('the application can be made to wait for the proxy', () => {
  const config = 'concurrency: 1\nholdApplicationUntilProxyStarts: true\n';
  const { spec } = injected({ annotations: { 'proxy.istio.io/config': config } });
  const [first = {}] = objectsAt(spec, 'initContainers');
  assert.equal(first['name'], SIDECAR_NAME);
  assert.equal(first['restartPolicy'], 'Always');
  assert.deepEqual(
    objectsAt(spec, 'containers').map(({ name }) => name),
    ['web'],
  );
});

test('a port that the sidecar needs is warned of', () => {
  const { warnings } = injected({ container: { ports: [{ containerPort: 15_006 }] } });
  assert.deepEqual(warnings, ['container "web": the sidecar uses port 15006']);
});
