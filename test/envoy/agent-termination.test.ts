// The end of a workload whose proxy ends with it, as in a Pod, with a real Envoy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, canConnect } from './agent-bench.ts';

test('an agent that is told to end lets its proxy serve on for a while', async () => {
  await using bench = await Bench.start();
  const agent = bench.startAgent({ ISTHMUS_TERMINATION_DRAIN_DURATION: '1500ms' });
  await agent.until(/agent: ready/);
  const session = await bench.connect();
  const ended = agent.end('SIGTERM');
  await agent.until(/ending: what is open may go on/);
  assert.deepEqual(await bench.ready(), { status: 503, body: 'the workload is ending\n' });
  await session.echo();
  const late = await bench.connect(); // from whoever has not heard of it yet
  await late.echo();
  assert.equal(await ended, 0);
  await assert.rejects(session.echo());
  assert.equal(await canConnect('127.0.0.1', bench.ports.admin), false, 'Envoy has ended as well');
});
