// `npm run bench:flows`: what the account of flows costs isthmusd at a thousand active edges, both
// ends of each reported every second. Progress on standard error, figures as JSON on standard
// output; exit status 1 when a limit was missed.
import { availableParallelism } from 'node:os';
import { monotonicMs } from './process.ts';
import { reporters, runSeconds } from './flows-reporter.ts';
import { rounded } from './series.ts';
import { BenchMesh } from './xds-mesh.ts';

const AGENTS = 100;
const EDGES_PER_AGENT = 10;
/** Of one core, by CPU time of the process. */
const CPU_SHARE_MAX = 0.05;
const WARM_UP_SECONDS = 10;
/** After its start isthmusd tidies up for a while. */
const SETTLING_SECONDS = 5;

const [secondsText = '60'] = process.argv.slice(2);
const seconds = Number(secondsText);

async function measure() {
  say(`${AGENTS} agents, ${AGENTS * EDGES_PER_AGENT} edges`);
  await using mesh = await BenchMesh.start({ services: 10, proxies: AGENTS });
  const credentials = await mesh.credentials({ proxies: AGENTS, used: 1 });
  await runSeconds([], SETTLING_SECONDS);
  const idle = await cpuShare(mesh, () => runSeconds([], 5));
  const all = reporters(AGENTS, EDGES_PER_AGENT, { port: mesh.port, credentials });
  await using stack = new AsyncDisposableStack();
  for (const each of all) stack.use(each);
  await runSeconds(all, WARM_UP_SECONDS);
  say(`  measuring for ${seconds} s`);
  const before = { bytes: sum(all, 'sentBytes'), batches: sum(all, 'batches') };
  const busy = await cpuShare(mesh, () => runSeconds(all, seconds));
  const batches = sum(all, 'batches') - before.batches;
  return {
    agents: AGENTS,
    edges: AGENTS * EDGES_PER_AGENT,
    seconds,
    cpuShareIdle: rounded(idle),
    cpuShare: rounded(busy),
    bytesPerReport: rounded((sum(all, 'sentBytes') - before.bytes) / batches),
    reportsPerSecond: rounded(batches / seconds),
    rssMib: rounded(mesh.isthmusd.rssBytes() / 2 ** 20),
  };
}

async function cpuShare({ isthmusd }: BenchMesh, work: () => Promise<void>): Promise<number> {
  const before = { cpuMs: isthmusd.cpuMs(), atMs: monotonicMs() };
  await work();
  return (isthmusd.cpuMs() - before.cpuMs) / (monotonicMs() - before.atMs);
}

const sum = <K extends string>(all: readonly Readonly<Record<K, number>>[], field: K): number =>
  all.reduce((total, each) => total + each[field], 0);

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

const figures = await measure();
const missed =
  figures.cpuShare > CPU_SHARE_MAX
    ? [`${figures.cpuShare} of a core, more than ${CPU_SHARE_MAX}`]
    : [];
const machine = { cores: availableParallelism(), node: process.versions.node };
const limits = { cpuShareMax: CPU_SHARE_MAX };
process.stdout.write(`${JSON.stringify({ machine, limits, missed, figures }, null, 2)}\n`);
process.exitCode = missed.length > 0 ? 1 : 0;
