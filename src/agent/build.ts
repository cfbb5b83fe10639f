// The agent put together: which parts there are and who knows whom.
import { randomInt } from 'node:crypto';
import { systemClock, type Clock } from '#base/clock.ts';
import { createLogger, type Logger } from '#base/log.ts';
import { programVersion } from '#base/version.ts';
import { agentFamilies, agentFigures } from './agent-metrics.ts';
import { LogRing } from './attend/log-ring.ts';
import { PROBE } from './capture/addresses.ts';
import { CaptureKeeper } from './capture/keeper.ts';
import { systemNft, type Nft } from './capture/nft.ts';
import type { AgentConfig } from './config.ts';
import { ControlPlane, type Dial } from './control-plane.ts';
import { EnvoyAdmin } from './envoy/admin.ts';
import { nodeId } from './envoy/bootstrap.ts';
import { findEnvoy } from './envoy/process.ts';
import { EnvoyRunner } from './envoy/runner.ts';
import { askedFor, IdentityKeeper } from './identity-keeper.ts';
import { HostNames, loadHostNames, type KeptName } from './host-names.ts';
import { loadMeshAddresses, MeshAddressesFollower } from './mesh-addresses.ts';
import { MetricRulesFollower } from './metric-rules.ts';
import { nodeAddress } from './node-address.ts';
import { FlowReporter } from './flows/reporter.ts';
import { OwnStream } from './own-stream.ts';
import { agentFiles } from './paths.ts';
import { PeerFacts } from './peer-facts.ts';
import { Retry } from './retry.ts';
import type { ReadSecret } from './cluster-secrets.ts';
import { FileSecrets } from './file-secrets.ts';
import { SdsServer } from './sds.ts';
import { Seal } from './sealed-file.ts';
import { Telemetry } from './telemetry.ts';
import { XdsCacheFile } from './xds-cache-file.ts';
import { XdsRelay } from './xds-relay.ts';

/** What an agent takes from the world; tests give their own. */
export type AgentDependencies = {
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive) */
  readonly random: () => number;
  readonly log: Logger;
  readonly nft: Nft;
  readonly dial?: Dial;
  /** Directories to look for `envoy` in, as in PATH. */
  readonly searchPath: string;
  /** Where the agent's own last log lines are kept. */
  readonly logLines?: LogRing;
  /** Absent: the workload has no account at a Kubernetes API. */
  readonly readSecret?: ReadSecret;
};

export function systemDependencies(searchPath: string): AgentDependencies {
  const logLines = new LogRing();
  const sink = (line: string): void => {
    logLines.add(line);
    process.stderr.write(`${line}\n`);
  };
  return {
    clock: systemClock,
    random: () => randomInt(2 ** 32) / 2 ** 32,
    log: createLogger('agent', { sink }),
    logLines,
    nft: systemNft,
    searchPath,
  };
}

export type AgentParts = {
  readonly config: AgentConfig;
  readonly dependencies: AgentDependencies;
  /** The address by which others reach the workload. */
  readonly ip: string;
  readonly identity: IdentityKeeper;
  readonly controlPlane: ControlPlane;
  readonly sds: SdsServer;
  readonly fileSecrets: FileSecrets;
  readonly telemetry: Telemetry;
  readonly flows: FlowReporter;
  readonly relay: XdsRelay;
  readonly configuration: XdsCacheFile;
  readonly admin: EnvoyAdmin;
  readonly envoy: EnvoyRunner;
  readonly capture: CaptureKeeper;
  readonly ownStream: OwnStream;
  readonly hostNames: HostNames;
};

/**
 * Makes every part and reads what an earlier agent has left; starts nothing.
 *
 * @throws OperatorError FILE_UNREADABLE, TOOL_MISSING, CONFIG_INVALID
 */
export async function buildAgent(
  config: AgentConfig,
  dependencies: AgentDependencies,
): Promise<AgentParts> {
  const { clock, random, log, nft, dial, searchPath } = dependencies;
  const files = agentFiles(config.paths);
  const seal = await Seal.load({ keyFile: config.sealKeyFile, ownKeyFile: files.sealKey });
  const identity = await IdentityKeeper.load({
    config,
    stateFile: files.identity,
    seal,
    clock,
    random,
    log,
    ...(dial && { dial }),
  });
  const binary = await findEnvoy(config.envoy.binary, searchPath);
  const ip = await nodeAddress(config.node.ip, [config.controlPlane.xds, PROBE]);
  const controlPlane = new ControlPlane(config.controlPlane, dial);
  const admin = new EnvoyAdmin({ port: config.envoy.adminPort, clock });
  const known = await loadMeshAddresses(files.meshAddresses);
  const envoy = new EnvoyRunner({ config, ip, admin, binary, clock, random, log });
  const isEnvoyLive = (): Promise<boolean> => envoy.isLive();
  const capture = new CaptureKeeper(
    { config, nft, stateFile: files.capture, isEnvoyLive, clock, log },
    known,
  );
  const configuration = await XdsCacheFile.load({
    path: files.configuration,
    seal,
    owner: askedFor(config),
    clock,
    log,
  });
  const retry = new Retry({ clock, random });
  const { cache } = configuration;
  const relay = new XdsRelay({ controlPlane, retry, clock, log, cache });
  const meshAddresses = new MeshAddressesFollower(
    { stateFile: files.meshAddresses, log },
    known,
    (mesh) => capture.setMesh(mesh),
  );
  const questions = buildOwnStream(
    { config, ip, controlPlane, relay, dependencies },
    { meshAddresses, keptNames: await loadHostNames(files.hostNames) },
  );
  const { ownStream, hostNames, peerFacts, metricRules } = questions;
  const fileSecrets = new FileSecrets(dependencies);
  const telemetry = new Telemetry({ sinceMs: clock.nowMs(), peerFacts, log });
  const figured = { identity, relay, envoy, capture, telemetry, dependencies };
  return {
    config,
    dependencies,
    ip,
    identity,
    controlPlane,
    sds: new SdsServer(log, fileSecrets),
    fileSecrets,
    telemetry,
    flows: buildFlowReporter({ config, controlPlane, metricRules, ...figured }),
    relay,
    configuration,
    admin,
    envoy,
    capture,
    ownStream,
    hostNames,
  };
}

function buildFlowReporter(
  parts: Pick<AgentParts, 'config' | 'controlPlane'> &
    Pick<Questions, 'metricRules'> &
    Parameters<typeof agentFigures>[0],
): FlowReporter {
  const { config, controlPlane, telemetry, dependencies, metricRules } = parts;
  const version = programVersion();
  const families = () => [...telemetry.families(), ...agentFamilies(agentFigures(parts, version))];
  const flows = new FlowReporter({
    controlPlane,
    account: telemetry.flows,
    ...(config.pushesMetrics && { families }),
    retry: new Retry(dependencies),
    ...dependencies,
  });
  metricRules.follow((rules) => {
    telemetry.setMetricRules(rules);
    flows.tellMetricsAnew();
  });
  return flows;
}

type Questions = Pick<AgentParts, 'ownStream' | 'hostNames'> & {
  readonly peerFacts: PeerFacts;
  readonly metricRules: MetricRulesFollower;
};

/** What the agent asks of the control plane for itself. */
function buildOwnStream(
  parts: Pick<AgentParts, 'config' | 'ip' | 'controlPlane' | 'relay' | 'dependencies'>,
  known: {
    readonly meshAddresses: MeshAddressesFollower;
    readonly keptNames: ReadonlyMap<string, KeptName>;
  },
): Questions {
  const { config, ip, controlPlane, relay } = parts;
  const { clock, random, log } = parts.dependencies;
  const hostNames = new HostNames(
    {
      stateFile: agentFiles(config.paths).hostNames,
      change: (change) => ownStream.change(hostNames.typeUrl, change),
      clock,
      log,
    },
    known.keptNames,
  );
  const peerFacts = new PeerFacts({
    change: (change) => ownStream.change(peerFacts.typeUrl, change),
    log,
  });
  const metricRules = new MetricRulesFollower({ log });
  const types = [known.meshAddresses, peerFacts, metricRules];
  const ownStream: OwnStream = new OwnStream(
    {
      controlPlane,
      nodeId: nodeId({ config, ip }),
      retry: new Retry({ clock, random }),
      log,
      onWorking: () => relay.leaveOffline(),
    },
    config.dns ? [...types, hostNames] : types,
  );
  return { ownStream, hostNames, peerFacts, metricRules };
}
