// Whom the CUSTOM policies of a workload ask, out of MeshConfig's extension providers.
import type { AuthorizerSettings } from '#istio/meshconfig/extension-providers.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { WorkloadAuthorization } from './policies.ts';

export type AuthorizerChoice =
  /** No CUSTOM policy is for the workload. */
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly provider: string; readonly settings: AuthorizerSettings }
  /** No such provider, or several (as in Istio): what the policies select is refused. */
  | { readonly kind: 'refused'; readonly reason: string };

export function chooseAuthorizer(
  { custom }: Pick<WorkloadAuthorization, 'custom'>,
  { extensionProviders }: Pick<MeshConfig, 'extensionProviders'>,
): AuthorizerChoice {
  const names = [...new Set(custom.map(({ provider }) => provider))].toSorted();
  const [name, ...others] = names;
  if (name === undefined) return { kind: 'none' };
  if (others.length > 0) {
    return {
      kind: 'refused',
      reason: `one workload may ask one provider, not ${names.join(', ')}`,
    };
  }
  const found = extensionProviders.find((provider) => provider.name === name);
  if (found?.kind !== 'authorizer') {
    return { kind: 'refused', reason: `extensionProviders has no authorizer called ${name}` };
  }
  return { kind: 'one', provider: name, settings: found.authorizer };
}
