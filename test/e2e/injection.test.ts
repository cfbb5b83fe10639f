// A manifest that knows nothing of the mesh, in a namespace that is labeled for it: the lab's node
// runs the sidecar that the webhook has put in, and kubelet's probes get through under STRICT.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { REPOSITORY } from '#lab/cloud.ts';
import { enterSandbox } from '#lab/enter.ts';
import { CONTROL_PLANE, LibraryWorld } from '#lab/story/library-world.ts';

await enterSandbox();

let world: LibraryWorld;
before(async () => {
  world = await LibraryWorld.create({ env: process.env });
});
after(() => world[Symbol.asyncDispose]());

const kubectl = (words: string, input = ''): Promise<string> =>
  world.kubectl.ok(words.split(' '), input);

const STRICT = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: library}
spec: {mtls: {mode: STRICT}}
`;

test('a labeled namespace is all that a Deployment needs', async () => {
  const validator = 'validatingwebhookconfiguration/istio-validator-istio-system';
  const isAsked = '{.webhooks[0].failurePolicy}=Fail';
  await kubectl(`wait ${validator} --for=jsonpath=${isAsked} --timeout=70s`);
  await kubectl('create namespace library');
  await kubectl('label namespace library istio-injection=enabled');
  await kubectl('apply -f -', STRICT);
  const front = readFileSync(`${REPOSITORY}/library/manifests/front.yaml`, 'utf8');
  await kubectl('apply -f -', front);
  await kubectl('rollout status deployment/front -n library --timeout=40s');
  const pods = await kubectl('get pods -n library -l app=front');
  assert.match(pods, /^front-\S+ +2\/2 +Running +0 /m);
  const annotation = '{.items[0].metadata.annotations.sidecar\\.istio\\.io/status}';
  const status = await kubectl(`get pods -n library -l app=front -o jsonpath=${annotation}`);
  assert.match(status, /"containers":\["istio-proxy"\]/);
  // What kubelet gets through the agent, nobody gets without a certificate.
  const ip = await kubectl('get pods -n library -l app=front -o jsonpath={.items[0].status.podIP}');
  assert.equal(await askPlainly(ip, 15_020, '/app-health/front/readyz'), 'HTTP/1.1 200 OK');
  assert.equal(await askPlainly(ip, 8080, '/healthz'), '');
});

/** The first line of an answer to plain HTTP; empty when the connection is broken off. */
async function askPlainly(ip: string, port: number, path: string): Promise<string> {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close', '', ''];
  const ask = `printf '${lines.join(String.raw`\r\n`)}' >&3 && head -n 1 <&3`;
  const script = `exec 3<>/dev/tcp/${ip}/${port} && ${ask}`;
  const { stdout } = await world.cloud.machine(CONTROL_PLANE.name).run(['bash', '-c', script]);
  return stdout.trim();
}
