// Capture over time: put in place when the proxy can take the traffic, kept equal to what the
// control plane says is the mesh, looked at again and again, because other programs flush rule
// sets too.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { AgentConfig } from '../config.ts';
import { readFileIfPresent } from '../files.ts';
import type { CaptureStatus } from '../health.ts';
import type { HostPort } from '../settings.ts';
import { captureSets, PROBE, type CaptureSets, type MeshAddresses } from './addresses.ts';
import { Capture } from './capture.ts';
import type { Nft } from './nft.ts';
import { probeCapture } from './probe.ts';

/** How long traffic may bypass the proxy before that is noticed and mended. */
const LOOK_INTERVAL_MS = 15_000;
/** After something was wrong. */
const LOOK_AGAIN_MS = 1_000;

export type CaptureKeeperOptions = {
  readonly config: Pick<AgentConfig, 'capture' | 'controlPlane' | 'statusPort' | 'readyPort'>;
  readonly nft: Nft;
  readonly stateFile: string;
  readonly isEnvoyLive: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
};

export class CaptureKeeper {
  readonly #options: CaptureKeeperOptions;
  #mesh: MeshAddresses;
  /** Has the control plane, now or in an earlier run, said what is the mesh's? */
  #isMeshKnown: boolean;
  #dnsServers: readonly string[] = [];
  #controlPlane: readonly HostPort[] = [];
  #status: CaptureStatus;
  #wake = new AbortController();
  readonly #released = new AbortController();
  readonly #idle = Promise.withResolvers<void>();

  /** @param mesh what was captured before, or nothing: the agent's own probe is captured always */
  constructor(options: CaptureKeeperOptions, mesh: MeshAddresses | undefined) {
    this.#options = options;
    this.#mesh = mesh ?? { ranges: [], addresses: [] };
    this.#isMeshKnown = mesh !== undefined;
    this.#status = { kind: options.config.capture.mode === 'NONE' ? 'off' : 'waiting' };
  }

  status(): CaptureStatus {
    return this.#status;
  }

  setMesh(mesh: MeshAddresses): void {
    this.#mesh = mesh;
    this.#isMeshKnown = true;
    this.#wake.abort();
  }

  /** The machine's resolvers, whose queries go to the DNS proxy while this runs. */
  setDnsServers(addresses: readonly string[]): void {
    this.#dnsServers = addresses;
    this.#wake.abort();
  }

  /**
   * On a workload that was captured before, rules come first: until Envoy is there, connections are
   * refused rather than let out in plaintext. One that joins is captured when Envoy can serve it.
   *
   * @throws OperatorError CAPTURE_FAILED, TOOL_MISSING when the rules cannot be put in place at all
   */
  async run(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#released.signal]);
    try {
      if (this.#status.kind !== 'off') await this.#keep(either);
    } catch (error) {
      if (!this.#released.signal.aborted) throw error;
    } finally {
      this.#idle.resolve();
    }
  }

  /** Leaves the rules as they are from now on, for somebody else to remove. */
  async release(): Promise<void> {
    this.#released.abort();
    await this.#idle.promise;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { config, stateFile, nft, log } = this.#options;
    const wasCaptured = (await readFileIfPresent(stateFile)) !== undefined;
    if (!wasCaptured) await this.#untilEnvoyIsLive(signal);
    const ownPorts = [config.statusPort, config.readyPort];
    const options = { config: config.capture, ownPorts, nft, stateFile, log };
    const capture = await Capture.start(options, await this.#sets());
    try {
      for (;;) {
        const status = await this.#look(capture, signal);
        this.#announce(status);
        const isFine = status.kind === 'verified';
        await this.#pause(isFine ? LOOK_INTERVAL_MS : LOOK_AGAIN_MS, signal);
      }
    } finally {
      await this.#letDnsPass(capture);
    }
  }

  /** Connections stay captured when the agent ends; nobody would answer DNS queries. */
  async #letDnsPass(capture: Capture): Promise<void> {
    try {
      await capture.holdDns([]);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.warn('DNS queries stay captured for a while', { reason: error.message });
    }
  }

  async #untilEnvoyIsLive(signal: AbortSignal): Promise<void> {
    const { clock, isEnvoyLive } = this.#options;
    for (let waitMs = 50; !(await isEnvoyLive()); waitMs = Math.min(waitMs * 2, LOOK_AGAIN_MS)) {
      await clock.sleep(waitMs, signal);
    }
  }

  /** Makes the kernel hold what it should, then sees whether it works. */
  async #look(capture: Capture, signal: AbortSignal): Promise<CaptureStatus> {
    const { clock, log, isEnvoyLive } = this.#options;
    this.#wake = new AbortController();
    const isMeshKnown = this.#isMeshKnown; // what is told from now on is for the next look
    try {
      await capture.update(await this.#sets());
      await capture.holdDns(this.#dnsServers);
      if (!(await capture.isInPlace())) {
        log.error('capture rules were changed by another program, putting them back');
        await capture.restore();
      }
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      return { kind: 'failed', reason: error.message };
    }
    // an Envoy that has no configuration yet cannot answer the probe: then the rules are all
    // there is
    if (!(await isEnvoyLive())) return { kind: 'verified' };
    const outcome = await probeCapture(PROBE, { clock, signal });
    if (outcome.kind !== 'captured') return { kind: 'failed', reason: outcome.reason };
    // who joins does not know yet what is the mesh's: so long nothing of it is captured
    return { kind: isMeshKnown ? 'verified' : 'waiting' };
  }

  #announce(status: CaptureStatus): void {
    const { log } = this.#options;
    const before = this.#status;
    this.#status = status;
    if (status.kind === 'failed' && before.kind !== 'failed') {
      log.error('capture does not work', { reason: status.reason });
    } else if (status.kind === 'verified' && before.kind !== 'verified') {
      log.info('capture verified');
    }
  }

  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#wake.signal]);
    try {
      await this.#options.clock.sleep(delayMs, either);
    } catch (error) {
      signal.throwIfAborted();
      if (!either.aborted) throw error; // woken: there is something to change
    }
  }

  async #sets(): Promise<CaptureSets> {
    const { config } = this.#options;
    const { xds, ca } = config.controlPlane;
    const found = await Promise.all([xds, ca].map(addressesOf));
    // a name that does not resolve now is still where it was
    if (found.flat().length > 0) this.#controlPlane = found.flat();
    const ranges = config.capture.outboundCidrs;
    return captureSets({ mesh: this.#mesh, ranges, controlPlane: this.#controlPlane });
  }
}

async function addressesOf({ host, port }: HostPort): Promise<readonly HostPort[]> {
  if (isIP(host) !== 0) return [{ host, port }];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => ({ host: address, port }));
}
