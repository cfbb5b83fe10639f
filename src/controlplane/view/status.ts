// What the strip at the bottom says, and what is wrong in the mesh. Pure.
import type { Alert, Instance, MeshEdge, MeshNode, MeshStatus } from '#api/graph.ts';

const SKEW_MS = 5000;
/** Below this share of its life a certificate should have been renewed long ago. */
const LIFE_SHARE = 0.2;
export const ALERTS_MAX = 200;

export function meshStatus(
  nodes: Iterable<MeshNode>,
  edges: Iterable<MeshEdge>,
  { silent, version }: { readonly silent: ReadonlySet<string>; readonly version: string },
): MeshStatus {
  const all = [...nodes];
  const instances = all.flatMap(({ instances: ofNode }) => ofNode);
  const connected = instances.filter(({ agent }) => agent?.isConnected);
  const ends = all.flatMap(({ certificate }) => certificate?.notAfterMs ?? []);
  return {
    proxies: connected.length,
    proxiesInSync: connected.filter(isInSync).length,
    silent: instances.filter(({ key }) => silent.has(key)).map(({ key }) => key),
    plaintextEdges: [...edges].filter(({ encryption }) => isPlaintext(encryption.state)).length,
    nextExpiryMs: ends.length > 0 ? Math.min(...ends) : null,
    version,
  };
}

const isPlaintext = (state: MeshEdge['encryption']['state']): boolean =>
  state === 'plaintext' || state === 'mixed';

const isInSync = ({ agent }: Instance): boolean =>
  agent !== null &&
  agent.subscribed > 0 &&
  agent.acknowledged === agent.subscribed &&
  agent.rejection === '';

type Found = Omit<Alert, 'sinceMs'>;

/** By id; those from before keep their time. */
export function meshAlerts(
  now: {
    readonly nodes: Iterable<MeshNode>;
    readonly edges: Iterable<MeshEdge>;
    readonly refused: Iterable<{ readonly key: string; readonly problem: string }>;
    readonly silent: ReadonlySet<string>;
    readonly nowMs: number;
  },
  before: ReadonlyMap<string, Alert>,
): ReadonlyMap<string, Alert> {
  const { nowMs, silent } = now;
  const found = [
    ...[...now.nodes].flatMap((node) => nodeAlerts(node, { nowMs, silent })),
    ...[...now.edges].flatMap(edgeAlerts),
    ...[...now.refused].map(({ key, problem }): Found => ({
      id: `refused:${key}`,
      severity: 'warning',
      text: `${key} is not in force: ${problem}`,
      about: '',
    })),
  ];
  return new Map(
    found
      .slice(0, ALERTS_MAX)
      .map((one) => [one.id, { ...one, sinceMs: before.get(one.id)?.sinceMs ?? nowMs }]),
  );
}

function nodeAlerts(
  node: MeshNode,
  { nowMs, silent }: { readonly nowMs: number; readonly silent: ReadonlySet<string> },
): readonly Found[] {
  const { id, name, certificate, instances, state } = node;
  if (state === 'gone') return [];
  const alerts: Found[] = [];
  const add = (kind: string, severity: Found['severity'], text: string): void =>
    void alerts.push({ id: `${kind}:${id}`, severity, text, about: id });
  if (certificate) {
    const { notBeforeMs, notAfterMs } = certificate;
    const left = (notAfterMs - nowMs) / (notAfterMs - notBeforeMs);
    if (left <= 0) add('expired', 'error', `the certificate of ${name} has expired`);
    else if (left < LIFE_SHARE) add('expiring', 'warning', `${name} should have a new certificate`);
  }
  for (const { key, agent } of instances) {
    if (!agent) continue;
    const { rejection, clockSkewMs } = agent;
    if (rejection !== '') add('rejected', 'error', `${key} refuses configuration: ${rejection}`);
    if (Math.abs(clockSkewMs) > SKEW_MS) {
      add('clock', 'warning', `the clock of ${key} is ${Math.round(clockSkewMs / 1000)} s off`);
    }
  }
  const unheard = instances.filter(({ key }) => silent.has(key));
  if (unheard.length > 0) {
    add('silent', 'warning', `${unheard.length} of ${instances.length} of ${name} do not report`);
  }
  return [...new Map(alerts.map((one) => [one.id, one])).values()];
}

function edgeAlerts({ id, from, to, port, disagreement }: MeshEdge): readonly Found[] {
  if (!disagreement) return [];
  const { about, source, destination } = disagreement;
  const text = `${from} and ${to}:${port} report different ${about}: ${source}, ${destination}`;
  return [{ id: `disagree:${id}`, severity: 'warning', text, about: id }];
}
