// The mesh after any history is the mesh of what there is now, whatever came before and in
// whatever order; and what a derivation has read of it is never out of date.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { parseIp, parseRange, rangeContains } from '#base/ip.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import { objectKey } from '#kube/objects.ts';
import { resourceName } from '#kube/resources.ts';
import type { Collection } from './collection.ts';
import {
  CLUSTER_IPS,
  histories,
  NAMESPACES,
  OTHER_IPS,
  POD_IPS,
  PORTS,
  VM_IPS,
} from './fuzz-objects.ts';
import type { Written } from './fuzz-objects.ts';
import { createMesh } from './mesh.ts';
import type { Mesh } from './mesh.ts';

const ADDRESSES = [...CLUSTER_IPS, ...POD_IPS, ...VM_IPS, ...OTHER_IPS, '240.240.9.9', '::1'];

const RULED_HOSTS = ['s1.a.svc.cluster.local', 's2.b.svc.cluster.local', '*.w.example'];

/** Everything that can be asked of the mesh, as questions with a name. */
function questions(mesh: Mesh): ReadonlyMap<string, () => unknown> {
  const all = new Map<string, () => unknown>([
    ['config', () => mesh.config()],
    ['gateways', () => [...mesh.networkGateways()]],
    ['keys', () => mesh.requestAuthentications.jwksSources.get('https://keys.example/1')],
  ]);
  for (const namespace of NAMESPACES) {
    all.set(`addresses ${namespace}`, () => mesh.meshAddresses(namespace));
    all.set(`addressless ${namespace}`, () => mesh.addresslessServices(namespace, 5432));
    all.set(`proxies ${namespace}`, () => mesh.proxySettings(namespace, { app: 'x' }));
    all.set(`policy ${namespace}`, () => mesh.outboundTrafficPolicy(namespace, { app: 'y' }));
    for (const host of RULED_HOSTS) {
      for (const of of NAMESPACES) {
        const service = { namespace: of, host };
        all.set(`rule ${namespace} ${of} ${host}`, () =>
          mesh.destinationRuleFor(namespace, service),
        );
        all.set(`rule for x ${namespace} ${of} ${host}`, () =>
          mesh.destinationRuleFor(namespace, service, { app: 'x' }),
        );
        all.set(`import ${namespace} ${of} ${host}`, () => [
          mesh.isImported(namespace, { app: 'x' }, service),
          mesh.isImported(namespace, {}, service, 80),
        ]);
      }
    }
    for (const address of ADDRESSES) {
      all.set(`owner ${namespace} ${address}`, () => mesh.ownerOf(namespace, address));
    }
  }
  for (const gateway of ['a/gw1', 'a/gw2', 'b/gw2']) {
    for (const namespace of NAMESPACES) {
      all.set(`routes ${gateway} ${namespace}`, () => mesh.virtualServicesOf(gateway, namespace));
    }
  }
  for (const key of workloadKeys) {
    all.set(`listening ${key}`, () => mesh.gatewayPorts(key));
    all.set(`inbound ${key}`, () => mesh.inboundPorts(key));
    for (const port of PORTS) {
      all.set(`mode ${key} ${port}`, () => {
        const workload = mesh.workloads.get(key);
        return workload && mesh.mtlsMode(workload, port);
      });
    }
    all.set(`ports ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return workload && mesh.mtlsPorts(workload);
    });
    all.set(`rules ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return workload && mesh.authorization(workload);
    });
    all.set(`tokens ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return workload && mesh.requestAuthentications.jwtRules(workload);
    });
    all.set(`logs ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return (
        workload &&
        (['client', 'server'] as const).map((side) => mesh.telemetry.accessLogs(workload, side))
      );
    });
    all.set(`traces ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return (
        workload &&
        (['client', 'server'] as const).map((side) => mesh.telemetry.tracing(workload, side))
      );
    });
    all.set(`metrics ${key}`, () => {
      const workload = mesh.workloads.get(key);
      return workload && mesh.telemetry.metrics(workload);
    });
    const [kind = '', namespace = '', name = ''] = key.split('/');
    all.set(`identity ${key}`, () =>
      mesh.workloadOf({
        trustDomain: 'cluster.local',
        namespace,
        serviceAccount: 'sa1',
        workload: { kind: kind === 'Pod' ? 'Pod' : 'WorkloadEntry', name: certificateNameOf(name) },
      }),
    );
    all.set(`client ${key}`, () =>
      mesh.clientOf({
        trustDomain: 'cluster.local',
        namespace,
        serviceAccount: 'sa1',
        workload: { kind: kind === 'Pod' ? 'Pod' : 'WorkloadEntry', name: certificateNameOf(name) },
      }),
    );
  }
  return all;
}

const LONG_NAME = `w-${'long-'.repeat(14)}name`;
const workloadKeys = NAMESPACES.flatMap((namespace) => [
  `Pod/${namespace}/p1`,
  `Pod/${namespace}/p2`,
  `WorkloadEntry/${namespace}/w1`,
  `WorkloadEntry/${namespace}/${LONG_NAME}`,
]);

const contentOf = (collection: Collection<unknown>) =>
  [...collection.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1));

function picture(mesh: Mesh) {
  return {
    services: contentOf(mesh.services),
    endpoints: contentOf(mesh.endpoints),
    remarks: contentOf(mesh.remarks),
    workloads: contentOf(mesh.workloads),
    answers: [...questions(mesh)].map(([name, ask]) => [name, ask()]),
  };
}

const identityOf = ({ type, object }: Written): string =>
  `${resourceName(type)} ${objectKey(object.metadata)}`;

/** A mesh of its own, which only tells what of an object becomes of it. */
const judge = createMesh();

function isAccepted({ type, object }: Written): boolean {
  judge.ingest(type, object, 'applied');
  judge.commit();
  const key = `${resourceName(type)}/${objectKey(object.metadata)}`;
  return judge.rejections.get(key) === undefined;
}

/** The objects in force: each as it was last accepted. */
function remember(inForce: Map<string, Written>, event: Written): void {
  if (event.change === 'deleted') inForce.delete(identityOf(event));
  else if (isAccepted(event)) inForce.set(identityOf(event), event);
}

test('the mesh is that of the objects there are, whatever the history', () => {
  fc.assert(
    fc.property(histories, fc.infiniteStream(fc.nat()), (history, random) => {
      const mesh = createMesh();
      const inForce = new Map<string, Written>();
      for (const commit of history) {
        for (const event of commit) {
          mesh.ingest(event.type, event.object, event.change);
          remember(inForce, event);
        }
        mesh.commit();
      }
      const fresh = createMesh();
      const shuffled = [...inForce.values()]
        .map((event) => [random.next().value, event] as const)
        .toSorted(([a], [b]) => a - b);
      for (const [, { type, object }] of shuffled) fresh.ingest(type, object, 'applied');
      fresh.commit();
      assert.deepEqual(picture(mesh), picture(fresh));
    }),
    fuzz(500),
  );
});

test('what a derivation has read of the mesh is never out of date', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const mesh = createMesh();
      const asked = mesh.graph.source<() => unknown>('asked');
      const answers = mesh.graph.derive('answers', asked, (ask) => ({ answer: ask() }));
      const all = questions(mesh);
      for (const [name, ask] of all) asked.set(name, ask);
      for (const commit of history) {
        for (const { type, object, change } of commit) mesh.ingest(type, object, change);
        mesh.commit();
        for (const [name, ask] of all) assert.deepEqual(answers.get(name)?.answer, ask(), name);
      }
    }),
    fuzz(300),
  );
});

/** Is the address in one of these ranges or addresses? */
function isAmong(places: readonly string[], address: string): boolean {
  const ip = parseIp(address);
  return places.some((place) => {
    const range = parseRange(place);
    return ip !== undefined && range !== undefined && rangeContains(range, ip);
  });
}

test('what an address of a service means is captured where it means it', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const mesh = createMesh();
      for (const { type, object, change } of history.flat()) mesh.ingest(type, object, change);
      mesh.commit();
      for (const namespace of NAMESPACES) {
        const { ranges, addresses } = mesh.meshAddresses(namespace);
        for (const address of ADDRESSES) {
          const kind = mesh.ownerOf(namespace, address)?.kind;
          if (kind !== 'service' && kind !== 'endpoint') continue;
          assert(isAmong([...ranges, ...addresses], address), `${address} in ${namespace}`);
        }
      }
    }),
    fuzz(300),
  );
});

test('when all objects are gone, the mesh is as it was at first', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const mesh = createMesh();
      for (const commit of history) {
        for (const { type, object, change } of commit) mesh.ingest(type, object, change);
        mesh.commit();
      }
      for (const { type, object } of history.flat()) mesh.ingest(type, object, 'deleted');
      mesh.commit();
      assert.deepEqual(picture(mesh), picture(createMesh()));
      assert.equal(mesh.graph.cellCount, 0, 'cells are left behind');
    }),
    fuzz(300),
  );
});
