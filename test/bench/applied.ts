// `npm run bench:applied`: from the API server's 2xx of a change to the first connection under the
// new configuration, with real Envoys and real connections in the lab. Progress on standard error,
// figures as JSON on standard output; exit status 1 when the limit was missed.
import { availableParallelism, loadavg } from 'node:os';
import { enterSandbox } from '#lab/enter.ts';
import { CHANGES, prepareWorkloads } from './applied-changes.ts';
import type { Change } from './applied-changes.ts';
import type { Sighting } from './applied-probe.ts';
import { AppliedWorld } from './applied-world.ts';
import { monotonicMs } from './process.ts';
import { rounded, series } from './series.ts';
import type { Series } from './series.ts';

await enterSandbox();

const LIMITS = { inForceP99MsMax: 50 };
const ROUNDS = 200;
/** Rounds that only warm the path up, as hours of service would have. */
const WARM_UP_ROUNDS = 20;

type Figures = {
  readonly name: string;
  readonly changes: number;
  /**
   * From when the writer had the API server's answer until the first connection that was treated
   * anew had ended. Negative: it was in force before the writer knew.
   */
  readonly inForceMs: Series;
  /** The same from when the writer sent its request. */
  readonly sinceRequestMs: Series;
  /** Connections that were treated neither as before nor as after: lost in the change itself. */
  readonly disturbed: number;
};

type Measured = {
  readonly sentAtMs: number;
  readonly acknowledgedAtMs: number;
  readonly sighting: Sighting;
};

async function runChange(world: AppliedWorld, change: Change): Promise<Figures> {
  say(change.name);
  await change.prepare(world.cluster);
  const rounds: Measured[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const measured = await runRound(world, change, round);
    if (round >= WARM_UP_ROUNDS) rounds.push(measured);
  }
  return {
    name: change.name,
    changes: rounds.length,
    inForceMs: series(rounds.map((it) => it.sighting.answeredAtMs - it.acknowledgedAtMs)),
    sinceRequestMs: series(rounds.map((it) => it.sighting.answeredAtMs - it.sentAtMs)),
    disturbed: rounds.reduce((sum, it) => sum + it.sighting.disturbed, 0),
  };
}

async function runRound(world: AppliedWorld, change: Change, round: number): Promise<Measured> {
  const { watch, write } = await change.round(world.cluster, round);
  const watched = await world.watch(watch);
  const sentAtMs = monotonicMs();
  await write();
  const acknowledgedAtMs = monotonicMs();
  return { sentAtMs, acknowledgedAtMs, sighting: await watched.sighting };
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const loadBefore = rounded(loadavg()[0] ?? 0);
const [only] = process.argv.slice(2);
const changes: Figures[] = [];
{
  await using world = await AppliedWorld.create();
  await prepareWorkloads(world.cluster);
  for (const change of CHANGES) {
    if (only !== undefined && !change.name.startsWith(only)) continue;
    changes.push(await runChange(world, change));
  }
}
const missed = changes
  .filter(({ inForceMs }) => inForceMs.p99 > LIMITS.inForceP99MsMax)
  .map(({ name, inForceMs }) => `${name}: p99 ${inForceMs.p99} ms, more than 50`);
// What else the machine had to do: its own share is 2 to 3.
const load = { before: loadBefore, after: rounded(loadavg()[0] ?? 0) };
const machine = { cores: availableParallelism(), node: process.versions.node, load };
process.stdout.write(`${JSON.stringify({ machine, limits: LIMITS, missed, changes }, null, 2)}\n`);
process.exitCode = missed.length > 0 ? 1 : 0;
