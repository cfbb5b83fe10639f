// `npm run bench:data`: what the mesh's data path costs beside an Envoy pair written by hand with
// the same features, and beside HAProxy: in one run, in turns, as ratios of medians. Progress on
// standard error, figures as JSON on standard output; exit status 1 when the limit was missed.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { enterSandbox } from '#lab/enter.ts';
import { type Load, runPgbench } from './data-pgbench.ts';
import { DataWorld, type Target, type Way } from './data-world.ts';
import type { Port } from './data-ports.ts';
import { rounded } from './series.ts';

await enterSandbox();

/** Of time per operation, mesh to pair: five percent less in the same time. */
const LIMIT = 1 / 0.95;
/** Many short ones in turns: what slows the machine down for a while then slows all of them. */
const ROUNDS = 60;
/** The ways beside mesh and pair are there to compare with, in every so many rounds. */
const ASIDE_EVERY = 6;
const CLIENT_PROGRAM = fileURLToPath(new URL('data-client.ts', import.meta.url));

type Scenario = {
  readonly name: string;
  readonly port: Port;
  readonly run: (world: DataWorld, target: Target) => Promise<Load>;
};

const pgbench =
  (clients: number): Scenario['run'] =>
  async (world, target) =>
    await runPgbench(world.client, target, { clients, seconds: 1 });

const load =
  (what: 'connect' | 'http', ...words: readonly string[]): Scenario['run'] =>
  async (world, { host, port }) => {
    const command = [process.execPath, CLIENT_PROGRAM, what, host, String(port), ...words];
    const { status, stdout, stderr } = await world.client.run(command);
    if (status !== 0) throw new Error(`${what}: ${stderr}`);
    const result: Load = JSON.parse(stdout); // our own program's
    return result;
  };

const SCENARIOS: readonly Scenario[] = [
  { name: 'pgbench -S, 1 client', port: 'postgres', run: pgbench(1) },
  { name: 'pgbench -S, 8 clients', port: 'postgres', run: pgbench(8) },
  { name: 'connect and one round trip', port: 'echo', run: load('connect', '150') },
  { name: 'HTTP, 64 B', port: 'http', run: load('http', '1500', '64', '8') },
  { name: 'HTTP, 16 KiB', port: 'http', run: load('http', '1000', '16384', '8') },
];

type Cost = { readonly cpuUs: number; readonly wallUs: number };

async function measure(world: DataWorld, scenario: Scenario, way: Way): Promise<Cost> {
  const before = world.cpuMs(way);
  const { ops, ms } = await scenario.run(world, world.target(way, scenario.port));
  return { cpuUs: ((world.cpuMs(way) - before) / ops) * 1000, wallUs: (ms / ops) * 1000 };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return rounded(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

async function compare(world: DataWorld, scenario: Scenario) {
  process.stderr.write(`${scenario.name}\n`);
  const costs = new Map<Way, Cost[]>(world.ways.map((way) => [way, []]));
  for (const way of world.ways) await measure(world, scenario, way); // warms everything up
  for (let round = 0; round < ROUNDS; round += 1) {
    const ways = world.ways.filter((way) => way !== 'haproxy' || round % ASIDE_EVERY === 0);
    const order = round % 2 === 0 ? ways : ways.toReversed();
    for (const way of order) costs.get(way)?.push(await measure(world, scenario, way));
  }
  const mesh = costs.get('mesh') ?? [];
  const ratioTo = (way: Way, of: keyof Cost): number => {
    const every = way === 'haproxy' ? ASIDE_EVERY : 1;
    const others = costs.get(way) ?? [];
    return median(
      others.map((cost, index) => (mesh[index * every]?.[of] ?? Number.NaN) / cost[of]),
    );
  };
  const perOperation = Object.fromEntries(
    [...costs].map(([way, all]) => [
      way,
      { cpuUs: median(all.map(({ cpuUs }) => cpuUs)), wallUs: median(all.map((it) => it.wallUs)) },
    ]),
  );
  const others = world.ways.filter((way) => way !== 'mesh');
  const ratios = Object.fromEntries(
    others.map((way) => [way, { cpu: ratioTo(way, 'cpuUs'), wall: ratioTo(way, 'wallUs') }]),
  );
  return { name: scenario.name, perOperation, ratios, toPair: ratioTo('envoyPair', 'wallUs') };
}

const [only = ''] = process.argv.slice(2);
const scenarios = [];
let ways: readonly Way[] = [];
{
  await using world = await DataWorld.create();
  ways = world.ways;
  for (const scenario of SCENARIOS) {
    if (scenario.name.startsWith(only)) scenarios.push(await compare(world, scenario));
  }
}
const missed = scenarios
  .filter(({ toPair }) => toPair > LIMIT)
  .map(({ name, toPair }) => `${name}: ${toPair} of the pair's time, more than ${rounded(LIMIT)}`);
const machine = { cores: availableParallelism(), node: process.versions.node };
process.stdout.write(
  `${JSON.stringify({ machine, ways, limits: { toPairMax: rounded(LIMIT) }, missed, scenarios }, null, 2)}\n`,
);
process.exitCode = missed.length > 0 ? 1 : 0;
