import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePod } from './fake-pod.ts';
import { hostnameOf, planPod, planPodFiles, TOKEN_MOUNT } from './plan-pod.ts';

const NETWORK = { address: '10.24.2.7', nameserver: '10.96.0.10', knows: [] };

function planned(spec: Readonly<Record<string, unknown>>) {
  const plan = planPod(fakePod(spec));
  assert(plan.ok);
  return plan.pod.spec;
}

test('every container gets the token of its service account', () => {
  const spec = planned({ initContainers: [{ name: 'first', image: 'a' }] });
  for (const { mounts } of [...spec.initContainers, ...spec.containers]) {
    assert.deepEqual(
      mounts.map(({ path }) => path),
      [TOKEN_MOUNT],
    );
  }
  const [{ source } = { source: undefined }] = spec.volumes;
  assert(source?.kind === 'files');
  assert.deepEqual(
    source.parts.map(({ kind }) => kind),
    ['token', 'configmap', 'downward'],
  );
});

test('no token where the Pod wants none, or where admission has added it', () => {
  assert.deepEqual(planned({ automountServiceAccountToken: false }).volumes, []);
  const own = {
    volumes: [{ name: 'kube-api-access', projected: { sources: [] } }],
    containers: [
      {
        name: 'a',
        image: 'a',
        volumeMounts: [{ name: 'kube-api-access', mountPath: TOKEN_MOUNT }],
      },
    ],
  };
  assert.deepEqual(
    planned(own).volumes.map(({ name }) => name),
    ['kube-api-access'],
  );
});

test('what the lab cannot do is said', () => {
  const refused = (spec: Readonly<Record<string, unknown>>): string => {
    const plan = planPod(fakePod(spec));
    return plan.ok ? 'planned' : `${plan.reason}: ${plan.message}`;
  };
  assert.match(refused({ hostNetwork: true }), /^FailedCreatePodSandBox: .*hostNetwork/);
  const volumes = [{ name: 'disk', persistentVolumeClaim: { claimName: 'x' } }];
  assert.match(
    refused({ volumes }),
    /^FailedMount: .*"disk" : the lab node has no persistentVolumeClaim/,
  );
});

test('the hosts file knows the Pod, its aliases and the lab', () => {
  const pod = fakePod({
    hostname: 'shelf',
    subdomain: 'shelves',
    hostAliases: [{ ip: '10.0.0.9', hostnames: ['old', 'older'] }],
  });
  const knows = [{ address: '10.24.0.10', names: ['istiod.istio-system.svc'] }];
  const files = planPodFiles(pod, { ...NETWORK, knows });
  assert.deepEqual(files['/etc/hosts']?.split('\n').slice(1, -1), [
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    '10.24.2.7 shelf.shelves.library.svc.cluster.local shelf',
    '10.24.0.10 istiod.istio-system.svc',
    '10.0.0.9 old older',
  ]);
  assert.equal(files['/etc/hostname'], 'shelf\n');
});

test('names are asked for as the Pod says', () => {
  const resolvConf = (spec: Readonly<Record<string, unknown>>) =>
    planPodFiles(fakePod(spec), NETWORK)['/etc/resolv.conf'];
  assert.equal(
    resolvConf({}),
    'nameserver 10.96.0.10\n' +
      'search library.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n',
  );
  const dnsConfig = {
    nameservers: ['10.0.0.53'],
    searches: ['example'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  assert.equal(
    resolvConf({ dnsPolicy: 'None', dnsConfig }),
    'nameserver 10.0.0.53\nsearch example\noptions ndots:2 edns0\n',
  );
  assert.match(
    resolvConf({ dnsConfig }) ?? '',
    /nameserver 10\.96\.0\.10\nnameserver 10\.0\.0\.53\n/,
  );
  assert.match(resolvConf({ dnsConfig }) ?? '', /options ndots:2 edns0\n$/);
});

test('a name that is too long for a host is cut', () => {
  const name = `${'a'.repeat(62)}-b`;
  assert.equal(hostnameOf(fakePod({}, { metadata: { name } })), 'a'.repeat(62));
});
