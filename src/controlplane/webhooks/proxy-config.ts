// Istio's annotation `proxy.istio.io/config`: settings of one Pod's proxy, as the agent's own; and what
// holds where the Pod does not say.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig
import { parseDocument } from 'yaml';
import { isRecord } from '#kube/objects.ts';
import { mergeSettings } from '#model/proxy-configs.ts';
import type { ProxySettings } from '#model/proxy-configs.ts';

export const PROXY_CONFIG = 'proxy.istio.io/config';

export type ProxyConfig =
  | {
      readonly ok: true;
      /** What the agent is told by it. */
      readonly env: Readonly<Record<string, string>>;
      /** The application must not start before the proxy is ready. */
      readonly holdsApplication: boolean;
    }
  /** What is wrong, naming the annotation. */
  | { readonly ok: false; readonly problem: string };

/** Field → the agent's setting. */
const SETTINGS: Readonly<Record<string, string>> = {
  concurrency: 'ISTHMUS_CONCURRENCY',
  drainDuration: 'ISTHMUS_DRAIN_DURATION',
  terminationDrainDuration: 'ISTHMUS_TERMINATION_DRAIN_DURATION',
  discoveryAddress: 'PILOT_ADDRESS',
};

/** An annotation is at most 256 KiB; a proxy's configuration is nowhere near. */
const TEXT_LENGTH_MAX = 64 << 10;

const NO_SETTINGS: ProxySettings = { proxyMetadata: {} };

/** Fields that nothing here acts on are left alone: Istio has many, most are its own proxy's. */
export function readProxyConfig(text: string, defaults = NO_SETTINGS): ProxyConfig {
  const parsed = text.length > TEXT_LENGTH_MAX ? undefined : parseYaml(text);
  const own = parsed === null ? {} : parsed;
  if (!isRecord(own)) return wrong('is not a YAML object');
  const value = mergeSettings(defaults, own);
  const env: Record<string, string> = {};
  for (const [field, setting] of Object.entries(SETTINGS)) {
    const given = value[field];
    if (given === undefined || given === null) continue;
    const plain = plainText(given);
    if (plain === undefined) return wrong(`has a bad ${field}`);
    env[setting] = plain;
  }
  const { proxyMetadata, holdApplicationUntilProxyStarts: holds = false } = value;
  if (typeof holds !== 'boolean') return wrong('has a bad holdApplicationUntilProxyStarts');
  for (const [name, given] of Object.entries(isRecord(proxyMetadata) ? proxyMetadata : {})) {
    const plain = plainText(given);
    if (!/^[A-Za-z_]\w*$/.test(name) || plain === undefined) {
      return wrong(`has bad proxyMetadata "${name}"`);
    }
    env[name] = plain;
  }
  return { ok: true, env, holdsApplication: holds };
}

function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

const wrong = (what: string): ProxyConfig => ({
  ok: false,
  problem: `annotation ${PROXY_CONFIG} ${what}`,
});

/** Null for an empty text. */
function parseYaml(text: string): unknown {
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 10 });
}
