// `npm run bench:telemetry`: what telemetry costs the data path. The same pair of Envoys carries
// pgbench with all of the mesh's telemetry (Istio's log line, the access-log stream to the agents,
// their metrics and flows to isthmusd) and without any access log, in turns; what counts is the
// median of the ratios of neighbours. Progress on standard error, figures as JSON on standard
// output; exit status 1 when the limit was missed.
import { availableParallelism } from 'node:os';
import { enterSandbox } from '#lab/enter.ts';
import { runPgbench } from './data-pgbench.ts';
import { DataWorld } from './data-world.ts';
import { rounded } from './series.ts';

await enterSandbox();

/** Of throughput. */
const COST_MAX = 0.03;
const CLIENTS = 8;
const SECONDS = 3;
const [roundsText = '30'] = process.argv.slice(2);

/** Transactions per second. */
async function measure(world: DataWorld, hasLogs: boolean): Promise<number> {
  await world.restartPair({ hasLogs });
  const target = world.target('envoyPair', 'postgres');
  await runPgbench(world.client, target, { clients: CLIENTS, seconds: 1 }); // warms it up
  const { ops, ms } = await runPgbench(world.client, target, {
    clients: CLIENTS,
    seconds: SECONDS,
  });
  return (ops * 1000) / ms;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [below, above] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return sorted.length % 2 === 0 ? (below + above) / 2 : above;
}

const withLogs: number[] = [];
const without: number[] = [];
{
  await using world = await DataWorld.create();
  for (let round = 0; round < Number(roundsText); round++) {
    const order = round % 2 === 0 ? [true, false] : [false, true];
    for (const hasLogs of order) (hasLogs ? withLogs : without).push(await measure(world, hasLogs));
    process.stderr.write(`round ${round + 1}: ${ratioOf(round)}\n`);
  }
}

function ratioOf(round: number): number {
  return rounded((withLogs[round] ?? 0) / (without[round] ?? Number.NaN));
}

const ratio = median(withLogs.map((_, round) => ratioOf(round)));
const cost = rounded(1 - ratio);
const missed = cost > COST_MAX ? [`${cost} of pgbench's throughput, more than ${COST_MAX}`] : [];
const machine = { cores: availableParallelism(), node: process.versions.node };
const figures = {
  clients: CLIENTS,
  rounds: withLogs.length,
  tpsWith: rounded(median(withLogs)),
  tpsWithout: rounded(median(without)),
  ratio: rounded(ratio),
  cost,
};
const limits = { costMax: COST_MAX };
process.stdout.write(`${JSON.stringify({ machine, limits, missed, figures }, null, 2)}\n`);
process.exitCode = missed.length > 0 ? 1 : 0;
