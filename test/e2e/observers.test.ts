// For those who stay with Kiali and Grafana: the story as a real Prometheus tells it, scraping by
// the configuration that is shipped. What Kiali's graph and Istio's dashboards ask, and every panel
// of our own dashboards, is asked of the running mesh.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONFIG_MAP, DEPLOYMENT, WORKLOAD_ENTRY } from '#kube/resources.ts';
import { parse } from 'yaml';
import { POD_CIDR } from '#lab/cloud.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';
import { isKubeObject, isRecord } from '#kube/objects.ts';
import { DASHBOARDS } from '../../scripts/dashboards.ts';
import { HTTP } from './metrics-http-plan.ts';
import {
  ISTIO_CONTROL_PLANE,
  ISTIO_HTTP,
  ISTIO_TCP,
  KIALI,
  KIALI_KINDS,
} from './observer-queries.ts';
import { checkConfig, Prometheus } from './prometheus.ts';
import type { QueriedSeries } from './prometheus.ts';

await enterSandbox();

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const DEPLOY = path('../../deploy');
const CATALOGUE = { name: 'catalogue', clusterIp: '10.96.54.40', port: HTTP.port } as const;
/** What Grafana would put in. A minute holds what a test has seen so far. */
const VARIABLES: Readonly<Record<string, string>> = {
  __rate_interval: '1m',
  qrep: 'source|destination',
  namespace: 'default',
  workload: `${VM}|${CLIENT}`,
  client: CLIENT,
  machine: '.*',
  srcwl: '.*',
  srcns: '.*',
  dstwl: '.*',
  dstns: '.*',
};

type Json = unknown;

/** What a dashboard asks, panel by panel. */
function queriesOf(dashboard: Json): readonly string[] {
  if (Array.isArray(dashboard)) return dashboard.flatMap(queriesOf);
  if (!isRecord(dashboard)) return [];
  const { expr } = dashboard;
  return typeof expr === 'string' ? [expr] : Object.values(dashboard).flatMap(queriesOf);
}

/** Of the containers that a workload's Pods are made from. */
function environmentOf(spec: Json): readonly Json[] {
  const template = isRecord(spec) && isRecord(spec['template']) ? spec['template'] : {};
  const pod = isRecord(template['spec']) ? template['spec'] : {};
  const containers: readonly Json[] = Array.isArray(pod['containers']) ? pod['containers'] : [];
  return containers
    .filter(isRecord)
    .flatMap(({ env }): readonly Json[] => (Array.isArray(env) ? env : []));
}

const filledIn = (query: string, more: Readonly<Record<string, string>>): string =>
  query.replaceAll(/\$(\w+)/g, (whole, name: string) => more[name] ?? VARIABLES[name] ?? whole);

describe('what others see of the mesh', { concurrency: false }, () => {
  let mesh: LibraryMesh;
  let prometheus: Prometheus;

  before(async () => {
    mesh = await LibraryMesh.create({
      env: process.env,
      enableAutoMtls: true,
      vmPorts: [CATALOGUE.port],
    });
    const config = readFileSync(`${DEPLOY}/prometheus/isthmusd.yaml`, 'utf8');
    [prometheus] = await Promise.all([
      Prometheus.configured(mesh.cluster.machine, {
        config: config.replace('scrape_interval: 15s', 'scrape_interval: 1s'),
        targets: 2,
      }),
      startTraffic(),
    ]);
    await eventually('rates of both protocols at both ends', async () => {
      const edges = [KIALI.tcpIn, KIALI.tcpOut, KIALI.httpIn, KIALI.httpOut];
      const found = await Promise.all(edges.map((query) => prometheus.query(query)));
      return found.every((rows) => rows.length > 0) || undefined;
    });
  });
  after(() => mesh[Symbol.asyncDispose]());

  /** Books, one connection each, and requests, some of which fail. */
  async function startTraffic(): Promise<void> {
    const { cloud, cluster, client, vm } = mesh;
    const named = { ...CATALOGUE, portName: 'http' };
    await cluster.apply(manifests.service(named), manifests.serviceEntry({ ...named, app: VM }));
    const { address } = cloud.machine(VM);
    const rule = { name: 'pods to the catalogue', from: POD_CIDR, to: address };
    await cloud.firewall.allow({ ...rule, tcpPort: CATALOGUE.port });
    const program = (...[name = '', ...args]: readonly string[]): readonly string[] => [
      process.execPath,
      path(`${name}.ts`),
      ...args,
    ];
    vm.machine.start('application', program('metrics-http-program', 'serve'));
    Writer.start(client.machine, { ...TARGET, note: 'x' });
    const catalogue = [CATALOGUE.clusterIp, String(CATALOGUE.port)];
    client.machine.start('asking', program('observers-program', ...catalogue));
  }

  const valueOf = ({ value }: QueriedSeries): number => Number(value[1]);
  const sum = (rows: readonly QueriedSeries[]): number =>
    rows.reduce((total, row) => total + valueOf(row), 0);

  const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number =>
    a < b ? -1 : 1;

  /** As labels alone, in an order. */
  const labelsOf = (rows: readonly QueriedSeries[]): readonly string[] =>
    rows.map(({ metric }) => JSON.stringify(Object.entries(metric).toSorted(byName))).toSorted();

  test('Kiali: one edge of TCP, counted once, both ends alike', async () => {
    const [incoming, outgoing] = await Promise.all([
      prometheus.query(KIALI.tcpIn),
      prometheus.query(KIALI.tcpOut),
    ]);
    assert.deepEqual(labelsOf(incoming), labelsOf(outgoing), 'else the rate shows twice');
    const [edge, ...others] = incoming;
    assert.deepEqual(others, []);
    const expected: Readonly<Record<string, string>> = {
      source_workload: CLIENT,
      source_canonical_service: CLIENT,
      source_canonical_revision: 'v1',
      source_cluster: 'Kubernetes',
      destination_workload: VM,
      destination_canonical_service: VM,
      destination_service: manifests.hostOf(VM),
      destination_service_name: VM,
      destination_service_namespace: 'default',
      destination_cluster: 'Kubernetes',
      response_flags: '-',
    };
    for (const [label, value] of Object.entries(expected)) {
      assert.equal(edge?.metric[label], value, label);
    }
    assert(Math.abs(sum(incoming) / sum(outgoing) - 1) < 0.2, 'both ends count the same bytes');
  });

  test('Kiali: one edge of requests for each status, both ends alike', async () => {
    const [incoming, outgoing] = await Promise.all([
      prometheus.query(KIALI.httpIn),
      prometheus.query(KIALI.httpOut),
    ]);
    assert.deepEqual(labelsOf(incoming), labelsOf(outgoing));
    const codes = incoming.map(({ metric }) => metric['response_code'] ?? '').toSorted();
    assert.deepEqual(codes, ['200', '503']);
    for (const query of [KIALI.responseTime, KIALI.throughput]) {
      assert.notDeepEqual(await prometheus.query(query), []);
    }
  });

  test('Kiali: the lock, and who is who by certificate', async () => {
    for (const query of [KIALI.tcpLock, KIALI.httpLock]) {
      const [lock, ...others] = await prometheus.query(query);
      assert.deepEqual(others, []);
      const { connection_security_policy, source_principal, destination_principal } =
        lock?.metric ?? {};
      assert.equal(connection_security_policy, 'mutual_tls');
      assert.equal(source_principal, manifests.spiffeIdOf(CLIENT));
      assert.equal(destination_principal, manifests.spiffeIdOf(VM));
    }
  });

  test('Kiali: the WorkloadEntry that makes the node a VM has the labels of the metrics', async () => {
    const ref = { namespace: 'default', name: VM };
    const { spec } = await mesh.cluster.kube.get(WORKLOAD_ENTRY, ref);
    const labels = isRecord(spec) && isRecord(spec['labels']) ? spec['labels'] : {};
    const [edge] = await prometheus.query(KIALI.tcpIn);
    assert.equal(labels['app'], edge?.metric['destination_canonical_service']);
    assert.equal(labels['version'], edge?.metric['destination_canonical_revision']);
  });

  test('Kiali: all kinds that it reads are there to be read', async () => {
    const unread = await Promise.all(
      KIALI_KINDS.map(async (type) => {
        const list = mesh.cluster.kube.list(type);
        return await list.then(
          () => [],
          (error: unknown) => [`${type.kind}: ${String(error)}`],
        );
      }),
    );
    assert.deepEqual(unread.flat(), []);
  });

  test('Kiali: a control plane, as the manifest for it says, of this cluster', async () => {
    const { kube } = mesh.cluster;
    const manifest: unknown = parse(readFileSync(`${DEPLOY}/kiali/control-plane.yaml`, 'utf8'));
    assert(isKubeObject(manifest));
    await kube.create(DEPLOYMENT, manifest);
    const { items } = await kube.list(DEPLOYMENT, { labelSelector: 'app=istiod' });
    const [edge] = await prometheus.query(KIALI.tcpIn);
    const environment = items.flatMap(({ spec }) => environmentOf(spec));
    const clusterId = { name: 'CLUSTER_ID', value: edge?.metric['destination_cluster'] };
    assert.deepEqual(environment, [clusterId]);
    const [namespace] = items.map(({ metadata }) => metadata.namespace ?? '');
    const settings = await kube.get(CONFIG_MAP, { namespace: namespace ?? '', name: 'istio' });
    assert(isRecord(settings['data']) && typeof settings['data']['mesh'] === 'string');
  });

  /** @returns the queries that nothing answers */
  async function unanswered(
    queries: readonly string[],
    more: Readonly<Record<string, string>>,
  ): Promise<readonly string[]> {
    const found = await Promise.all(
      queries.map(async (query) => {
        const rows = await prometheus.query(filledIn(query, more));
        return rows.some((row) => !Number.isNaN(valueOf(row))) ? [] : [query];
      }),
    );
    return found.flat();
  }

  /** A rate needs a second scrape. @returns the queries that nothing answers even then */
  async function neverAnswered(
    queries: readonly string[],
    more: Readonly<Record<string, string>>,
  ): Promise<readonly string[]> {
    let missing = queries;
    const isAnswered = async (): Promise<true | undefined> => {
      missing = await unanswered(missing, more);
      return missing.length === 0 || undefined;
    };
    await eventually('data in every panel', isAnswered).catch(() => undefined);
    return missing;
  }

  test('Istio’s dashboards: every panel of service, workload, mesh and control plane', async () => {
    const tcp = { service: manifests.hostOf(VM) };
    const http = { service: manifests.hostOf(CATALOGUE.name) };
    assert.deepEqual(await neverAnswered(ISTIO_TCP, tcp), []);
    assert.deepEqual(await neverAnswered(ISTIO_HTTP, http), []);
    assert.deepEqual(await neverAnswered(ISTIO_CONTROL_PLANE, {}), []);
  });

  test('a change is made, for the control plane to tell of', async () => {
    await mesh.cluster.apply(manifests.peerAuthentication({ app: VM, mode: 'STRICT' }));
  });

  for (const [file, text] of Object.entries(DASHBOARDS)) {
    test(`our own: every panel of ${file}`, async () => {
      assert.equal(readFileSync(`${DEPLOY}/grafana/${file}`, 'utf8'), text, 'run its script');
      const queries = queriesOf(JSON.parse(text));
      assert(queries.length > 5);
      const service = (name: string) => ({ service: manifests.hostOf(name) });
      const isOfRequests = (query: string): boolean => query.includes('istio_request');
      const requests = queries.filter(isOfRequests);
      const others = queries.filter((query) => !isOfRequests(query));
      let missing: readonly string[] = [];
      const isAnswered = async (): Promise<true | undefined> => {
        const [ofRequests, ofOthers] = await Promise.all([
          unanswered(requests, service(CATALOGUE.name)),
          unanswered(others, service(VM)),
        ]);
        missing = [...ofRequests, ...ofOthers];
        return missing.length === 0 || undefined;
      };
      await eventually('data in every panel', isAnswered).catch(() => undefined);
      assert.deepEqual(missing, []);
    });
  }

  test('promtool takes the scrape configurations', async () => {
    const config = (name: string): string =>
      readFileSync(`${DEPLOY}/prometheus/${name}.yaml`, 'utf8');
    await checkConfig(config('isthmusd'));
    // the Prometheus of tests is built without discovery by Kubernetes
    const withoutKubernetes = config('agents').replace(
      /kubernetes_sd_configs:\n\s+- role: pod/,
      'static_configs: []',
    );
    await checkConfig(withoutKubernetes);
  });
});
