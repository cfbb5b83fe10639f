import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '#api/history.ts';
import { systemClock } from '#base/clock.ts';
import { meshOf } from '#model/mesh-of.ts';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { edgeOf, FakeFlows } from '../../view/fake-flows.ts';
import { MeshView } from '../../view/mesh-view.ts';
import { NO_AGENTS } from '../../view/nothing.ts';
import { startFakeConsole, VIEWER } from '../fake-console.ts';
import { flowRoutes } from './flows.ts';

const MESH = `
kind: WorkloadEntry
metadata: { name: db }
spec: { address: 10.128.0.14 }
`;

const connection = (id: string, edge: string): Connection => ({
  id,
  edge,
  openedAtMs: 1,
  closedAtMs: null,
  clientAddress: '10.0.0.1:1',
  serverAddress: '10.128.0.14:5432',
  toServerBytes: 1,
  toClientBytes: 2,
  encryption: 'tls',
  flags: '',
  seenBy: ['source'],
});

async function start(synced: Promise<unknown> = Promise.resolve()) {
  const flows = new FakeFlows();
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  flows.table.set('in', edgeOf(1, { id: 'in', from: 'ip:10.0.0.1', to: 'wl:default/db' }));
  flows.table.set('other', edgeOf(2, { id: 'other', from: 'ip:10.0.0.1', to: 'ip:10.0.0.2' }));
  const view = new MeshView({
    mesh: meshOf(MESH),
    flows,
    agents: NO_AGENTS,
    xds: { status: () => [] },
    certificateOf: () => undefined,
    joins: () => [],
    clock,
  });
  const routes = flowRoutes({ view, flows, clock, ingest: { synced } });
  const fake = await startFakeConsole(systemClock, { routes });
  const headers = { authorization: `Bearer ${VIEWER}` };
  return {
    flows,
    clock,
    ask: (path: string) => fake.ask(`/api/v1${path}`, { headers }),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

test('what cannot be read of a question is refused, and what is not there said', async () => {
  await using server = await start();
  const statuses = [
    ['/series', 400],
    ['/series?edge=in&node=wl:default/db', 400],
    ['/series?edge=in&step=0', 400],
    ['/series?edge=in&step=1e3', 400],
    ['/series?edge=in&from=-1', 400],
    ['/series?edge=in&from=9&to=3', 400],
    [`/series?edge=${'x'.repeat(601)}`, 400],
    ['/series?edge=in', 404], // the ring has nothing of it
    ['/edges/none/connections', 404],
    ['/edges/in/connections?limit=1001', 400],
    ['/edges/in/connections?limit=10', 200],
    ['/workloads/default/nobody/connections', 404],
    ['/workloads/default/db/connections', 200],
    ['/snapshot?at=yesterday', 400],
    ['/history/last', 400],
    ['/history/last?of=wl:default/nobody', 404],
    ['/history/last?of=edge:none', 404],
    ['/history/last?of=edge:in', 200],
    ['/events?since=x', 400],
    ['/flows', 200],
    ['/history/marks?from=0&to=10', 200],
  ] as const;
  for (const [path, status] of statuses) {
    assert.equal((await server.ask(path)).status, status, path);
  }
});

test('nobody is told half a mesh', async () => {
  const listing = Promise.withResolvers<void>();
  await using server = await start(listing.promise);
  const refused = server.ask('/snapshot');
  await server.clock.untilSleeping(5000);
  server.clock.advance(5000);
  assert.equal((await refused).status, 503);
  const waiting = server.ask('/snapshot');
  await server.clock.untilSleeping(5000);
  listing.resolve();
  assert.equal((await waiting).status, 200);
  assert.deepEqual(server.clock.pendingMs(), []);
});

test('a tap tells the connections of its workload, and of no other', async () => {
  await using server = await start();
  const answer = await server.ask('/workloads/default/db/connections?follow=1');
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  server.flows.move(connection('c1', 'other'));
  server.flows.move(connection('c2', 'in'));
  assert(answer.body);
  let text = '';
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('event:')) break;
  }
  assert.match(text, /event: connection\ndata: \{"id":"c2"/);
  assert(!text.includes('"c1"'));
});
