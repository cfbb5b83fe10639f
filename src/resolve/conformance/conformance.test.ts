// Where calls end and which clusters virtual hosts have, by Istio's own cases. The data is not part
// of this repository; without it these tests say so and pass.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ISTIO_CONFORMANCE_FOLDER } from '../../../test/fakes/conformance-data.ts';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { isRecord } from '#kube/objects.ts';
import { TYPE_URL } from '../names.ts';
import { ask, decode } from '../simulate-call.ts';
import { outcomeOf } from '../simulate-http.ts';
import { callsOf, differenceOf, isSameCluster, recordAt, textAt, worldOf } from './cases.ts';
import type { World } from './cases.ts';
import { ROUTES_GAPS, SIMULATION_GAPS } from './gaps.ts';
import type { Gap } from './gaps.ts';
import { simulate } from './simulate.ts';

const FOLDER = ISTIO_CONFORMANCE_FOLDER;

type Case = Readonly<Record<string, unknown>>;

function casesOf(group: string): readonly Case[] {
  return globSync('*.json', { cwd: join(FOLDER, group) })
    .toSorted()
    .map((file) => {
      const data: unknown = JSON.parse(readFileSync(join(FOLDER, group, file), 'utf8'));
      assert(isRecord(data), `${file} is no case`);
      return data;
    });
}

/** Runs all cases of a group; `run` says what differs in one. */
function testGroup(group: string, gaps: readonly Gap[], run: (entry: Case) => readonly string[]) {
  test(`Istio's ${group}`, (t) => {
    if (!existsSync(FOLDER)) return t.diagnostic(`no conformance data at ${FOLDER}`);
    const cases = casesOf(group);
    const wrong: string[] = [];
    const failed: string[] = [];
    for (const entry of cases) {
      const id = textAt(entry, 'id');
      const differences = attempt(() => run(entry));
      const isGap = gaps.some(({ what }) => what === id);
      if (differences.length > 0) failed.push(id);
      if (differences.length > 0 !== isGap) {
        wrong.push(
          isGap ? `${id}: listed as a gap, but it passes` : `${id}: ${differences.join('; ')}`,
        );
      }
    }
    const passed = cases.length - failed.length;
    t.diagnostic(`${passed} of ${cases.length} cases`);
    assert.deepEqual(wrong, []);
  });
}

function attempt(run: () => readonly string[]): readonly string[] {
  try {
    return run();
  } catch (error) {
    return [String(error)];
  }
}

testGroup('simulation', SIMULATION_GAPS, (entry) => {
  const world = worldOf(entry);
  return callsOf(entry).flatMap(({ name, call, expect }) => {
    const difference = differenceOf(simulate(world, call), expect);
    return difference === undefined ? [] : [`${name}: ${difference}`];
  });
});

testGroup('routes', ROUTES_GAPS, (entry) => {
  const world = worldOf(entry);
  const port = textAt(entry, 'route');
  return Object.entries(recordAt(entry, 'expected')).flatMap(([host, clusters]) => {
    const own = ownClusters(world, { host, port });
    const wanted: readonly unknown[] = Array.isArray(clusters) ? clusters : [];
    const isSame =
      own.length === wanted.length &&
      wanted.every((cluster, index) => isSameCluster(own[index] ?? '', String(cluster)));
    return isSame ? [] : [`${host}: ${String(clusters)} ≠ ${String(own)}`];
  });
});

test('at least 95 % of the cases end as with Istio', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(`no conformance data at ${FOLDER}`);
  const count = casesOf('simulation').length + casesOf('routes').length;
  const gaps = SIMULATION_GAPS.length + ROUTES_GAPS.length;
  t.diagnostic(`${count - gaps} of ${count} cases`);
  assert((count - gaps) / count >= 0.95);
});

/** Of a host that has no virtual host of its own, Istio says that it has none at all. */
function ownClusters(
  world: World,
  { host, port }: { readonly host: string; readonly port: string },
): readonly string[] {
  const found = clustersOf(world, `${port}/${host.replace('*', 'somebody')}`);
  if (found.includes('PassthroughCluster')) return [];
  if (host.startsWith('*')) return found;
  const ofNeighbour = clustersOf(world, `${port}/${host.replace(/^[^.]*/, 'nobody')}`);
  return found.join(' ') === ofNeighbour.join(' ') ? [] : found;
}

function clustersOf({ catalog, identity: proxy }: World, name: string): readonly string[] {
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.virtualHost, name });
  return answer ? decode(VirtualHostSchema, answer).routes.map(outcomeOf) : [];
}
