import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MeshEvent } from '#api/events.ts';
import type { MeshNode } from '#api/graph.ts';
import type { Join } from '#api/joins.ts';
import { createLogger } from '#base/log.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { StreamStatus } from '#xds/status.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { AgentSession } from '../agents/agents.ts';
import { EventLog } from './event-log.ts';
import { edgeOf, FakeFlows } from './fake-flows.ts';
import { MeshView, type MeshViewOptions } from './mesh-view.ts';
import { NO_AGENTS } from './nothing.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

const POD = (name: string): string => `
kind: Pod
metadata:
  name: ${name}
  labels:
    app: inventory
    service.istio.io/workload-name: inventory
    security.istio.io/tlsMode: istio
spec: { serviceAccountName: inventory }
status: { phase: Running, podIP: 10.24.2.${name.length} }
`;
const VM = `
kind: WorkloadEntry
metadata: { name: db, labels: { app: db } }
spec:
  address: 10.128.0.14
  labels: { app: db, security.istio.io/tlsMode: istio, version: v2 }
  serviceAccount: db
---
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [db.default.svc.cluster.local]
  addresses: [240.240.0.5]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp-postgres, protocol: TCP }]
  workloadSelector: { labels: { app: db } }
`;

const stream = (id: string, more: Partial<StreamStatus['types'][number]> = {}): StreamStatus => ({
  id,
  nodeId: id,
  remoteAddress: '10.24.2.23:1',
  connectedAtMs: NOW,
  counts: { names: 2, unknown: 0, refusals: 0 },
  types: [
    {
      typeUrl: 'listeners',
      isWildcard: true,
      nameCount: 2,
      acknowledgedCount: 2,
      dueCount: 0,
      rejections: [],
      ...more,
    },
  ],
});

function viewOf(yaml: string, more: Partial<MeshViewOptions> = {}) {
  const mesh = meshOf(yaml);
  const flows = new FakeFlows();
  const clock = new FakeClock(NOW);
  const streams: StreamStatus[] = [];
  const view = new MeshView({
    mesh,
    flows,
    agents: NO_AGENTS,
    xds: { status: () => streams },
    certificateOf: () => undefined,
    joins: () => [],
    clock,
    ...more,
  });
  const eventsSince = (revision: number): MeshEvent[] => {
    const events: MeshEvent[] = [];
    for (let at = revision; ; at += 1) {
      const next = view.after(at);
      assert.notEqual(next, 'lost');
      if (next === undefined || next === 'lost') return events;
      assert.equal(next.revision, at + 1);
      const event: MeshEvent = JSON.parse(next.json);
      assert.equal(event.type, next.type);
      events.push(event);
    }
  };
  const nodeOf = (id: string): MeshNode => {
    const node = view.node(id);
    assert(node, id);
    return node;
  };
  return { mesh, flows, clock, streams, view, eventsSince, nodeOf };
}

describe('nodes', () => {
  test('instances of one workload are one node; a VM stands among VMs', () => {
    const { view, nodeOf } = viewOf(`${POD('inventory-1')}---${POD('inventory-22')}---${VM}`);
    const inventory = nodeOf('wl:default/inventory');
    assert.equal(inventory.kind, 'pod');
    assert.deepEqual(
      inventory.instances.map(({ key }) => key),
      ['Pod/default/inventory-1', 'Pod/default/inventory-22'],
    );
    assert.equal(inventory.identity, 'spiffe://cluster.local/ns/default/sa/inventory');
    const db = nodeOf('wl:default/db');
    assert.equal(db.kind, 'vm');
    assert.equal(db.version, 'v2');
    assert.deepEqual(db.ports, [
      {
        port: 5432,
        name: 'tcp-postgres',
        protocol: 'tcp',
        service: 'db.default.svc.cluster.local',
      },
    ]);
    assert.deepEqual(
      view.snapshot().networks.map(({ id, title }) => [id, title]),
      [
        ['', 'Kubernetes: Kubernetes'],
        ['vms', 'Virtual machines'],
      ],
    );
  });

  test('a gateway has an identity, though nobody speaks mesh TLS to it', () => {
    const gateway = `
kind: Pod
metadata: { name: way-in, annotations: { inject.istio.io/templates: gateway } }
spec: { serviceAccountName: way-in }
status: { phase: Running, podIP: 10.24.2.9 }
`;
    const [node] = viewOf(gateway).view.snapshot().nodes;
    assert.equal(node?.kind, 'gateway');
    assert.equal(node.identity, 'spiffe://cluster.local/ns/default/sa/way-in');
  });

  test('of a VM whose agent never called nobody knows how it is, nor its certificate', () => {
    const { nodeOf, streams, view } = viewOf(VM);
    assert.equal(nodeOf('wl:default/db').health, 'unknown');
    assert.equal(nodeOf('wl:default/db').certificate, null);
    assert.equal(nodeOf('wl:default/db').instances[0]?.agent, null);
    assert.equal(view.snapshot().status.nextExpiryMs, null);
    streams.push(stream('WorkloadEntry/default/db'));
    view.refresh();
    assert.equal(nodeOf('wl:default/db').health, 'healthy');
  });

  test('who is mentioned by flows alone is outside, unknown, or gone', () => {
    const { flows, nodeOf, view, mesh } = viewOf(VM);
    flows.table.set('a', edgeOf(1, { from: 'ip:10.1.2.3', to: 'host:example.com' }));
    flows.table.set('b', edgeOf(2, { from: 'wl:default/db', to: 'wl:old/app' }));
    view.refresh();
    assert.deepEqual(
      ['ip:10.1.2.3', 'host:example.com', 'wl:old/app'].map((id) => {
        const { kind, name, state } = nodeOf(id);
        return [kind, name, state];
      }),
      [
        ['unknown', '10.1.2.3', 'member'],
        ['external', 'example.com', 'member'],
        ['unknown', 'app', 'gone'],
      ],
    );
    remove(mesh, 'kind: WorkloadEntry\nmetadata: { name: db }');
    view.refresh();
    const { kind, state, addresses } = nodeOf('wl:default/db');
    assert.deepEqual([kind, state, addresses], ['vm', 'gone', ['10.128.0.14']]);
  });

  test('a machine that joins is there before it is registered', () => {
    const join: Join = {
      id: 'j1',
      name: 'mysql',
      namespace: 'default',
      node: 'wl:default/mysql',
      by: 'kim',
      startedAtMs: NOW,
      endedAtMs: null,
      state: 'running',
      steps: (['token-issued', 'agent-called-in', 'healthy'] as const).map((name, index) => ({
        name,
        state: index === 0 ? 'done' : 'waiting',
        startedAtMs: null,
        endedAtMs: null,
        evidence: '',
        problem: '',
        usualMs: null,
        causes: [],
      })),
    };
    const { nodeOf } = viewOf(VM, { joins: () => [join] });
    const ghost = nodeOf('wl:default/mysql');
    assert.equal(ghost.state, 'joining');
    assert.deepEqual(ghost.join, { id: 'j1', step: 2, steps: 3 });
  });
});

describe('status and alerts', () => {
  test('a proxy that refuses configuration is not in sync, and an alert says why', () => {
    const { streams, view, eventsSince } = viewOf(POD('inventory-1'));
    const rejection = { name: 'x', version: '1', message: 'cannot bind' };
    const rejections = [rejection];
    streams.push(stream('Pod/default/inventory-1', { acknowledgedCount: 1, rejections }));
    const before = view.revision;
    view.refresh();
    const { status, alerts } = view.snapshot();
    assert.deepEqual([status.proxies, status.proxiesInSync], [1, 0]);
    assert.match(alerts[0]?.text ?? '', /Pod\/default\/inventory-1 refuses .* cannot bind/);
    const types = eventsSince(before).map(({ type }) => type);
    assert.deepEqual(types, ['node.upsert', 'alert', 'config.sync']);
    streams[0] = stream('Pod/default/inventory-1');
    const middle = view.revision;
    view.refresh();
    const over = eventsSince(middle).find(({ type }) => type === 'alert');
    assert(over?.type === 'alert' && over.isOver);
  });

  test('an agent that was there and is not is silent; one that reports late, too', () => {
    const sessions: AgentSession[] = [];
    const agents = { sessions: () => sessions, onChange: () => () => undefined };
    const { streams, view, clock } = viewOf(`${POD('inventory-1')}---${VM}`, { agents });
    const session = {
      key: 'Pod/default/inventory-1',
      namespace: 'default',
      identity: '',
      remoteAddress: '',
      connectedAtMs: NOW,
      version: '1',
      os: '',
      addresses: [],
      logSources: [],
      clockSkewMs: 7000,
      status: undefined,
    };
    sessions.push(session);
    streams.push(stream('WorkloadEntry/default/db'));
    view.refresh();
    assert.deepEqual(view.snapshot().status.silent, []);
    assert.match(view.snapshot().alerts[0]?.text ?? '', /clock of .* is 7 s off/);
    // Noise of the measurement is no change, and to have been seen again no new state.
    const { revision } = view;
    sessions[0] = { ...session, clockSkewMs: 7100 };
    view.refresh();
    assert.equal(view.revision, revision);
    streams.pop();
    clock.advance(5000); // so soon it may only be between two streams
    view.refresh();
    assert.deepEqual(view.snapshot().status.silent, []);
    clock.advance(25_001);
    view.refresh();
    const { status, alerts } = view.snapshot();
    assert.deepEqual(status.silent, ['Pod/default/inventory-1', 'WorkloadEntry/default/db']);
    assert.deepEqual(status.silentSinceMs, [NOW, NOW]);
    const silent = alerts.find(({ id }) => id === 'silent:wl:default/db');
    assert.deepEqual([silent?.text, silent?.sinceMs], ['the proxy of db does not report', NOW]);
  });

  test('plaintext counts, and mixed counts as plaintext', () => {
    const { flows, view } = viewOf(VM);
    const { encryption } = edgeOf(1);
    for (const [index, state] of (['mutual', 'plaintext', 'mixed', 'unknown'] as const).entries()) {
      flows.table.set(state, edgeOf(index, { id: state, encryption: { ...encryption, state } }));
    }
    view.refresh();
    assert.equal(view.snapshot().status.plaintextEdges, 2);
  });

  test('a certificate below a fifth of its life is overdue, and then over', () => {
    const certificate = {
      identity: '',
      serial: 'aa',
      notBeforeMs: NOW - 81_000,
      notAfterMs: NOW + 19_000,
      limitedBy: 'leaf',
      issuer: '',
      rotateAtMs: NOW,
      rotations: 0,
      source: 'issued',
    } as const;
    const { view, clock } = viewOf(VM, { certificateOf: () => certificate });
    assert.deepEqual(
      view.snapshot().alerts.map(({ severity, id }) => [severity, id]),
      [['warning', 'expiring:wl:default/db']],
    );
    clock.advance(19_000);
    view.refresh();
    assert.deepEqual(
      view.snapshot().alerts.map(({ severity, id }) => [severity, id]),
      [['error', 'expired:wl:default/db']],
    );
  });
});

describe('events', () => {
  test('what only goes on is not told again and again', () => {
    const { flows, view, eventsSince } = viewOf(VM);
    flows.table.set('e1', edgeOf(1, { to: 'wl:default/db', from: 'wl:default/db' }));
    view.refresh();
    const before = view.revision;
    const { encryption } = edgeOf(1);
    const going = { lastSeenMs: 9000, encryption: { ...encryption, seenAtMs: 9000, share: 1 } };
    const same = { to: 'wl:default/db', from: 'wl:default/db' };
    flows.table.set('e1', edgeOf(1, { ...same, ...going }));
    view.refresh();
    assert.deepEqual(eventsSince(before), []);
    flows.table.set('e1', edgeOf(1, { ...same, lastSeenMs: 11_100 }));
    view.refresh();
    assert.deepEqual(
      eventsSince(before).map(({ type }) => type),
      ['edge.upsert'],
    );
  });

  test('changes are gathered for a quarter of a second', async () => {
    const { mesh, view, clock, eventsSince } = viewOf(POD('inventory-1'));
    const stop = new AbortController();
    view.onChange(() => undefined);
    const running = view.run(stop.signal);
    await clock.untilSleeping(250);
    const before = view.revision;
    for (const name of ['inventory-22', 'inventory-333']) {
      apply(mesh, POD(name));
      view.touch();
    }
    assert.deepEqual(eventsSince(before), []);
    clock.advance(250);
    await clock.untilSleeping(250);
    const [event, ...others] = eventsSince(before);
    assert(event?.type === 'node.upsert');
    assert.equal(event.node.instances.length, 3);
    assert.deepEqual(others, []);
    stop.abort();
    await running;
    assert.deepEqual(clock.pendingMs(), []);
  });

  test('while nobody watches, changes are gathered longer, and whoever asks has them', async () => {
    const { mesh, view, clock, eventsSince } = viewOf(POD('inventory-1'));
    const stop = new AbortController();
    const running = view.run(stop.signal);
    await clock.untilSleeping(250);
    clock.advance(250);
    await clock.untilSleeping(4750);
    apply(mesh, POD('inventory-22'));
    view.touch();
    assert.equal(view.snapshot().nodes[0]?.instances.length, 2);
    apply(mesh, VM);
    view.touch();
    assert(view.lastKnown('wl:default/db'));
    const before = view.revision;
    apply(mesh, POD('inventory-333'));
    view.touch();
    view.onChange(() => undefined);
    await clock.untilSleeping(250);
    assert.deepEqual(
      eventsSince(before).map(({ type }) => type),
      ['node.upsert'],
    );
    stop.abort();
    await running;
    assert.deepEqual(clock.pendingMs(), []);
  });

  test('what cannot be looked at leaves the view as it was, and is told', async () => {
    const lines: string[] = [];
    const log = createLogger('view', { sink: (line) => void lines.push(line) });
    let isBroken = false;
    const joins = (): Join[] => {
      if (isBroken) throw new Error('a bug');
      return [];
    };
    const { view, clock } = viewOf(VM, { joins, log });
    const stop = new AbortController();
    const running = view.run(stop.signal);
    isBroken = true;
    await clock.untilSleeping(250);
    assert.match(lines.join(), /the view stays as it was .*a bug/);
    assert.equal(view.snapshot().nodes.length, 1);
    stop.abort();
    await running;
  });

  test('another network is a reason to begin anew', () => {
    const { mesh, view, eventsSince } = viewOf(POD('inventory-1'));
    const before = view.revision;
    apply(mesh, VM);
    view.refresh();
    assert(eventsSince(before).some(({ type }) => type === 'reset'));
  });

  test('denials and departures are marks on the time line', async () => {
    const { mesh, flows, view, clock } = viewOf(`${POD('inventory-1')}---${VM}`);
    const stop = new AbortController();
    const running = view.run(stop.signal);
    flows.deny({
      edge: 'e1',
      from: 'wl:default/inventory',
      to: 'wl:default/db',
      port: 5432,
      clientIdentity: '',
      policy: '',
      atMs: NOW - 1,
    });
    remove(mesh, 'kind: Pod\nmetadata: { name: inventory-1 }');
    view.refresh();
    const marks = view.marks.marks({ fromMs: NOW - 10, toMs: clock.nowMs() + 1 });
    assert.deepEqual(
      marks.map(({ kind, about }) => [kind, about]),
      [
        ['denial', 'e1'],
        ['left', 'wl:default/inventory'],
      ],
    );
    stop.abort();
    await running;
  });
});

describe('the log of events', () => {
  const event: MeshEvent = { type: 'edge.gone', id: 'x' };

  test('goes on from every revision that it remembers, and says when it does not', () => {
    const log = new EventLog(100, { eventsMax: 3 });
    assert.equal(log.after(100), undefined);
    for (let count = 0; count < 5; count += 1) log.add(event);
    assert.equal(log.revision, 105);
    const next = log.after(102);
    assert(typeof next === 'object' && next.revision === 103);
    assert.equal(log.after(105), undefined);
    for (const unknown of [101, 0, 106]) assert.equal(log.after(unknown), 'lost', `${unknown}`);
  });

  test('revisions of a later control plane are none of an earlier one', () => {
    const { view, flows } = viewOf(VM);
    for (let count = 0; count < 50; count += 1) view.publish(event);
    const later = new MeshView({
      mesh: meshOf(VM),
      flows,
      agents: NO_AGENTS,
      xds: { status: () => [] },
      certificateOf: () => undefined,
      joins: () => [],
      clock: new FakeClock(NOW + 60_000),
    });
    assert(later.revision > view.revision);
    assert.equal(later.after(view.revision), 'lost');
  });
});
