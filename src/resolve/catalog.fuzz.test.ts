// After any history of objects and of who asks for what, the catalog answers as one that was made
// just now, and has told of every answer that changed and of no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
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
import { HTTP_INSPECTION, httpPolicyName, TCP_AUTHORIZER } from './inbound-names.ts';
import { ask } from './simulate-call.ts';
import { tablesOf } from './simulate-gateway.ts';
import {
  destinationClusterName,
  httpListenerName,
  INBOUND_PASSTHROUGH,
  inboundName,
  MESH_ADDRESSES,
  outboundName,
  PASSTHROUGH_STAT_NAME,
  rbacName,
  sidecarRoutesName,
  tcpListenerName,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
  virtualHostName,
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
    [TYPE_URL.listener, httpListenerName(port)] as const,
    [TYPE_URL.routes, `http.${port}`] as const,
    [TYPE_URL.routes, sidecarRoutesName(port)] as const,
  ]),
  ...[...CLUSTER_IPS, ...POD_IPS].map(
    (address) => [TYPE_URL.listener, tcpListenerName({ address, port: 80 })] as const,
  ),
  ...[...HOSTS, ...CLUSTER_IPS, 's1', 's1.a:80', 'a.w.example', 'nowhere.example', '*'].map(
    (authority) => [TYPE_URL.virtualHost, virtualHostName({ port: 80, authority })] as const,
  ),
  [TYPE_URL.cluster, PASSTHROUGH_STAT_NAME],
  ...[...PORTS, 6432, 8081].flatMap((port) => [
    [TYPE_URL.cluster, inboundName(port)] as const,
    [TYPE_URL.extension, rbacName('deny', port)] as const,
    [TYPE_URL.extension, rbacName('allow', port)] as const,
  ]),
  ...PORTS.map((port) => [TYPE_URL.extension, httpPolicyName(port)] as const),
  [TYPE_URL.extension, HTTP_INSPECTION],
  [TYPE_URL.extension, TCP_AUTHORIZER],
  [TYPE_URL.extension, rbacName('custom', 5432)],
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
  held: { readonly key: ResourceKey; readonly question: Question }[] = [];
  /** What was told in the last `settle()`. */
  told: ReadonlySet<ResourceKey> = new Set();
  /** Keys that were acquired in it, for a proxy that has come to be of another class. */
  readonly moved = new Set<ResourceKey>();
  readonly #classes = new Map(proxies.map((proxy) => [proxy, this.catalog.acquireClass(proxy)]));
  #changed = new Set<ResourceKey>();

  constructor() {
    this.catalog.onChange((changed) => (this.#changed = this.#changed.union(changed)));
  }

  /** As the protocol does: whoever is told that a proxy is of another class asks anew. */
  settle(): void {
    this.#changed = new Set();
    this.moved.clear();
    this.catalog.settle();
    const stale = new Set(
      proxies.filter((proxy) => this.#changed.has(this.#classes.get(proxy) ?? '')),
    );
    this.held = this.held.map(({ key, question }) => {
      if (question.name === WILDCARD || !stale.has(question.proxy)) return { key, question };
      const { proxy, typeUrl, name } = question;
      if (this.catalog.keyOf(proxy, typeUrl, name) === key) return { key, question };
      this.catalog.release(key);
      const moved = hold(this.catalog, question);
      this.moved.add(moved);
      return { key: moved, question };
    });
    this.catalog.settle();
    this.told = this.#changed;
  }

  releaseClasses(): void {
    for (const key of this.#classes.values()) this.catalog.release(key);
  }

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
        run.settle();
      }
      const fresh = new Run();
      for (const { written } of steps) fresh.change({ written, asked: [], released: [] });
      fresh.settle();
      for (const { key, question } of run.held) {
        assert.equal(hold(fresh.catalog, question), key, 'told of its class');
      }
      fresh.settle();
      for (const { key } of run.held) {
        assert.deepEqual(answerOf(run.catalog, key), answerOf(fresh.catalog, key), key);
      }
    }),
    fuzz(300),
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
    fuzz(200),
  );
  assert(tableCount > 200, `only ${tableCount} resources were seen`);
});

test('listeners are told of the answers that changed, and of no other', () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (steps, isCommittedByOthers) => {
      const run = new Run();
      const before = new Map<ResourceKey, unknown>();
      for (const step of steps) {
        run.change(step);
        if (isCommittedByOthers) run.mesh.commit();
        run.settle();
        const held = new Map(run.held.map(({ key, question }) => [key, question.name]));
        for (const [key, name] of held) {
          const { resource, names } = answerOf(run.catalog, key);
          const seen = name === WILDCARD ? names.join(' ') : resource?.version;
          // of what was let go and taken again in one go nothing can be said
          if (!run.moved.has(key)) assert.equal(run.told.has(key), before.get(key) !== seen, key);
          before.set(key, seen);
        }
        for (const key of before.keys()) if (!held.has(key)) before.delete(key);
      }
    }),
    fuzz(100),
  );
});

test('nothing is left of what nobody holds', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.change(step);
        run.settle();
      }
      run.change({ written: [], asked: [], released: run.held.map(() => 0) });
      run.releaseClasses();
      for (const { type, object } of steps.flatMap(({ written }) => written)) {
        run.mesh.ingest(type, object, 'deleted');
      }
      run.catalog.settle();
      assert.equal(run.catalog.size, 0);
      assert.equal(run.mesh.graph.cellCount, 0, 'cells are left behind');
    }),
    fuzz(50),
  );
});
