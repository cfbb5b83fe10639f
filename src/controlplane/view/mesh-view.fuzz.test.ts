// Whoever takes the snapshot of any revision and the events after it has the later snapshot; and
// whoever asks for a moment gone by gets the snapshot of then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { MeshEvent } from '#api/events.ts';
import type { Encryption, Snapshot } from '#api/graph.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { MeshState } from '../../cli/mesh/state.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { edgeOf, FakeFlows } from './fake-flows.ts';
import { MeshView } from './mesh-view.ts';
import { NO_AGENTS } from './nothing.ts';

const NAMES = ['a', 'b', 'c'];
const ENDS = ['wl:default/a', 'wl:default/b', 'ip:10.0.0.9', 'host:x.example'];
const STATES: readonly Encryption['state'][] = ['mutual', 'plaintext', 'unknown'];

const pod = (name: string, version: string): string =>
  `kind: Pod\nmetadata: { name: ${name}, labels: { version: ${version} } }\n` +
  'spec: {}\nstatus: { phase: Running, podIP: 10.24.0.1 }';

const vm = (name: string): string =>
  `kind: WorkloadEntry\nmetadata: { name: ${name} }\nspec: { address: 10.128.0.1 }`;

const steps = fc.oneof(
  fc.record({ do: fc.constant('pod'), name: fc.constantFrom(...NAMES), to: fc.nat(3) }),
  fc.record({ do: fc.constant('vm'), name: fc.constantFrom(...NAMES), to: fc.nat(3) }),
  fc.record({ do: fc.constant('remove'), name: fc.constantFrom(...NAMES), to: fc.nat(3) }),
  fc.record({ do: fc.constant('edge'), name: fc.constantFrom(...ENDS), to: fc.nat(3) }),
  fc.record({ do: fc.constant('unedge'), name: fc.constantFrom(...ENDS), to: fc.nat(3) }),
  fc.record({ do: fc.constant('time'), name: fc.constant(''), to: fc.nat(60_000) }),
  fc.record({ do: fc.constant('look'), name: fc.constant(''), to: fc.nat(3) }),
);

/** In no order, and without what is of the moment. */
const shown = (state: Pick<Snapshot, 'nodes' | 'edges' | 'alerts' | 'status'>): unknown => {
  const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
    a.id < b.id ? -1 : 1;
  const { nodes, edges, alerts, status } = state;
  return [nodes.toSorted(byId), edges.toSorted(byId), alerts.toSorted(byId), status];
};

/** With what events do not tell. */
const all = (state: Snapshot): unknown => [shown(state), state.networks];

const shownState = ({ nodes, edges, alerts, status }: MeshState): unknown =>
  shown({
    nodes: [...nodes.values()],
    edges: [...edges.values()],
    alerts: [...alerts.values()],
    status,
  });

test('snapshot and events make the later snapshot, from wherever one begins', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 40, size: 'max' }), async (program) => {
      const mesh = meshOf(pod('a', 'v1'));
      const flows = new FakeFlows();
      const clock = new FakeClock(Date.UTC(2026, 10, 22));
      const view = new MeshView({
        mesh,
        flows,
        agents: NO_AGENTS,
        xds: { status: () => [] },
        certificateOf: () => undefined,
        joins: () => [],
        clock,
      });
      let before = view.snapshot();
      const seen: { readonly atMs: number; readonly what: unknown }[] = [];
      const clients = [{ state: new MeshState(before), revision: before.revision }];
      for (const step of program) {
        const key = `${step.name}${step.to}`;
        const to = ENDS[step.to] ?? '';
        const state = STATES[step.to % STATES.length] ?? 'unknown';
        if (step.do === 'pod') apply(mesh, pod(step.name, `v${step.to}`));
        if (step.do === 'vm') apply(mesh, vm(step.name));
        if (step.do === 'remove') {
          remove(mesh, pod(step.name, 'v1'));
          remove(mesh, vm(step.name));
        }
        if (step.do === 'edge') {
          const encryption = { ...edgeOf(1).encryption, state };
          flows.table.set(key, edgeOf(step.to, { id: key, from: step.name, to, encryption }));
        }
        if (step.do === 'unedge') flows.table.delete(key);
        if (step.do === 'time') clock.advance(step.to);
        if (step.do === 'look') {
          before = view.snapshot();
          clients.push({ state: new MeshState(before), revision: before.revision });
        }
        view.refresh();
        seen.push({ atMs: clock.nowMs(), what: all(view.snapshot()) });
        clock.advance(1); // what comes now is later
      }
      for (const { atMs, what } of seen) {
        assert.deepEqual(all(await view.snapshotAt(atMs)), what);
      }
      const end = view.snapshot();
      for (const client of clients) {
        let { state } = client;
        for (let at = client.revision; at < end.revision; at += 1) {
          const next = view.after(at);
          assert(typeof next === 'object');
          const event: MeshEvent = JSON.parse(next.json);
          // A client that is to begin anew gets the present, and then the rest once more.
          if (!state.apply(event)) state = new MeshState(end);
        }
        assert.deepEqual(shownState(state), shown(end));
      }
    }),
    fuzz(150),
  );
});
