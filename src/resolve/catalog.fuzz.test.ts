// After any history of objects and of who asks for what, the catalog answers as one that was made
// just now, and has told of every answer that changed and of no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import {
  CLUSTER_IPS,
  histories,
  NAMESPACES,
  OTHER_IPS,
  POD_IPS,
  PORTS,
  VM_IPS,
} from '#model/fuzz-objects.ts';
import type { Written } from '#model/fuzz-objects.ts';
import { createMesh } from '#model/mesh.ts';
import type { ResourceKey } from '#xds/catalog.ts';
import { MeshCatalog } from './catalog.ts';
import { ask } from './simulate-call.ts';
import { tablesOf } from './simulate-gateway.ts';
import {
  destinationClusterName,
  INBOUND_PASSTHROUGH,
  inboundName,
  MESH_ADDRESSES,
  outboundName,
  rbacName,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
} from './names.ts';

const HOSTS = ['s1.a.svc.cluster.local', 's2.b.svc.cluster.local', 'ext.example.com'];
const WILDCARD = '*';

type Question = {
  readonly proxy: WorkloadIdentity;
  readonly typeUrl: string;
  /** `*` for the wildcard. */
  readonly name: string;
};

const proxies: readonly WorkloadIdentity[] = NAMESPACES.flatMap((namespace) =>
  (
    [
      ['Pod', 'p1'],
      ['Pod', 'p2'],
      ['WorkloadEntry', 'w1'],
    ] as const
  ).map(([kind, name]) => ({
    trustDomain: 'cluster.local',
    namespace,
    serviceAccount: 'sa1',
    workload: { kind, name },
  })),
);

const NAMES: readonly (readonly [typeUrl: string, name: string])[] = [
  ...[...CLUSTER_IPS, ...POD_IPS, ...VM_IPS, ...OTHER_IPS].flatMap((address) =>
    PORTS.map((port) => [TYPE_URL.cluster, destinationClusterName({ address, port })] as const),
  ),
  ...HOSTS.flatMap((host) =>
    PORTS.map((port) => [TYPE_URL.endpoints, outboundName({ host, port })] as const),
  ),
  ...HOSTS.flatMap((host) =>
    ['', 'v1'].map(
      (subset) => [TYPE_URL.cluster, outboundName({ host, port: 80, subset })] as const,
    ),
  ),
  ...HOSTS.map(
    (host) => [TYPE_URL.endpoints, outboundName({ host, port: 80, subset: 'v1' })] as const,
  ),
  ...[80, 443, 5432, 8080].flatMap((port) => [
    [TYPE_URL.listener, `0.0.0.0_${port}`] as const,
    [TYPE_URL.routes, `http.${port}`] as const,
  ]),
  ...[...PORTS, 6432, 8081].flatMap((port) => [
    [TYPE_URL.cluster, inboundName(port)] as const,
    [TYPE_URL.extension, rbacName('deny', port)] as const,
    [TYPE_URL.extension, rbacName('allow', port)] as const,
  ]),
  [TYPE_URL.extension, rbacName('deny', 'passthrough')],
  [TYPE_URL.cluster, INBOUND_PASSTHROUGH],
  [TYPE_URL.cluster, WILDCARD],
  [TYPE_URL.cluster, 'nonsense'],
  [TYPE_URL.listener, VIRTUAL_INBOUND],
  [TYPE_URL.listener, VIRTUAL_OUTBOUND],
  [TYPE_URL.listener, WILDCARD],
  [TYPE_URL.meshAddresses, MESH_ADDRESSES],
  ...[...HOSTS, 'a.w.example', 'nowhere.example'].map(
    (host) => [TYPE_URL.hostAddresses, host] as const,
  ),
];

const questions: readonly Question[] = proxies.flatMap((proxy) =>
  NAMES.map(([typeUrl, name]) => ({ proxy, typeUrl, name })),
);

const hold = (catalog: MeshCatalog, { proxy, typeUrl, name }: Question): ResourceKey =>
  name === WILDCARD
    ? catalog.acquireWildcard(proxy, typeUrl)
    : catalog.acquire(proxy, typeUrl, name);

/** All that a holder of the key can see. */
const answerOf = (catalog: MeshCatalog, key: ResourceKey) => ({
  resource: catalog.lookup(key),
  isKnown: catalog.isKnown(key),
  names: catalog.wildcardNames(key),
});

type Step = {
  readonly written: readonly Written[];
  readonly asked: readonly Question[];
  /** Of the keys held, which to let go: positions, modulo their number. */
  readonly released: readonly number[];
};

const steps: fc.Arbitrary<readonly Step[]> = histories.chain((history) =>
  fc.tuple(
    ...history.map((written) =>
      fc.record({
        written: fc.constant(written),
        asked: fc.subarray([...questions], { maxLength: 120 }),
        released: fc.array(fc.nat(), { maxLength: 10 }),
      }),
    ),
  ),
);

/** A mesh and its catalog after some steps, with what is held of it. */
class Run {
  readonly mesh = createMesh();
  readonly catalog = new MeshCatalog(this.mesh);
  /** One entry for each acquire. */
  readonly held: { readonly key: ResourceKey; readonly question: Question }[] = [];

  change({ written, asked, released }: Step): void {
    for (const { type, object, change } of written) this.mesh.ingest(type, object, change);
    for (const question of asked) {
      this.held.push({ key: hold(this.catalog, question), question });
    }
    for (const position of released) {
      const [gone] = this.held.splice(position % Math.max(1, this.held.length), 1);
      if (gone) this.catalog.release(gone.key);
    }
  }
}

test('answers are those of a catalog that was made just now', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.change(step);
        run.catalog.settle();
      }
      const fresh = new Run();
      for (const { written } of steps) fresh.change({ written, asked: [], released: [] });
      for (const { question } of run.held) hold(fresh.catalog, question);
      fresh.catalog.settle();
      for (const { key } of run.held) {
        assert.deepEqual(answerOf(run.catalog, key), answerOf(fresh.catalog, key), key);
      }
    }),
    { numRuns: 300 },
  );
});

test('whatever a gateway is told that there is, is there, with all that it needs', () => {
  let tableCount = 0;
  fc.assert(
    fc.property(histories, (history) => {
      const mesh = createMesh();
      const catalog = new MeshCatalog(mesh);
      for (const { type, object, change } of history.flat()) mesh.ingest(type, object, change);
      for (const proxy of proxies) {
        for (const [typeUrl, resource] of tablesOf(catalog, proxy)) {
          tableCount += 1;
          if (typeUrl !== TYPE_URL.cluster || resource.endpoints === undefined) continue;
          const asked = { proxy, typeUrl: TYPE_URL.endpoints, name: resource.endpoints };
          assert(ask(catalog, asked), `endpoints of ${resource.name}`);
        }
      }
    }),
    { numRuns: 200 },
  );
  assert(tableCount > 200, `only ${tableCount} resources were seen`);
});

test('listeners are told of the answers that changed, and of no other', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (steps, isCommittedByOthers) => {
      const run = new Run();
      let told: ReadonlySet<ResourceKey> = new Set();
      run.catalog.onChange((changed) => (told = changed));
      const before = new Map<ResourceKey, unknown>();
      for (const step of steps) {
        run.change(step);
        told = new Set();
        if (isCommittedByOthers) run.mesh.commit();
        run.catalog.settle();
        const held = new Map(run.held.map(({ key, question }) => [key, question.name]));
        for (const [key, name] of held) {
          const { resource, names } = answerOf(run.catalog, key);
          const seen = name === WILDCARD ? names.join(' ') : resource?.version;
          assert.equal(told.has(key), before.get(key) !== seen, key);
          before.set(key, seen);
        }
        for (const key of before.keys()) if (!held.has(key)) before.delete(key);
      }
    }),
    { numRuns: 100 },
  );
});

test('nothing is left of what nobody holds', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.change(step);
        run.catalog.settle();
      }
      run.change({ written: [], asked: [], released: run.held.map(() => 0) });
      for (const { type, object } of steps.flatMap(({ written }) => written)) {
        run.mesh.ingest(type, object, 'deleted');
      }
      run.catalog.settle();
      assert.equal(run.catalog.size, 0);
      assert.equal(run.mesh.graph.cellCount, 0, 'cells are left behind');
    }),
    { numRuns: 50 },
  );
});
