// Whatever is lost, comes late or comes twice, whoever restarts: what is told of an edge in the end
// is what was carried, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ENDS, FlowWorld, type End } from '../../../test/fakes/flow-agents.ts';
import { fuzz } from '../../../test/fuzz/harness.ts';

/** How far a batch gets, and what then breaks. */
const FATES = ['told', 'away', 'lost', 'counted', 'stored', 'crash', 'storedCrash'] as const;

type Happening =
  | { readonly do: 'open' }
  | { readonly do: 'carry'; readonly which: number; readonly up: number; readonly down: number }
  | { readonly do: 'close'; readonly which: number }
  | { readonly do: 'second'; readonly end: End; readonly fate: (typeof FATES)[number] }
  | { readonly do: 'wait'; readonly ms: number };

const end = fc.constantFrom<End>(...ENDS);
const which = fc.nat(5);
const bytes = fc.nat(1_000_000);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ do: 'open' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('carry' as const), which, up: bytes, down: bytes }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), which }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('second' as const),
      end,
      fate: fc.constantFrom(...FATES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30_000) }) },
);

/** One second of one agent: what it has is sent, and comes so far. */
function second(world: FlowWorld, of: End, fate: (typeof FATES)[number]): void {
  world.period(of);
  world.tick(of);
  if (fate === 'away') return;
  world.send(of);
  if (fate === 'lost') return world.disconnect(of);
  world.deliver(of);
  if (fate === 'counted') return world.disconnect(of);
  if (fate === 'crash') {
    world.acknowledge(of); // nothing may have been
    return world.restartIsthmusd();
  }
  world.store();
  if (fate === 'stored') return world.disconnect(of);
  if (fate === 'storedCrash') return world.restartIsthmusd();
  return world.acknowledge(of);
}

function happen(world: FlowWorld, it: Happening): void {
  switch (it.do) {
    case 'open':
      return world.open();
    case 'carry':
      return world.carry(it.which, it.up, it.down);
    case 'close':
      return world.close(it.which);
    case 'second':
      return second(world, it.end, it.fate);
    case 'wait':
      world.nowMs += it.ms;
  }
}

test('what an edge carried is told once, whatever happens to the telling', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      using world = new FlowWorld();
      for (const it of happenings) happen(world, it);
      world.drain();
      assert.deepEqual(world.told(), world.carried());
      for (const behind of world.table.behind()) {
        assert.deepEqual([behind.source, behind.destination].flat().filter(Boolean), []);
      }
    }),
    fuzz(400),
  );
});

test('an agent that dies takes nothing with it of what is open, and counts nothing twice', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), end, bytes, (happenings, victim, up) => {
      using world = new FlowWorld();
      for (const it of happenings) if (it.do !== 'close') happen(world, it);
      world.open();
      world.drain(); // both ends have told of every connection
      world.carry(0, up, 2000);
      world.period(victim);
      world.tick(victim); // known to the agent, and to nobody else
      world.restartAgent(victim);
      world.carry(1, 100, 200);
      for (const each of ENDS) second(world, each, 'told');
      world.drain();
      assert.deepEqual(world.told(), world.carried());
      for (const behind of world.table.behind()) {
        assert.deepEqual([behind.source, behind.destination].flat().filter(Boolean), []);
      }
    }),
    fuzz(200),
  );
});
