// `npm run bench:xds`: what the control plane costs, measured on the real programs. Progress on
// standard error, figures as JSON on standard output; exit status 1 when a limit was missed.
import { availableParallelism } from 'node:os';
import { systemClock } from '#base/clock.ts';
import { monotonicMs } from './process.ts';
import { rounded, series } from './series.ts';
import type { Series } from './series.ts';
import { BenchProxies } from './xds-proxies-process.ts';
import { ENDPOINTS_PER_SERVICE, BenchMesh } from './xds-mesh.ts';

type Scenario = {
  readonly name: string;
  readonly services: number;
  readonly proxies: number;
  /** Services that each proxy uses. */
  readonly used: number;
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'each uses ten', services: 1000, proxies: 100, used: 10 },
  { name: 'many proxies', services: 100, proxies: 1000, used: 10 },
  { name: 'each takes everything', services: 1000, proxies: 100, used: 1000 },
];

/** The limits are stated for the first scenario; of the others the figures are only shown. */
const LIMITS = {
  stormCpuSecondsMax: 1.1,
  kibPerProxyMax: 64,
  newServiceCpuMsMax: 10,
  newServiceBytesMax: 0,
  endpointP99MsMax: 15,
};

const NEW_SERVICES = 20;
const ENDPOINT_CHANGES = 200;
/** Changes that only warm the path up, as hours of service would have. */
const WARM_UP_CHANGES = 50;
/** No CPU and no byte is expected any more after this. */
const QUIET_MS = 250;

type Storm = {
  readonly serverCpuSeconds: number;
  readonly wallSeconds: number;
  readonly payloadKibPerProxy: number;
  readonly rssKibPerProxy: number;
  readonly serverRssMib: number;
};
type Figures = Scenario & {
  readonly endpointsPerService: number;
  readonly storm: Storm;
  readonly newService: {
    readonly serverCpuMs: Series;
    /** To all proxies together; none of them uses it. */
    readonly payloadBytes: number;
  };
  readonly endpointChange: {
    readonly changes: number;
    /** From the write to the API server until each proxy that uses the service has it. */
    readonly arrivalMs: Series;
    readonly serverCpuMs: Series;
    readonly payloadBytesPerHolder: number;
  };
};

async function runScenario(scenario: Scenario): Promise<Figures> {
  const { services, proxies: count, used } = scenario;
  say(`${scenario.name}: ${services} services × ${ENDPOINTS_PER_SERVICE}, ${count} proxies`);
  await using mesh = await BenchMesh.start({ services, proxies: count });
  await using proxies = await BenchProxies.start();
  const credentials = await mesh.credentials({ proxies: count, used });
  await quiet();
  const storm = await measureStorm(mesh, async () => proxies.connect(mesh.port, credentials));
  const newService = await measureNewServices(mesh, proxies);
  const endpointChange = await measureEndpointChanges(mesh, proxies);
  const endpointsPerService = ENDPOINTS_PER_SERVICE;
  return { ...scenario, endpointsPerService, storm: storm(count), newService, endpointChange };
}

async function measureStorm(
  { isthmusd }: BenchMesh,
  connect: () => Promise<number>,
): Promise<(proxies: number) => Storm> {
  say('  connecting');
  const before = { cpuMs: isthmusd.cpuMs(), rss: isthmusd.rssBytes(), atMs: monotonicMs() };
  const payloadBytes = await connect();
  const wallSeconds = (monotonicMs() - before.atMs) / 1000;
  await quiet();
  const serverCpuSeconds = (isthmusd.cpuMs() - before.cpuMs) / 1000;
  const rss = isthmusd.rssBytes();
  return (proxies) => ({
    serverCpuSeconds: rounded(serverCpuSeconds),
    wallSeconds: rounded(wallSeconds),
    payloadKibPerProxy: rounded(payloadBytes / 1024 / proxies),
    rssKibPerProxy: rounded((rss - before.rss) / 1024 / proxies),
    serverRssMib: rounded(rss / 1024 / 1024),
  });
}

async function measureNewServices(
  mesh: BenchMesh,
  proxies: BenchProxies,
): Promise<Figures['newService']> {
  say('  adding services');
  const bytesBefore = await proxies.payloadBytes();
  const cpuMs: number[] = [];
  for (let i = 0; i < NEW_SERVICES; i++) {
    const before = mesh.isthmusd.cpuMs();
    await mesh.addService();
    await quiet();
    cpuMs.push(mesh.isthmusd.cpuMs() - before);
  }
  const payloadBytes = (await proxies.payloadBytes()) - bytesBefore;
  return { serverCpuMs: series(cpuMs), payloadBytes };
}

async function measureEndpointChanges(
  mesh: BenchMesh,
  proxies: BenchProxies,
): Promise<Figures['endpointChange']> {
  say('  changing endpoints');
  const arrivals: number[] = [];
  const cpuMs: number[] = [];
  let holders = 0;
  let bytesBefore = 0;
  for (let change = 1; change <= WARM_UP_CHANGES + ENDPOINT_CHANGES; change++) {
    const service = mesh.services[(change * 37) % mesh.services.length];
    if (!service) throw new Error('a mesh without services');
    const awaited = await proxies.awaitEndpoints(service.endpoints);
    if (awaited.holders === 0) continue;
    const before = { cpuMs: mesh.isthmusd.cpuMs(), atMs: monotonicMs() };
    const [arrived] = await Promise.all([awaited.arrived, mesh.changeEndpoint(service, change)]);
    if (change <= WARM_UP_CHANGES) {
      bytesBefore = arrived.payloadBytes;
      continue;
    }
    cpuMs.push(mesh.isthmusd.cpuMs() - before.cpuMs);
    arrivals.push(...arrived.atMs.map((atMs) => atMs - before.atMs));
    holders += awaited.holders;
  }
  const bytes = (await proxies.payloadBytes()) - bytesBefore;
  return {
    changes: cpuMs.length,
    arrivalMs: series(arrivals),
    serverCpuMs: series(cpuMs),
    payloadBytesPerHolder: rounded(bytes / holders),
  };
}

function missedLimits({ storm, newService, endpointChange }: Figures): string[] {
  const checks: readonly [what: string, is: number, max: number][] = [
    ['connect storm, server CPU s', storm.serverCpuSeconds, LIMITS.stormCpuSecondsMax],
    ['connect storm, KiB per proxy', storm.payloadKibPerProxy, LIMITS.kibPerProxyMax],
    ['a new service, server CPU ms', newService.serverCpuMs.mean, LIMITS.newServiceCpuMsMax],
    ['a new service, bytes to others', newService.payloadBytes, LIMITS.newServiceBytesMax],
    ['an endpoint, p99 ms', endpointChange.arrivalMs.p99, LIMITS.endpointP99MsMax],
  ];
  return checks
    .filter(([, is, max]) => is > max)
    .map(([what, is, max]) => `${what}: ${is}, more than ${max}`);
}

const quiet = (): Promise<void> => systemClock.sleep(QUIET_MS);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const [only] = process.argv.slice(2);
const chosen = SCENARIOS.filter(({ name }) => only === undefined || name === only);
const scenarios: Figures[] = [];
for (const scenario of chosen) scenarios.push(await runScenario(scenario));
const missed = scenarios.slice(0, 1).flatMap(missedLimits);
const machine = { cores: availableParallelism(), node: process.versions.node };
process.stdout.write(
  `${JSON.stringify({ machine, limits: LIMITS, missed, scenarios }, null, 2)}\n`,
);
process.exitCode = missed.length > 0 ? 1 : 0;
