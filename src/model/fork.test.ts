import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as kube from '#kube/resources.ts';
import { apply, meshOf, remove } from './mesh-of.ts';

const pods = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) => `kind: Pod
metadata: { name: web-${index}, labels: { app: web } }
status: { phase: Running, podIP: 10.0.${Math.floor(index / 250)}.${index % 250} }`,
  ).join('\n---\n');
const SERVICE = `kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  workloadSelector: { labels: { app: web } }`;
const STRICT = 'kind: PeerAuthentication\nmetadata: { name: p }\nspec: { mtls: { mode: STRICT } }';

test('a fork is its mesh after it has caught up, a little at a time', () => {
  const mesh = meshOf(`${pods(450)}\n---\n${SERVICE}`);
  const fork = mesh.fork();
  assert.equal([...fork.mesh.workloads.entries()].length, 0);
  assert([...fork.catchUp()].length >= 2, 'others had their turn');
  const behind = [mesh, fork.mesh].map((one) =>
    one.endpoints.get('default/web.default.svc.cluster.local')?.byPort.get(80),
  );
  assert.equal(behind[1]?.length, 450);
  assert.deepEqual(behind[1], behind[0]);
});

test('what is tried shows in the fork alone, and is gone when it catches up', () => {
  const mesh = meshOf(pods(2));
  const fork = mesh.fork();
  const strict = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { mtls: { mode: 'STRICT' } },
  };
  const mode = (one: typeof mesh): string => {
    const workload = one.workloads.get('Pod/default/web-0') ?? assert.fail('a Pod');
    return one.mtlsMode(workload, 80);
  };
  const catchUp = (): void => {
    for (const _ of fork.catchUp());
  };
  catchUp();
  fork.mesh.ingest(kube.PEER_AUTHENTICATION, strict, 'applied');
  fork.mesh.commit();
  assert.deepEqual([mode(mesh), mode(fork.mesh)], ['PERMISSIVE', 'STRICT']);
  catchUp();
  assert.equal(mode(fork.mesh), 'PERMISSIVE');
  apply(mesh, STRICT);
  catchUp();
  assert.equal(mode(fork.mesh), 'STRICT');
  fork.mesh.ingest(kube.PEER_AUTHENTICATION, strict, 'deleted');
  fork.mesh.commit();
  catchUp();
  assert.equal(mode(fork.mesh), 'STRICT', 'what was taken out is there again');
  remove(mesh, STRICT);
  catchUp();
  assert.equal(mode(fork.mesh), 'PERMISSIVE');
});
