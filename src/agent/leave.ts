// Leaving the mesh, on purpose: sessions end first, then capture goes, then Envoy. The only thing
// that takes capture away.
import { rm } from 'node:fs/promises';
import { systemClock, type Clock } from '#base/clock.ts';
import { removeCapture, systemNft, type Nft } from './capture/nft.ts';
import type { AgentConfig } from './config.ts';
import { EnvoyAdmin } from './envoy/admin.ts';
import { drainConnections } from './envoy/drain.ts';
import { endEnvoy, readBootId } from './envoy/process.ts';
import { disowned, parseRecord } from './envoy/record.ts';
import { readFileIfPresent, writeFileAtomic } from './files.ts';
import { agentFiles } from './paths.ts';

export type LeaveOptions = {
  readonly config: AgentConfig;
  readonly admin: EnvoyAdmin;
  readonly nft: Nft;
  readonly clock: Clock;
  /** Sees to it that no later agent takes over an Envoy without listeners. */
  readonly disownEnvoy: () => Promise<void>;
  /** Ends Envoy and returns when it has ended. */
  readonly endEnvoy: () => Promise<void>;
  /** Tells whoever waits what happens, a line at a time. */
  readonly report: (line: string) => void;
};

/**
 * While sessions drain, new connections are refused rather than let past the proxy.
 *
 * @throws OperatorError CAPTURE_FAILED, TOOL_MISSING; Envoy then still runs
 */
export async function leaveMesh(options: LeaveOptions): Promise<void> {
  const { config, admin, nft, clock, report } = options;
  const { drainMs } = config.envoy;
  await options.disownEnvoy();
  const open = await drainConnections(admin, {
    clock,
    limitMs: drainMs,
    onProgress: (open) => {
      if (open > 0) report(`draining: ${open} connections open, at most ${drainMs / 1_000} s`);
    },
  });
  if (open > 0) report(`the drain time is over: ${open} connections are cut`);
  if (config.capture.mode !== 'NONE') {
    await removeCapture(nft);
    await rm(agentFiles(config.paths).capture, { force: true });
    report('capture removed');
  }
  await options.endEnvoy();
  report('Envoy ended; this workload has left the mesh');
}

/** For a machine whose agent has ended: its Envoy and its rules are found by what it wrote down. */
export async function leaveWithoutAgent(
  config: AgentConfig,
  report: (line: string) => void,
): Promise<void> {
  const clock = systemClock;
  const files = agentFiles(config.paths);
  const written = parseRecord(await readFileIfPresent(files.envoy));
  const record = written?.bootId === (await readBootId()) ? written : undefined;
  await leaveMesh({
    config,
    admin: new EnvoyAdmin({ port: record?.adminPort ?? config.envoy.adminPort, clock }),
    nft: systemNft,
    clock,
    disownEnvoy: async () => {
      if (record) await writeFileAtomic(files.envoy, JSON.stringify(disowned(record)));
    },
    endEnvoy: async () => {
      if (record) await endEnvoy(record, clock);
      await rm(files.envoy, { force: true });
    },
    report,
  });
}
