// The lab's node: Pods created through the API run as they are written, and their ends and troubles
// are said where a Kubernetes user looks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CONFIG_MAP, LEASE, NODE, SECRET } from '#kube/resources.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { addImage } from '#lab/node/image/catalogue-file.ts';
import { EMPTY_IMAGE } from '#lab/node/image/catalogue.ts';
import { NODE_NAME } from '#lab/node/lab-node.ts';
import { NodeWorld, NS } from './node-world.ts';

await enterSandbox();

let world: NodeWorld;

before(async () => {
  world = await NodeWorld.create();
});

after(async () => {
  await world[Symbol.asyncDispose]();
});

/** A container that runs a shell script. */
const shell = (script: string, more: Readonly<Record<string, unknown>> = {}) => ({
  name: 'main',
  image: 'busybox:1.36',
  command: ['sh', '-c', script],
  ...more,
});

const STAY = 'exec sleep infinity';

async function secret(name: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  await world.kube.create(SECRET, { metadata: { namespace: NS, name }, data });
}

async function configMap(name: string, data: Readonly<Record<string, string>>): Promise<void> {
  await world.kube.create(CONFIG_MAP, { metadata: { namespace: NS, name }, data });
}

test('the node is in the API: ready, with its place, its endpoint and a heartbeat', async () => {
  const node = await world.kube.get(NODE, { name: NODE_NAME });
  assert.equal(node.metadata.labels?.['topology.kubernetes.io/region'], 'cluster');
  const status = fieldsOf(node.status);
  const ready = objectsAt(status, 'conditions').find((it) => textAt(it, 'type') === 'Ready');
  assert.equal(ready?.['status'], 'True');
  const endpoint = fieldsOf(status, 'daemonEndpoints', 'kubeletEndpoint');
  assert.equal(endpoint['Port'], world.node.port);
  const lease = await world.kube.get(LEASE, { namespace: 'kube-node-lease', name: NODE_NAME });
  assert.equal(fieldsOf(lease.spec)['holderIdentity'], NODE_NAME);
});

test('a container gets its environment from values, Secrets, ConfigMaps and the Pod', async () => {
  await secret('database', { password: 's3cret' });
  await configMap('settings', { PGHOST: 'db.example', 'log.level': 'info' });
  const env = [
    { name: 'USER_NAME', value: 'library' },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
    { name: 'URL', value: 'postgres://$(USER_NAME):$(PASSWORD)@$(PGHOST)/$$(X)$(NOBODY)' },
    { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'no', key: 'no', optional: true } } },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
  ];
  const print =
    'echo "$URL|$POD|$APP|$IP|$MEMORY|${ABSENT-unset}|$1"; tr "\\0" "\\n" </proc/$$$$/environ | grep log.level; hostname; pwd';
  const main = {
    ...shell('', { env, envFrom: [{ configMapRef: { name: 'settings' } }] }),
    command: ['sh', '-c', `${print}; ${STAY}`],
    args: ['argument-0', '$(POD)-argument'],
    workingDir: '/srv/made',
    resources: { limits: { memory: '64Mi' } },
  };
  await world.createPod('environment', { containers: [main] });
  const { podIp } = await world.awaitRunning('environment');
  assert.match(podIp, /^10\.24\.2\.\d+$/);
  assert.deepEqual(await world.logLines('environment', 4), [
    'postgres://library:s3cret@db.example/$(X)$(NOBODY)|' +
      `environment|environment|${podIp}|67108864|unset|environment-argument`,
    'log.level=info',
    'environment',
    '/srv/made',
  ]);
});

test('volumes are at their paths, also where the host has no such folder', async () => {
  await secret('keys', { 'tls.key': 'the key' });
  await configMap('files', { 'nginx.conf': 'worker 1;', other: 'x' });
  const volumes = [
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
    {
      name: 'conf',
      configMap: { name: 'files', items: [{ key: 'nginx.conf', path: 'a/b.conf' }] },
    },
    { name: 'shared', emptyDir: {} },
    {
      name: 'all',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', audience: 'istio-ca', expirationSeconds: 3600 } },
          {
            downwardAPI: {
              items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }],
            },
          },
        ],
      },
    },
  ];
  const mounts = [
    { name: 'keys', mountPath: '/keys' },
    { name: 'conf', mountPath: '/usr/share/nginx/conf' },
    { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'a/b.conf' },
    { name: 'shared', mountPath: '/shared' },
    { name: 'all', mountPath: '/var/run/secrets/tokens' },
  ];
  const print = [
    'cat /keys/tls.key; echo',
    'stat -Lc %a /keys/tls.key',
    'cat /usr/share/nginx/conf/a/b.conf /etc/nginx/nginx.conf; echo',
    'cat /var/run/secrets/tokens/labels; echo',
    'test -x /usr/bin/env && touch /shared/from-init && echo written',
    'touch /usr/bin/mine 2>/dev/null || echo read-only',
  ].join('; ');
  const init = { ...shell(print), name: 'look', volumeMounts: mounts };
  const main = shell('ls /shared; wc -c </var/run/secrets/tokens/token; exec sleep infinity', {
    volumeMounts: mounts.slice(3),
  });
  await world.createPod('volumes', { initContainers: [init], containers: [main], volumes });
  await world.awaitRunning('volumes');
  assert.deepEqual(await world.logLines('volumes', 6, 'look'), [
    'the key',
    '400',
    'worker 1;worker 1;',
    'app="volumes"',
    'written',
    'read-only',
  ]);
  const [shared, tokenBytes] = await world.logLines('volumes', 2);
  assert.equal(shared, 'from-init');
  assert(Number(tokenBytes) > 200);
});

test('the default token is bound to the Pod and ends with it', async () => {
  const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
  const main = shell(`cat ${folder}/token; echo; cat ${folder}/namespace; echo; ${STAY}`);
  await world.createPod('token', { containers: [main], terminationGracePeriodSeconds: 0 });
  await world.awaitRunning('token');
  const [token = '', namespace] = await world.logLines('token', 2);
  assert.equal(namespace, NS);
  const claims: unknown = JSON.parse(
    Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'),
  );
  assert.equal(textAt(fieldsOf(claims, 'kubernetes.io', 'pod'), 'name'), 'token');
});

test('a changed Secret reaches the container that has it as a volume', async () => {
  await secret('rotating', { word: 'before' });
  const main = shell(
    'cat /v/word; echo; while [ "$(cat /v/word)" = before ]; do sleep 0.05; done; cat /v/word; echo; ' +
      STAY,
    { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
  );
  const volumes = [{ name: 'v', secret: { secretName: 'rotating' } }];
  await world.createPod('rotation', { containers: [main], volumes });
  await world.logLines('rotation', 1);
  const data = { word: Buffer.from('after').toString('base64') };
  await world.kube.patch(SECRET, { namespace: NS, name: 'rotating' }, { data }, { kind: 'merge' });
  assert.deepEqual(await world.logLines('rotation', 2), ['before', 'after']);
});

test('a missing Secret is said, and mended by creating it', async () => {
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'late', key: 'a' } } }];
  await world.createPod('config-error', { containers: [shell('echo $A; ' + STAY, { env })] });
  const waiting = await world.awaitPod(
    'config-error',
    'waiting',
    ({ containers: [main] }) => main?.reason === 'CreateContainerConfigError',
  );
  assert.equal(waiting.phase, 'Pending');
  assert.equal(waiting.containers[0]?.message, 'secret "late" not found');
  await world.awaitEvent('config-error', 'Failed', /^Error: secret "late" not found$/);
  await secret('late', { b: 'wrong key' });
  await world.awaitPod(
    'config-error',
    'naming the key',
    ({ containers: [main] }) => main?.message === `couldn't find key a in Secret ${NS}/late`,
  );
  const data = { a: Buffer.from('now').toString('base64') };
  await world.kube.patch(SECRET, { namespace: NS, name: 'late' }, { data }, { kind: 'merge' });
  await world.awaitRunning('config-error');
  assert.deepEqual(await world.logLines('config-error', 1), ['now']);
});

test('a volume of a missing ConfigMap keeps the Pod waiting, and an Event says so', async () => {
  const volumes = [{ name: 'root', configMap: { name: 'late-roots' } }];
  const main = shell(STAY, { volumeMounts: [{ name: 'root', mountPath: '/roots' }] });
  await world.createPod('mount-error', { containers: [main], volumes });
  const message =
    /^MountVolume\.SetUp failed for volume "root" : configmap "late-roots" not found$/;
  await world.awaitEvent('mount-error', 'FailedMount', message);
  await configMap('late-roots', { pem: 'x' });
  await world.awaitRunning('mount-error');
});

test('an unknown image backs off with the remedy, and starts once it is added', async () => {
  const image = 'registry.example:5000/team/app:1.2';
  await world.createPod('image-error', { containers: [{ name: 'main', image }] });
  const waiting = await world.awaitPod(
    'image-error',
    'backing off',
    ({ containers: [main] }) => main?.reason === 'ImagePullBackOff',
  );
  assert.match(
    waiting.containers[0]?.message ?? '',
    /^Back-off pulling image "registry\.example:5000/,
  );
  const remedy = /isthmus lab image add registry\.example:5000\/team\/app:1\.2 -- COMMAND/;
  await world.awaitEvent('image-error', 'Failed', remedy);
  await world.awaitEvent('image-error', 'BackOff', /^Back-off pulling image/);
  const command = ['sh', '-c', 'echo "$GREETING from the catalogue"; exec sleep infinity'];
  await addImage(world.catalogueFile, image, {
    ...EMPTY_IMAGE,
    command,
    env: { GREETING: 'hello' },
  });
  await world.awaitRunning('image-error');
  assert.deepEqual(await world.logLines('image-error', 1), ['hello from the catalogue']);
});

test('a container that crashes is restarted with growing delays, and says so', async () => {
  const script = 'echo run; echo "out of books" >/dev/termination-log; exit 3';
  await world.createPod('crash', { containers: [shell(script)] });
  const looping = await world.awaitPod(
    'crash',
    'looping',
    ({ containers: [main] }) => main?.reason === 'CrashLoopBackOff' && main.restartCount >= 2,
  );
  const [main] = looping.containers;
  assert.equal(looping.phase, 'Running');
  assert.equal(looping.isReady, false);
  assert.equal(main?.lastExitCode, 3);
  assert.equal(main?.lastReason, 'Error');
  assert.match(
    main?.message ?? '',
    /^back-off 800ms restarting failed container=main pod=crash_default\(/,
  );
  await world.awaitEvent(
    'crash',
    'BackOff',
    /^Back-off restarting failed container main in pod crash_/,
  );
  await eventually('a counted Event', async () =>
    (await world.events('crash')).find(({ reason, count }) => reason === 'Created' && count > 1),
  );
});

test('a command that is not there is a start error', async () => {
  const container = { name: 'main', image: 'busybox', command: ['no-such-program'] };
  await world.createPod('start-error', { containers: [container], restartPolicy: 'Never' });
  const failed = await world.awaitPod('start-error', 'failed', ({ phase }) => phase === 'Failed');
  assert.equal(failed.containers[0]?.reason, 'StartError');
  assert.equal(failed.containers[0]?.exitCode, 128);
  const message = /exec: "no-such-program": executable file not found in \$PATH$/;
  await world.awaitEvent('start-error', 'Failed', message);
});

test('a Pod that is not to be restarted ends as its containers did', async () => {
  const restartPolicy = 'Never';
  const failing = {
    ...shell('echo "no disk" >&2; exit 4'),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  await world.createPod('done', { containers: [shell('echo done')], restartPolicy });
  await world.createPod('failed', { containers: [failing], restartPolicy });
  const init = [{ ...shell('exit 5'), name: 'first' }];
  await world.createPod('failed-init', {
    initContainers: init,
    containers: [shell('x')],
    restartPolicy,
  });
  const done = await world.awaitPod('done', 'over', ({ phase }) => phase === 'Succeeded');
  assert.equal(done.containers[0]?.reason, 'Completed');
  const failed = await world.awaitPod('failed', 'over', ({ phase }) => phase === 'Failed');
  assert.equal(failed.containers[0]?.message, 'no disk\n');
  const initFailed = await world.awaitPod('failed-init', 'over', ({ phase }) => phase === 'Failed');
  assert.equal(initFailed.init[0]?.exitCode, 5);
  assert.equal(initFailed.containers[0]?.reason, 'PodInitializing');
});

test('readiness follows its probe, once the startup probe has passed', async () => {
  const script = `require('node:http').createServer((request, response) => {
    response.statusCode = require('node:fs').existsSync('/flags/ready') ? 200 : 503;
    response.end();
  }).listen(8080);`;
  const main = {
    name: 'main',
    image: 'node:24',
    args: ['-e', script],
    ports: [{ name: 'http', containerPort: 8080 }],
    startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
    volumeMounts: [{ name: 'flags', mountPath: '/flags' }],
  };
  await configMap('flags', {});
  const volumes = [{ name: 'flags', configMap: { name: 'flags' } }];
  await world.createPod('probed', { containers: [main], volumes });
  const problem = /^Readiness probe failed: HTTP probe failed with statuscode: 503$/;
  await world.awaitEvent('probed', 'Unhealthy', problem);
  const unready = await world.awaitPod('probed', 'running', ({ phase }) => phase === 'Running');
  assert.equal(unready.conditions['ContainersReady'], 'False');
  const ref = { namespace: NS, name: 'flags' };
  await world.kube.patch(CONFIG_MAP, ref, { data: { ready: '' } }, { kind: 'merge' });
  await world.awaitRunning('probed');
  await world.kube.patch(CONFIG_MAP, ref, { data: { ready: null } }, { kind: 'merge' });
  await world.awaitPod('probed', 'not ready again', ({ isReady }) => !isReady);
});

test('a container whose liveness probe fails is ended, by force if need be, and restarted', async () => {
  const livenessProbe = {
    exec: { command: ['sh', '-c', 'echo unwell; exit 1'] },
    periodSeconds: 1,
    failureThreshold: 1,
  };
  const stubborn = shell('trap "" TERM; while :; do sleep 1; done', { livenessProbe });
  await world.createPod('unwell', { containers: [stubborn], terminationGracePeriodSeconds: 1 });
  const restarted = await world.awaitPod(
    'unwell',
    'restarted',
    ({ containers: [it] }) => it?.restartCount === 1,
  );
  assert.equal(restarted.containers[0]?.lastExitCode, 137);
  await world.awaitEvent('unwell', 'Unhealthy', /^Liveness probe failed: unwell$/);
  const killing = /^Container main failed liveness probe, will be restarted$/;
  await world.awaitEvent('unwell', 'Killing', killing);
});

test('a deleted Pod may end in order; one that does not is killed after its grace period', async () => {
  const polite = shell(
    'trap "echo goodbye; sleep 0.2; echo gone; exit 0" TERM; sleep infinity & wait',
  );
  const stubborn = { ...shell('trap "" TERM; while :; do sleep 1; done'), name: 'stubborn' };
  await world.createPod('polite', { containers: [polite], terminationGracePeriodSeconds: 20 });
  await world.createPod('stubborn', { containers: [stubborn], terminationGracePeriodSeconds: 1 });
  await Promise.all([world.awaitRunning('polite'), world.awaitRunning('stubborn')]);
  const log = world.logPath('polite');
  const lines = eventually('last words', async () => log.read().includes(' gone\n') || undefined);
  const beganMs = performance.now();
  await Promise.all([world.deletePod('polite'), lines, world.deletePod('stubborn')]);
  const tookMs = performance.now() - beganMs;
  assert(tookMs >= 1_000 && tookMs < 8_000, `took ${tookMs} ms`);
});

test('Pods reach each other, and a Pod’s programs end with its container', async () => {
  const server = `require('node:net').createServer((s) => s.end('hello\\n')).listen(9000)`;
  const main = { name: 'main', image: 'node', args: ['-e', server] };
  const readinessProbe = { tcpSocket: { port: 9000 }, periodSeconds: 1 };
  await world.createPod('server', { containers: [{ ...main, readinessProbe }] });
  const { podIp } = await world.awaitRunning('server');
  const client = {
    ...shell(''),
    command: [
      'bash',
      '-c',
      `exec 3<>/dev/tcp/${podIp}/9000 && cat <&3; (sleep infinity &) ; exit 0`,
    ],
  };
  await world.createPod('client', { containers: [client], restartPolicy: 'Never' });
  await world.awaitPod('client', 'over', ({ phase }) => phase === 'Succeeded');
  assert.deepEqual(await world.logLines('client', 1), ['hello']);
});

test('what the lab cannot do is refused with a sentence', async () => {
  const volumes = [{ name: 'host', hostPath: { path: '/' } }];
  await world.createPod('host-path', { containers: [shell('x')], volumes });
  await world.awaitEvent('host-path', 'FailedMount', /the lab node has no hostPath volumes/);
  await world.deletePod('host-path');
});
