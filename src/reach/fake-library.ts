// For tests: the library as Reach sees it, whole; each test breaks one thing of it.
import assert from 'node:assert/strict';
import type { Encryption } from '#api/graph.ts';
import type { ReachResult, ReachStep, ReachStepName } from '#api/reach.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import type { Answers, Connect, Evidence, ObservedFlow, Side } from './evidence.ts';
import { understand } from './question.ts';
import type { Question } from './question.ts';
import { explain } from './reach.ts';
import type { World } from './walk.ts';

export const LIBRARY = `
kind: Pod
metadata: { name: inventory-7d9f, namespace: library,
  labels: { app: inventory, service.istio.io/workload-name: inventory,
    security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: inventory, nodeName: n1 }
status: { phase: Running, podIP: 10.24.2.23 }
---
kind: Pod
metadata: { name: legacy, namespace: old, labels: { app: legacy } }
spec: { nodeName: n1 }
status: { phase: Running, podIP: 10.24.9.9 }
---
kind: WorkloadEntry
metadata: { name: postgresql-1-vm, namespace: default, labels: { app: db } }
spec:
  address: 10.128.0.14
  labels: { app: db, security.istio.io/tlsMode: istio }
  serviceAccount: postgresql
  network: ''
---
kind: ServiceEntry
metadata: { name: db, namespace: default }
spec:
  hosts: [db.default.svc.cluster.local]
  addresses: [240.240.0.7]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp-postgres, protocol: TCP }]
  workloadSelector: { labels: { app: db } }
---
kind: Pod
metadata: { name: catalogue-1, namespace: library,
  labels: { app: catalogue, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: catalogue, nodeName: n1 }
status: { phase: Running, podIP: 10.24.2.30 }
---
kind: ServiceEntry
metadata: { name: catalogue, namespace: library }
spec:
  hosts: [catalogue.library.svc.cluster.local]
  addresses: [240.240.0.8]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  workloadSelector: { labels: { app: catalogue } }
`;

export const NOW = Date.parse('2026-11-23T10:00:00Z');
export const CLIENT_ID = 'spiffe://cluster.local/ns/library/sa/inventory';
export const SERVER_ID = 'spiffe://cluster.local/ns/default/sa/postgresql';

const HOUR_MS = 3_600_000;

const side = (identity: string): Side => ({
  agent: {
    capture: { state: 'verified', reason: '' },
    clockSkewMs: 3,
    isEnvoyRunning: true,
  },
  certificate: {
    identity,
    notBeforeMs: NOW - HOUR_MS,
    notAfterMs: NOW + 23 * HOUR_MS,
    isTrusted: true,
    issuer: 'O=cluster.local',
  },
  rejections: [],
  isConfigured: true,
});

export const MUTUAL: Encryption = {
  state: 'mutual',
  share: 1,
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  clientIdentity: CLIENT_ID,
  serverIdentity: SERVER_ID,
  seenAtMs: NOW - 2000,
};

export const FLOW: ObservedFlow = {
  reachedMs: NOW - 1000,
  answeredMs: NOW - 1000,
  encryption: MUTUAL,
  failure: null,
  disagreement: null,
};

export const connect = (rest: Partial<Connect> = {}): Connect => ({
  outcome: 'connected',
  connectMs: 2,
  reason: '',
  application: undefined,
  ...rest,
});

/** All that a probe of the whole library answers. */
export const HEALTHY: Answers = {
  dns: { addresses: ['240.240.0.7'], problem: '' },
  capture: { state: 'verified', reason: '' },
  direct: connect(),
  through: connect({ application: { kind: 'postgres', detail: 'no TLS' } }),
  sockets: [
    { address: '0.0.0.0', port: 15_006, program: 'envoy' },
    { address: '127.0.0.1', port: 5432, program: 'postgres' },
  ],
  'server-capture': { state: 'verified', reason: '' },
};

export const evidence = (rest: Partial<Evidence> = {}): Evidence => ({
  nowMs: NOW,
  client: side(CLIENT_ID),
  server: side(SERVER_ID),
  flow: FLOW,
  denied: undefined,
  answers: {},
  ...rest,
});

export class ReachLibrary implements World {
  readonly mesh = meshOf(LIBRARY);
  readonly catalog: MeshCatalog;

  constructor(more = '') {
    if (more !== '') apply(this.mesh, more);
    const rejected = [...this.mesh.rejections.entries()];
    assert.deepEqual(rejected, [], 'every object is good');
    this.catalog = new MeshCatalog(this.mesh);
  }

  question(to: string, options: { readonly from?: string; readonly port?: number } = {}): Question {
    const { from = 'inventory.library', port = 0 } = options;
    const understood = understand(this.mesh, { from, to, port });
    assert(understood.ok, 'the question is understood');
    return understood.question;
  }

  explain(
    options: {
      readonly from?: string;
      readonly to?: string;
      readonly port?: number;
      readonly evidence?: Partial<Evidence>;
    } = {},
  ): ReachResult {
    const { to = 'db.default', evidence: known = {}, ...rest } = options;
    const question = this.question(to, rest);
    return explain(this, question, { evidence: evidence(known), isProbing: false });
  }
}

export function stepOf(result: ReachResult, name: ReachStepName): ReachStep {
  const step = result.steps.find((one) => one.name === name);
  return step ?? assert.fail(`a step ${name}`);
}

/** The step that decided; undefined: none did. */
export const failedStep = ({ steps }: ReachResult): ReachStepName | undefined =>
  steps.find(({ verdict }) => verdict === 'failed')?.name;
