// isthmusd's composition root: everything is made here, in order, and owned by one scope.
//
// Kubernetes API → ingest → mesh model → catalog → delta ADS, beside the certificate authority;
// both are served on one port. Nothing is served before every kind has been listed once.
import { hash, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { openAuthoritySource, type AuthoritySource } from '#ca/authority-source.ts';
import { createRootPublisher, type RootPublisher } from '#ca/root-config-map.ts';
import {
  issueServerCertificate,
  runServerCertificate,
  serverNames,
} from '#ca/server-certificate.ts';
import {
  certificateServiceMethods,
  newCertificateCounters,
  type CertificateCounters,
} from '#ca/service.ts';
import { createKubeDirectory } from '#ca/workload-directory.ts';
import { coalesce } from '#base/coalesce.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { aborted, runTasks } from '#base/tasks.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { GrpcHandler } from '#grpc/call.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { GATEWAY_API_KINDS } from '#istio/gatewayapi/kinds.ts';
import type { Kind } from '#istio/kind.ts';
import { KINDS } from '#istio/kinds.ts';
import { MESH_CONFIG_NAME, MESH_CONFIG_NAMESPACE } from '#istio/meshconfig/mesh-config.ts';
import type { KubeClient } from '#kube/client.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { createMesh, type Mesh } from '#model/mesh.ts';
import type { Joins } from '#registry/joins/joins.ts';
import type { DerivationFailure } from '#model/collection.ts';
import { Graph } from '#model/graph.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { standInFor } from '#resolve/stand-in.ts';
import { XdsServer } from '#xds/server.ts';
import { admit } from './admit.ts';
import { actingWithin } from './acting.ts';
import { runJoinFeeds } from './agents/join-feeds.ts';
import { joinMethods, openJoins } from './agents/joins.ts';
import { AgentServer } from './agents/sessions.ts';
import type { ControlPlaneConfig } from './config.ts';
import { installKinds } from './crds.ts';
import { FlowKeeper } from './flows/flow-keeper.ts';
import { meshNames } from './flows/mesh-names.ts';
import { CertificateLedger } from './debug-certificates.ts';
import { allOf, createIngest, type Ingest } from './ingest.ts';
import { JwksKeeper } from './jwks.ts';
import { pageTasks } from './page-tasks.ts';
import { Past } from './past/past.ts';
import { PolicyKeeper, type KeeperParts } from './policies/keeper.ts';
import { createPolicyStore } from './policies/store.ts';
import { ChangeClock } from './change-clock.ts';
import { WATCHED } from './kinds.ts';
import { WebhookCounters } from './webhooks/counters.ts';
import { webhookOptions } from './webhooks/build.ts';
import { runWebhooks } from './webhooks/webhooks.ts';
import { StatusPublisher } from './status-publisher.ts';
import type { MeshView } from './view/mesh-view.ts';
import { buildView } from './view/build.ts';
import { PolicyChanges } from './view/policy-changes.ts';
import { VipPublisher } from './vip-publisher.ts';

export type ControlPlaneDependencies = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
};

export type ListeningPorts = {
  readonly xds: number;
  readonly monitoring: number;
  readonly console: number;
};

/** Istio's default of TOKEN_AUDIENCES. */
const TOKEN_AUDIENCES = ['istio-ca'];
/** Istio's keepaliveMaxServerConnectionAge: replicas share the load again, quotas begin afresh. */
const SESSION_AGE_MS_MAX = 30 * 60_000;
/** How long open streams get to end by themselves when the control plane stops. */
const SHUTDOWN_GRACE_MS = 2000;

export type ControlPlane = {
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;
  readonly xds: XdsServer<WorkloadIdentity>;
  readonly agents: AgentServer;
  readonly joins: Joins;
  readonly ingest: Ingest;
  readonly vips: VipPublisher;
  readonly statuses: StatusPublisher;
  readonly keySets: JwksKeeper;
  readonly authority: AuthoritySource;
  readonly rootPublisher: RootPublisher;
  /** For the debug pages and the view. */
  readonly certificates: CertificateLedger;
  /** Writes of policies that may still be undone. */
  readonly policies: PolicyKeeper;
  readonly flows: FlowKeeper;
  /** How all of it was. */
  readonly past: Past;
  /** All of it as the console sees it. */
  readonly view: MeshView;
  /** The Kubernetes API, as isthmusd or in a user's name. */
  readonly client: KubeClient;
  /** For metrics. */
  readonly counters: {
    readonly certificates: CertificateCounters;
    readonly webhooks: WebhookCounters;
    readonly changes: ChangeClock;
  };
  readonly clock: Clock;
  isReady(): boolean;
};

export const randomFraction = (): number => randomInt(2 ** 32) / 2 ** 32;

/** A cluster's own Gateway API is for its administrator to choose. */
const kindsFor = ({ apiServerDataDir }: ControlPlaneConfig): readonly Kind<unknown>[] =>
  apiServerDataDir === undefined ? KINDS : [...KINDS, ...GATEWAY_API_KINDS];

/**
 * Makes the parts; nothing is listening yet.
 *
 * @throws OperatorError API_SERVER_UNREACHABLE, CONFIG_INVALID
 */
export async function buildControlPlane(
  config: ControlPlaneConfig,
  { client: given, clock, log }: ControlPlaneDependencies,
  signal: AbortSignal,
): Promise<ControlPlane> {
  const client = actingWithin(given, config.acting);
  await installKinds(client, kindsFor(config), { hash: (text) => hash('sha256', text), log });
  const mesh = await readMesh(buildMesh(config, log), client, signal);
  const catalog = new MeshCatalog(mesh);
  const { trustDomain } = mesh.config();
  const common = { client, clock, random: randomFraction };
  const publisher: { refresh: () => void } = { refresh: () => undefined };
  const authority = await openAuthoritySource(
    { ...common, trustDomain, log: log.with({ part: 'ca' }), onChange: () => publisher.refresh() },
    signal,
  );
  const rootPublisher = createRootPublisher({
    ...common,
    log: log.with({ part: 'roots' }),
    bundlePem: () => authority.current().trustBundlePem,
  });
  publisher.refresh = () => rootPublisher.refresh();
  const vips = newVipPublisher(mesh, { ...common, log });
  const statuses = new StatusPublisher({ ...common, log: log.with({ part: 'status' }) });
  const counters = newCounters(clock);
  const shown: { touch: () => void } = { touch: () => undefined };
  const settleSoon = counters.changes.settling(coalesce, () => {
    catalog.settle();
    shown.touch();
  });
  const keySets = new JwksKeeper({
    ...common,
    mesh,
    onChanged: settleSoon,
    fetch,
    log: log.with({ part: 'jwks' }),
  });
  const edits = new PolicyChanges(() => clock.nowMs());
  const ingest = createIngest({
    ...common,
    types: WATCHED,
    target: allOf([mesh, vips, statuses, edits]),
    onChanged: settleSoon,
    log: log.with({ part: 'ingest' }),
  });
  let isSynced = false;
  void ingest.synced.then(() => {
    catalog.settle();
    isSynced = true;
    shown.touch();
    log.info('synced', { services: mesh.services.size, workloads: mesh.workloads.size });
  });
  const certificates = new CertificateLedger();
  const isReady = (): boolean => isSynced;
  const heard = { trustDomain, certificates, changes: counters.changes, isReady, clock };
  const xds = newXdsServer(catalog, { ...heard, log: log.with({ part: 'xds' }) });
  const agents = newAgentServer(trustDomain, clock, log);
  const joins = await openJoins(config, { clock, log });
  const decided = { mesh, catalog, xds, agents, joins, ingest, vips, statuses, keySets };
  const flows = newFlowKeeper(config, { mesh, clock, log: log.with({ part: 'flows' }) });
  const policies = newPolicyKeeper(config, { ...common, log: log.with({ part: 'policies' }) });
  const past = new Past({ stateDir: config.stateDir, clock, log: log.with({ part: 'past' }) });
  const told = { authority, rootPublisher, certificates, counters, flows, past, policies };
  const view = buildView({ ...decided, ...told, clock, log }, edits);
  shown.touch = () => view.touch();
  return { ...decided, ...told, view, client, clock, isReady };
}

function newFlowKeeper(
  { stateDir }: ControlPlaneConfig,
  { mesh, clock, log }: Pick<ControlPlane, 'mesh' | 'clock'> & { readonly log: Logger },
): FlowKeeper {
  const { trustDomain } = mesh.config();
  return new FlowKeeper({
    stateDir,
    names: meshNames(mesh),
    authenticate: (call) => admit(call, { trustDomain, nowMs: clock.nowMs() }),
    clock,
    log,
  });
}

const newVipPublisher = (
  mesh: Mesh,
  common: ControlPlaneDependencies & { readonly random: () => number },
): VipPublisher =>
  new VipPublisher({
    ...common,
    log: common.log.with({ part: 'vips' }),
    isDualStack: () => mesh.config().meshRanges.some((range) => range.includes(':')),
  });

const newPolicyKeeper = (
  { stateDir, undoSeconds }: ControlPlaneConfig,
  parts: Omit<KeeperParts, 'store' | 'undoSeconds'>,
): PolicyKeeper => {
  const store = createPolicyStore(join(stateDir, 'policies.json'));
  return new PolicyKeeper({ ...parts, store, undoSeconds });
};

const newAgentServer = (trustDomain: string, clock: Clock, log: Logger): AgentServer =>
  new AgentServer({
    admit: (call) => admit(call, { trustDomain, nowMs: clock.nowMs() }),
    clock,
    log: log.with({ part: 'agents' }),
    audit: log.with({ part: 'audit' }),
  });

function newXdsServer(
  catalog: MeshCatalog,
  parts: {
    readonly trustDomain: string;
    readonly certificates: CertificateLedger;
    readonly changes: ChangeClock;
    readonly isReady: () => boolean;
    readonly clock: Clock;
    readonly log: Logger;
  },
): XdsServer<WorkloadIdentity> {
  const { trustDomain, certificates, changes, isReady, clock, log } = parts;
  return new XdsServer<WorkloadIdentity>({
    catalog,
    authenticate: (call) => {
      const admission = admit(call, { trustDomain, nowMs: clock.nowMs() });
      if (admission.ok && call.peer) certificates.presented(admission.proxy, call.peer);
      return admission;
    },
    isReady,
    standIn: (_, typeUrl, name) => standInFor(typeUrl, name),
    changeSeenMs: () => changes.seenMs,
    onConverged: (delayMs) => changes.converged.record(delayMs / 1000),
    clock,
    log,
  });
}

const newCounters = (clock: Clock): ControlPlane['counters'] => ({
  certificates: newCertificateCounters(),
  webhooks: new WebhookCounters(),
  changes: new ChangeClock(clock),
});

function buildMesh(config: ControlPlaneConfig, log: Logger): Mesh {
  const onFailures = (failures: readonly DerivationFailure[]): void => {
    for (const { collection, key, error } of failures) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error('kept the last value: a derivation failed', { collection, key, problem });
    }
  };
  const meshRanges = ['240.240.0.0/16', config.serviceCidr];
  return createMesh({ graph: new Graph({ onFailures }), defaults: { meshRanges } });
}

/** The trust domain must be known before the first certificate; it stays until a restart. */
async function readMesh(mesh: Mesh, client: KubeClient, signal: AbortSignal): Promise<Mesh> {
  const ref = { namespace: MESH_CONFIG_NAMESPACE, name: MESH_CONFIG_NAME };
  try {
    mesh.ingest(CONFIG_MAP, await client.get(CONFIG_MAP, ref, { signal }), 'applied');
    mesh.commit();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return mesh;
}

/** Serves until aborted. @throws OperatorError ADDRESS_IN_USE */
export async function runControlPlane(
  parts: ControlPlane,
  options: ControlPlaneDependencies & {
    readonly config: ControlPlaneConfig;
    readonly onListening?: (ports: ListeningPorts) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { config, clock, log } = options;
  const { authority, xds, ingest, vips, rootPublisher } = parts;
  using flows = parts.flows; // closed when nobody asks them any more
  using past = parts.past;
  const names = serverNames(config.tlsNames);
  const served = { ...options, names, random: randomFraction };
  const serving = issueServerCertificate(authority.current(), names, clock.nowMs());
  const server = createGrpcServer({
    tls: serving.tls,
    clock,
    random: randomFraction,
    log: log.with({ part: 'grpc' }),
    limits: { ageMsMax: SESSION_AGE_MS_MAX },
    methods: {
      ...xds.methods,
      ...parts.agents.methods,
      ...parts.flows.methods,
      ...joinMethods(parts, options),
      ...certificateMethods(parts, options),
    },
  });
  const xdsPort = await server.listen(config.listen);
  await runTasks(signal, [
    (group) => ingest.run(group),
    (group) => vips.run(ingest.synced, group),
    (group) => parts.statuses.run(ingest.synced, group),
    (group) => parts.keySets.run(group),
    (group) => authority.run(group),
    (group) => rootPublisher.run(group),
    (group) => parts.joins.run(group),
    (group) => flows.run(group),
    (group) => runJoinFeeds({ ...parts, log: log.with({ part: 'joins' }) }, group),
    (group) =>
      runServerCertificate(
        serving,
        {
          authority: () => authority.current(),
          subscribe: (listener) => authority.subscribe(listener),
          names,
          apply: (tls) => server.setTls(tls),
          clock,
          random: randomFraction,
          log,
        },
        group,
      ),
    ...pageTasks(parts, { ...served, xdsPort }),
    (group) => past.run(group),
    (group) => runWebhooks(webhookOptions(parts, served), group),
    async (group) => {
      await aborted(group);
      xds.close();
      parts.agents.close();
      await server.shutdown(SHUTDOWN_GRACE_MS);
    },
  ]);
}

const certificateMethods = (
  { authority, certificates, counters, mesh }: ControlPlane,
  { client, clock, log }: ControlPlaneDependencies,
): Readonly<Record<string, GrpcHandler>> =>
  certificateServiceMethods({
    authority: () => certificates.watch(authority.current()),
    trustDomain: mesh.config().trustDomain,
    audiences: TOKEN_AUDIENCES,
    reviewToken: (token, review) => client.reviewToken(token, review),
    directory: createKubeDirectory(client),
    counters: counters.certificates,
    onRefused: (refusal) => certificates.refused(refusal),
    clock,
    log: log.with({ part: 'ca' }),
  });
