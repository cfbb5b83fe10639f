// How the proxy of a workload is to run, before the workload itself says: what the settings of the
// mesh say (`defaultConfig`), then ProxyConfigs of the root namespace, of the workload's, and the one
// that selects the workload; of each scope the oldest. Later ones win, field by field.
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { ProxyConfig } from '#istio/proxyconfig/proxy-config.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import type { Graph } from './graph.ts';
import { compareAge } from './services.ts';
import { hasLabels } from './workload.ts';

type Labels = Readonly<Record<string, string>>;

/** Fields of Istio's ProxyConfig message (mesh.v1alpha1), as written. */
export type ProxySettings = Readonly<Record<string, unknown>> & {
  readonly proxyMetadata: Readonly<Record<string, unknown>>;
};

export type ProxySettingsFor = (namespace: string, labels: Labels) => ProxySettings;

export function deriveProxySettings(
  graph: Graph,
  proxyConfigs: Collection<ProxyConfig>,
  options: { readonly rootNamespace: () => string; readonly config: () => MeshConfig },
): ProxySettingsFor {
  const byNamespace = graph.index('ProxyConfigs by namespace', proxyConfigs, ({ namespace }) => [
    namespace,
  ]);
  const inOrder = (namespace: string): readonly ProxyConfig[] =>
    membersOf(byNamespace, namespace)
      .flatMap((key) => proxyConfigs.get(key) ?? [])
      .toSorted(compareAge);
  return (namespace, labels) => {
    const own = inOrder(namespace);
    const root = options.rootNamespace();
    const scopes = [
      namespace === root ? undefined : inOrder(root).find(isForAll),
      own.find(isForAll),
      own.find((one) => !isForAll(one) && hasLabels(labels, one.selector)),
    ];
    return scopes.reduce<ProxySettings>(
      (before, scope) => (scope ? mergeSettings(before, settingsOf(scope)) : before),
      mergeSettings({ proxyMetadata: {} }, options.config().defaultConfig),
    );
  };
}

const isForAll = ({ selector }: ProxyConfig): boolean => Object.keys(selector).length === 0;

const settingsOf = ({ concurrency, environmentVariables }: ProxyConfig) => ({
  ...(concurrency !== undefined && { concurrency }),
  proxyMetadata: environmentVariables,
});

/** Later settings win; those that are named by the user are put together. */
export function mergeSettings(
  before: ProxySettings,
  later: Readonly<Record<string, unknown>>,
): ProxySettings {
  const { proxyMetadata } = later;
  const named = typeof proxyMetadata === 'object' ? proxyMetadata : {};
  return { ...before, ...later, proxyMetadata: { ...before.proxyMetadata, ...named } };
}
