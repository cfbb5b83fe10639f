// What the strip at the bottom says, and what is wrong in the mesh. Pure.
import type { Alert, Instance, MeshEdge, MeshNode, MeshStatus } from '#api/graph.ts';

const SKEW_MS = 5000;
/** Below this share of its life a certificate should have been renewed long ago. */
const LIFE_SHARE = 0.2;
export const ALERTS_MAX = 200;

/** Instances that have not reported for too long: since when. */
export type Silent = ReadonlyMap<string, number>;

export function meshStatus(
  nodes: Iterable<MeshNode>,
  edges: Iterable<MeshEdge>,
  { silent, version }: { readonly silent: Silent; readonly version: string },
): MeshStatus {
  const all = [...nodes];
  // Who has left is shown as it was last: none of it is a proxy of now.
  const members = all.filter(({ state }) => state !== 'gone');
  const instances = members.flatMap(({ instances: ofNode }) => ofNode);
  const connected = instances.filter(({ agent }) => agent?.isConnected);
  const unheard = instances.filter(({ key }) => silent.has(key)).map(({ key }) => key);
  const ends = members.flatMap(({ certificate }) => certificate?.notAfterMs ?? []);
  return {
    proxies: connected.length,
    proxiesInSync: connected.filter(isInSync).length,
    silent: unheard,
    silentSinceMs: unheard.map((key) => silent.get(key) ?? 0),
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

/** Without a time of its own it is from when it was found. */
type Found = Omit<Alert, 'sinceMs'> & { readonly sinceMs?: number };

/** By id; those from before keep their time. */
export function meshAlerts(
  now: {
    readonly nodes: Iterable<MeshNode>;
    readonly edges: Iterable<MeshEdge>;
    readonly refused: Iterable<{ readonly key: string; readonly problem: string }>;
    readonly silent: Silent;
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
      .map((one) => [
        one.id,
        { ...one, sinceMs: one.sinceMs ?? before.get(one.id)?.sinceMs ?? nowMs },
      ]),
  );
}

function nodeAlerts(
  node: MeshNode,
  { nowMs, silent }: { readonly nowMs: number; readonly silent: Silent },
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
    const sinceMs = Math.min(...unheard.map(({ key }) => silent.get(key) ?? nowMs));
    const text = silenceText(name, instances, unheard);
    alerts.push({ id: `silent:${id}`, severity: 'warning', text, about: id, sinceMs });
  }
  return [...new Map(alerts.map((one) => [one.id, one])).values()];
}

/** Since when is beside it: a text that counts seconds would be another alert each second. */
function silenceText(
  name: string,
  instances: readonly Instance[],
  unheard: readonly Instance[],
): string {
  if (instances.length === 1) return `the proxy of ${name} does not report`;
  const keys = unheard.map(({ key }) => key.split('/').at(-1));
  return `${unheard.length} of ${instances.length} proxies of ${name} do not report: ${keys.join(', ')}`;
}

function edgeAlerts({ id, from, to, port, disagreement }: MeshEdge): readonly Found[] {
  if (!disagreement) return [];
  const { about, source, destination } = disagreement;
  const text = `${from} and ${to}:${port} report different ${about}: ${source}, ${destination}`;
  return [{ id: `disagree:${id}`, severity: 'warning', text, about: id }];
}
