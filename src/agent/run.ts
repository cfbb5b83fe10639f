// The agent at work: what it serves, what it keeps doing, and how it ends.
import { aborted, runTasks } from '#base/tasks.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { ALS_METHOD } from './als.ts';
import { buildAttendance } from './attend/build.ts';
import { AppMetrics } from './app-metrics-fetch.ts';
import { createAppProbeHandler } from './app-probes-run.ts';
import type { AgentParts } from './build.ts';
import { createControlHandler } from './control.ts';
import { DnsProxy } from './dns.ts';
import { runDrainWatch } from './drain-watch.ts';
import { writeGrpcBootstrap } from './grpc-bootstrap.ts';
import { createReadyHandler, createStatusHandler, unreadyReasons } from './health.ts';
import { listenHttp } from './http-server.ts';
import { leaveMesh } from './leave.ts';
import { programVersion } from '#base/version.ts';
import { agentFigures } from './agent-metrics.ts';
import { createMetricsHandler, type MetricsSources } from './metrics-page.ts';
import { agentFiles } from './paths.ts';
import { PROXYLESS_METHOD, XDS_METHOD } from './relayed-stream.ts';
import { SDS_METHOD } from './sds.ts';
import { Termination } from './termination.ts';

const VERSION = programVersion();

/** How often to see whether the workload has become ready, or has ceased to be. */
const READINESS_INTERVAL_MS = 2_000;
const READINESS_FIRST_MS = 50;

/**
 * Runs until aborted or until the workload has left the mesh. However it ends, but by leaving or
 * with its Pod, Envoy and capture stay as they are, and the next agent takes them up.
 */
export async function runParts(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { identity, ownStream, hostNames, capture, configuration, fileSecrets } = parts;
  await using termination = new Termination(parts, signal);
  const agent = new Agent(parts, termination);
  const either = AbortSignal.any([termination.ended, agent.hasLeft]);
  await using _controlPlane = parts.controlPlane; // after the servers, whose streams use it
  await using _servers = await agent.listen();
  await writeGrpcBootstrap(parts);
  await using dns = await agent.listenDns();
  await runTasks(either, [
    (signal) => identity.run(signal),
    (signal) => agent.runEnvoy(signal),
    (signal) => ownStream.run(signal),
    (signal) => parts.flows.run(signal),
    (signal) => agent.attend(signal),
    (signal) => hostNames.run(signal),
    (signal) => configuration.run(signal),
    (signal) => fileSecrets.run(signal),
    (signal) => capture.run(signal),
    ...(dns ? [(signal: AbortSignal) => dns.run(signal)] : []),
    (signal) => agent.announceReadiness(signal),
    (signal) => agent.announceDrains(signal),
  ]);
}

class Agent {
  readonly #parts: AgentParts;
  readonly #termination: Termination;
  readonly #hasIdentity = Promise.withResolvers<void>();
  readonly #left = new AbortController();
  #dns: DnsProxy | undefined;
  #leaving: Promise<void> | undefined;

  constructor(parts: AgentParts, termination: Termination) {
    this.#parts = parts;
    this.#termination = termination;
    parts.identity.onChange(() => this.#publishIdentity());
    this.#publishIdentity();
  }

  /** Aborted when the workload has left the mesh. */
  get hasLeft(): AbortSignal {
    return this.#left.signal;
  }

  /** @throws OperatorError ADDRESS_IN_USE */
  async listen(): Promise<AsyncDisposableStack> {
    const { config, dependencies, sds, relay, telemetry } = this.#parts;
    const { clock, log } = dependencies;
    const files = agentFiles(config.paths);
    const methods = {
      [SDS_METHOD]: sds.handler,
      [XDS_METHOD]: relay.handler,
      [PROXYLESS_METHOD]: relay.proxylessHandler,
      [ALS_METHOD]: telemetry.handler,
    };
    const ready = createReadyHandler(() => this.#unreadyReasons());
    const status = createAppProbeHandler(
      { probes: config.appProbes, ip: this.#parts.ip, clock },
      createMetricsHandler(
        this.#metrics(),
        createStatusHandler({ ready, status: () => this.#status() }),
      ),
    );
    const control = createControlHandler(
      (report) => this.#leave(report),
      () => this.#left.abort(),
    );
    await using servers = new AsyncDisposableStack();
    const server = servers.use(createGrpcServer({ methods, clock, log }));
    await server.listen({ path: files.envoySocket });
    servers.use(await listenHttp({ path: files.controlSocket }, control));
    servers.use(await listenHttp({ host: '0.0.0.0', port: config.readyPort }, ready));
    servers.use(await listenHttp({ host: '0.0.0.0', port: config.statusPort }, status));
    return servers.move();
  }

  /**
   * @returns undefined when DNS is not this agent's business
   * @throws OperatorError ADDRESS_IN_USE
   */
  async listenDns(): Promise<DnsProxy | undefined> {
    const { config, dependencies, hostNames, capture } = this.#parts;
    const { node, dns } = config;
    if (!dns) return undefined;
    this.#dns = await DnsProxy.listen({
      ...dependencies,
      config: { node, dns },
      names: hostNames.table,
      onServers: (addresses) => capture.setDnsServers(addresses),
    });
    return this.#dns;
  }

  /** An Envoy that runs is taken over at once; a new one waits until it can have a certificate. */
  async runEnvoy(signal: AbortSignal): Promise<void> {
    const { envoy } = this.#parts;
    if (!(await envoy.adopt(signal))) {
      await Promise.race([this.#hasIdentity.promise, aborted(signal)]);
      signal.throwIfAborted();
    }
    await envoy.run(signal);
    await aborted(signal); // dismissed: the rest of the leave follows
  }

  async announceReadiness(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts.dependencies;
    let told: string | undefined;
    for (let waitMs = 0; ; waitMs = Math.min(waitMs * 2, READINESS_INTERVAL_MS)) {
      await clock.sleep(waitMs, signal);
      const reason = (await this.#unreadyReasons()).join('; ');
      if (reason === told) continue;
      told = reason;
      waitMs = READINESS_FIRST_MS; // one change is often followed by another
      if (reason === '') log.info('ready');
      else log.info('not ready', { reason });
    }
  }

  /** The control plane is told how the workload is, and may ask more. */
  attend(signal: AbortSignal): Promise<void> {
    return buildAttendance(this.#parts, () => this.#unreadyReasons()).run(signal);
  }

  /** What must be cut is said, with the time. */
  announceDrains(signal: AbortSignal): Promise<void> {
    const { admin, config, dependencies } = this.#parts;
    const draining = (): Promise<number | undefined> => admin.draining();
    return runDrainWatch({ ...dependencies, draining, drainMs: config.envoy.drainMs }, signal);
  }

  #publishIdentity(): void {
    const { identity, controlPlane, sds, telemetry } = this.#parts;
    const state = identity.state();
    if (state.kind !== 'valid') return;
    const { keyPem, chainPem } = state.svid;
    const material = { keyPem, chainPem, rootsPem: identity.rootsPem };
    controlPlane.setCredentials(material);
    sds.publish(material);
    telemetry.setIdentity(state.svid);
    this.#hasIdentity.resolve();
  }

  async #unreadyReasons(): Promise<readonly string[]> {
    const { envoy, identity, capture } = this.#parts;
    return unreadyReasons({
      isEnvoyLive: await envoy.isLive(),
      identity: identity.state().kind,
      capture: capture.status(),
      isLeaving: this.#leaving !== undefined,
      isEnding: this.#termination.isDraining,
    });
  }

  /** For people and for tests; nothing secret is in it. */
  async #status(): Promise<object> {
    const { identity, envoy, capture, relay, telemetry, hostNames } = this.#parts;
    const state = identity.state();
    return {
      unready: await this.#unreadyReasons(),
      identity: {
        state: state.kind,
        problem: state.problem,
        ...(state.kind !== 'none' && {
          spiffeId: state.svid.spiffeId,
          serialNumber: state.svid.serialNumber,
          notAfter: new Date(state.svid.notAfterMs).toISOString(),
        }),
      },
      envoy: envoy.status(),
      capture: capture.status(),
      xds: relay.status(),
      ...(this.#dns && {
        dns: { canAsk: hostNames.isConnected, queries: this.#dns.counts },
      }),
      connections: telemetry.openConnections,
      callsWithoutNames: telemetry.pendingCalls,
    };
  }

  #metrics(): MetricsSources {
    const { admin, config, dependencies, telemetry } = this.#parts;
    const target = config.appMetrics;
    const application = target && new AppMetrics({ target, ...dependencies });
    return {
      standard: () => telemetry.render(),
      agent: () => agentFigures(this.#parts, VERSION),
      others: {
        envoy: () => admin.metrics(),
        ...(application && { application: (limitMs) => application.scrape(limitMs) }),
      },
    };
  }

  /** A second request while one runs waits for the same end. */
  #leave(report: (line: string) => void): Promise<void> {
    this.#leaving ??= this.#leaveOnce(report).finally(() => {
      this.#leaving = undefined; // after a failure it can be asked again
    });
    return this.#leaving;
  }

  async #leaveOnce(report: (line: string) => void): Promise<void> {
    const { config, admin, envoy, capture, dependencies } = this.#parts;
    const { nft, clock, log } = dependencies;
    log.warn('leaving the mesh, as asked', { drainMs: config.envoy.drainMs });
    await capture.release(); // or it would put back what is removed
    await leaveMesh({
      config,
      admin,
      nft,
      clock,
      report,
      disownEnvoy: () => envoy.disown(),
      endEnvoy: () => envoy.dismiss(),
    });
  }
}
