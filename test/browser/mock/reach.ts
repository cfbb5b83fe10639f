// Why A can or cannot reach B, as the control plane would say it of the library story: a healthy
// pair unless a test breaks one step.
import {
  REACH_STEPS,
  type ReachRequest,
  type ReachResult,
  type ReachStep,
  type ReachStepName,
} from '#api/reach.ts';
import type { MockCall, MockRoute } from './routes.ts';
import { problem } from './routes.ts';

/** What the client of the story serves itself. */
const BACK_PORT = 8080;

const HOST = 'postgresql-1-vm.inventory.svc.cluster.local';

const HEALTHY: Readonly<Record<ReachStepName, Pick<ReachStep, 'source' | 'summary' | 'evidence'>>> =
  {
    name: {
      source: 'observed',
      summary: 'postgresql-1-vm.inventory is 240.240.0.7 by the mesh’s DNS.',
      evidence: ['search inventory.svc.cluster.local', `A ${HOST} 240.240.0.7`],
    },
    capture: {
      source: 'observed',
      summary: 'Connections to 240.240.0.7:5432 are led to the proxy.',
      evidence: ['nft chain isthmus_out → 127.0.0.1:15001', 'no excluded port or user matches'],
    },
    listener: {
      source: 'configured',
      summary: 'virtualOutbound takes it.',
      evidence: ['0.0.0.0:15001, use_original_dst'],
    },
    route: {
      source: 'configured',
      summary: 'To cluster dst|240.240.0.7:5432.',
      evidence: ['no VirtualService is about this host'],
    },
    endpoints: {
      source: 'observed',
      summary: '1 endpoint, healthy: 10.128.0.14:5432 in network us-east1-b.',
      evidence: ['WorkloadEntry inventory/postgresql-1-vm'],
    },
    network: {
      source: 'observed',
      summary: 'Connections came through 2 s ago.',
      evidence: ['10.24.0.12 → 10.128.0.14:5432 open for 34 s'],
    },
    tls: {
      source: 'observed',
      summary: 'TLS 1.3, both ends trust root 5c:19:…',
      evidence: ['client: mutual wherever the server takes it', 'server: PERMISSIVE'],
    },
    identity: {
      source: 'observed',
      summary: 'Seen as spiffe://cluster.local/ns/inventory/sa/postgres-library.',
      evidence: [],
    },
    authorization: {
      source: 'observed',
      summary: 'Allowed by inventory/pg-allow rule 1.',
      evidence: ['DENY: none', 'CUSTOM: none', 'ALLOW inventory/pg-allow rule 1: matches'],
    },
    port: {
      source: 'observed',
      summary: 'Delivered to 127.0.0.1:5432, where postgres listens.',
      evidence: [],
    },
    application: {
      source: 'observed',
      summary: 'PostgreSQL answers.',
      evidence: ['first bytes from the server after 0.8 ms'],
    },
  };

const TITLES: Readonly<Record<ReachStepName, string>> = {
  name: 'Name',
  capture: 'Capture',
  listener: 'Listener',
  route: 'Route',
  endpoints: 'Endpoints',
  network: 'Network',
  tls: 'TLS',
  identity: 'Identity',
  authorization: 'Authorization',
  port: 'Port',
  application: 'Application',
};

const healthyStep = (name: ReachStepName): ReachStep => ({
  name,
  verdict: 'passed',
  object:
    name === 'authorization'
      ? { kind: 'AuthorizationPolicy', namespace: 'inventory', name: 'pg-allow' }
      : null,
  fix: null,
  ...HEALTHY[name],
});

export type Breakage = { readonly name: ReachStepName } & Partial<ReachStep>;

/** An answer that stops at the broken step; absent: it can connect. */
export function reachAnswer(request: ReachRequest, nowMs: number, broken?: Breakage): ReachResult {
  const stop = broken ? REACH_STEPS.indexOf(broken.name) : REACH_STEPS.length;
  const steps = REACH_STEPS.map((name, index): ReachStep => {
    const step = healthyStep(name);
    const source = request.isProbing && step.source === 'observed' ? 'probed' : step.source;
    if (index < stop) return { ...step, source };
    if (index === stop) return { ...step, source, verdict: 'failed', ...broken };
    const summary = name === 'authorization' ? `Predicted: ${step.summary}` : '';
    const rest = { summary, evidence: [], object: null };
    return { ...step, ...rest, verdict: 'not-reached', source: 'configured' };
  });
  const summary = broken
    ? `Cannot connect — stopped at step ${stop + 1} of 11: ${TITLES[broken.name]}.`
    : 'Can connect.';
  return {
    from: request.from,
    to: request.to,
    host: HOST,
    port: request.port || 5432,
    verdict: broken ? 'cannot' : 'can',
    summary,
    because: broken ? '' : HEALTHY.authorization.summary,
    steps,
    atMs: nowMs,
    command: `isthmus why ${request.from} ${request.to}:${request.port || 5432}`,
  };
}

const NFT = "nft 'insert rule inet filter input ip saddr 10.24.0.0/14 tcp dport 5432 accept'";

export const FIREWALL: Breakage = {
  name: 'network',
  summary: 'connect to 10.128.0.14:5432 timed out after 3.0 s',
  source: 'probed',
  evidence: [
    'probe 16:04:02 from 10.24.0.12, around the proxy: no answer in 3.0 s',
    'The VM’s agent is connected: the machine is up, so the port is filtered on the way.',
  ],
  fix: {
    text: 'Allow tcp:5432 from 10.24.0.0/14 to the machine.',
    command: NFT,
    commands: [
      {
        label: 'gcloud',
        command:
          'gcloud compute firewall-rules create allow-postgres --allow tcp:5432 --source-ranges 10.24.0.0/14 --target-tags postgres',
      },
      { label: 'nft', command: NFT },
    ],
    yaml: '',
  },
};

export const REFUSED: Breakage = {
  name: 'port',
  summary: 'the machine was reached, and nobody listens on 127.0.0.1:5432',
  source: 'probed',
  evidence: ['connect to 127.0.0.1:5432: connection refused'],
  fix: { text: 'Start the server.', command: 'systemctl start postgresql', yaml: '' },
};

export const FIX_YAML = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: pg-allow
  namespace: inventory
spec:
  selector:
    matchLabels: {app: postgresql}
  action: ALLOW
  rules:
  - from:
    - source:
        principals:
        - cluster.local/ns/inventory/sa/postgres-library
        - cluster.local/ns/inventory/sa/frontend
    to:
    - operation:
        ports: ["5432"]
  - from:
    - source:
        principals:
        - cluster.local/ns/batch/sa/report
`;

export const DENIED: Breakage = {
  name: 'authorization',
  summary: 'No rule of inventory/pg-allow matches: near miss, rule 1 asks for another identity.',
  source: 'configured',
  evidence: [
    'DENY: none · CUSTOM: none',
    'ALLOW inventory/pg-allow rule 1: principals: …/sa/postgres-library, but the client is …/sa/frontend',
  ],
  object: { kind: 'AuthorizationPolicy', namespace: 'inventory', name: 'pg-allow' },
  fix: { text: 'Let the frontend in by rule 1.', command: '', yaml: FIX_YAML },
};

function isReachRequest(body: unknown): body is ReachRequest {
  return typeof body === 'object' && body !== null && 'from' in body && 'to' in body;
}

/** Answers in turn what `next` says, the last one for good. */
export function reachRoute(next: (request: ReachRequest) => Breakage | undefined): MockRoute {
  return {
    method: 'POST',
    path: '/api/v1/reach',
    handle: ({ body, session, nowMs }: MockCall) => {
      if (!isReachRequest(body)) return problem(400, 'invalid', 'No question.');
      if (body.isProbing && !session.can.probe) {
        return problem(403, 'forbidden', 'You may not create proxies/probe.');
      }
      const there = reachAnswer(body, nowMs, next(body));
      const turned = {
        from: body.to,
        to: body.from,
        port: BACK_PORT,
        isProbing: false,
      };
      const back = reachAnswer(turned, nowMs, next(turned));
      return { json: { ...there, back: back.verdict === there.verdict ? null : back } };
    },
  };
}

export const reachRoutes: readonly MockRoute[] = [
  reachRoute(() => undefined),
  { method: 'GET', path: '/api/v1/denials', handle: () => ({ json: [] }) },
];
