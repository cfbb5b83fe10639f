// Injection where the Pod is a gateway, and where a user has written the proxy's container.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, objectsAt, textMapOf, type Fields } from '#kube/fields.ts';
import { planInjection } from './plan-injection.ts';
import { SIDECAR_NAME, type SidecarSettings } from './sidecar.ts';

const SETTINGS: SidecarSettings = {
  image: 'isthmus.dev/proxy:dev',
  controlPlaneAddress: 'istiod.istio-system.svc:15012',
  trustDomain: 'cluster.local',
  clusterId: 'Kubernetes',
  revision: 'default',
};

function plan(template: string | undefined, spec: Fields) {
  const annotations = template === undefined ? {} : { 'inject.istio.io/templates': template };
  const metadata = { name: 'gw', labels: { istio: 'ingressgateway' }, annotations };
  return planInjection({ metadata, spec }, { name: 'istio-system' }, SETTINGS);
}

function injected(template: string | undefined, spec: Fields) {
  const done = plan(template, spec);
  assert(done.kind === 'injected');
  const after = fieldsOf(done.pod, 'spec');
  const proxies = objectsAt(after, 'containers').filter(({ name }) => name === SIDECAR_NAME);
  assert.equal(proxies.length, 1);
  const metadata = fieldsOf(done.pod, 'metadata');
  const env = new Map(objectsAt(proxies[0] ?? {}, 'env').map((one) => [one['name'], one['value']]));
  return { spec: after, proxy: proxies[0] ?? {}, env, metadata, pod: done.pod };
}

const AUTO = { name: SIDECAR_NAME, image: 'auto' };

test('a gateway is a proxy without privilege that routes, and captures nothing', () => {
  const { spec, proxy, env, metadata, pod } = injected('gateway', { containers: [AUTO] });
  assert.equal(proxy['image'], SETTINGS.image);
  assert.deepEqual(proxy['args'], ['agent', 'proxy', 'router']);
  assert.deepEqual(fieldsOf(proxy, 'securityContext', 'capabilities'), { drop: ['ALL'] });
  assert.equal(fieldsOf(proxy, 'securityContext')['runAsUser'], 1337);
  assert.equal(env.get('PILOT_ADDRESS'), 'istiod.istio-system.svc:15012');
  assert.equal(env.has('ISTIO_INBOUND_PORTS'), false);
  assert.equal(env.has('ISTIO_META_APP_CONTAINERS'), false);
  const [sysctl] = objectsAt(fieldsOf(spec, 'securityContext'), 'sysctls');
  assert.deepEqual(sysctl, { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' });
  const mounts = objectsAt(proxy, 'volumeMounts').map((mount) => mount['name']);
  const volumes = objectsAt(spec, 'volumes').map(({ name }) => name);
  assert.deepEqual(mounts, volumes);
  const labels = textMapOf(metadata['labels']);
  assert.equal(labels['security.istio.io/tlsMode'], undefined);
  assert.equal(labels['service.istio.io/workload-name'], 'gw');
  const annotations = textMapOf(metadata['annotations']);
  assert.equal(annotations['kubectl.kubernetes.io/default-container'], SIDECAR_NAME);
  assert.equal(planInjection(pod, { name: 'istio-system' }, SETTINGS).kind, 'skipped', 'twice');
});

test('a gateway may use the network of its node, and its own words on ports', () => {
  const sysctls = [{ name: 'net.core.somaxconn', value: '4096' }];
  const { spec } = injected('gateway', {
    hostNetwork: true,
    containers: [AUTO],
    securityContext: { sysctls },
  });
  assert.deepEqual(fieldsOf(spec, 'securityContext')['sysctls'], sysctls);
});

test('what a user says of the proxy goes before the template', () => {
  for (const template of [undefined, 'gateway']) {
    const { spec, proxy, env } = injected(template, {
      containers: [
        {
          ...AUTO,
          ports: [{ containerPort: 8080 }],
          env: [
            { name: 'PILOT_ADDRESS', value: 'elsewhere:1' },
            { name: 'MINE', value: 'x' },
          ],
          resources: { requests: { cpu: '2' } },
          readinessProbe: { tcpSocket: { port: 8080 } },
        },
        { name: 'web', image: 'web:1' },
      ],
    });
    assert.equal(proxy['image'], SETTINGS.image);
    assert.deepEqual(proxy['ports'], [{ containerPort: 8080 }]);
    assert.equal(env.get('PILOT_ADDRESS'), 'elsewhere:1');
    assert.equal(env.get('MINE'), 'x');
    assert.equal(env.get('CA_ADDR'), 'istiod.istio-system.svc:15012');
    const { cpu, memory } = fieldsOf(proxy, 'resources', 'requests');
    assert.deepEqual([cpu, memory], ['2', '128Mi']);
    assert.deepEqual(proxy['readinessProbe'], { tcpSocket: { port: 8080 } });
    assert(objectsAt(spec, 'containers').some(({ name }) => name === 'web'));
  }
});

test('a proxy with an image of its own is left alone; an unknown template is refused', () => {
  const own = { containers: [{ name: SIDECAR_NAME, image: 'mine:1' }] };
  assert.equal(plan('gateway', own).kind, 'skipped');
  const refused = plan('gateway,custom', { containers: [AUTO] });
  assert(refused.kind === 'refused');
  assert.match(
    refused.message,
    /annotation inject\.istio\.io\/templates may be sidecar or gateway/,
  );
});
