// An AuthorizationPolicy as the mesh uses it: who may do what to a workload.
import type { KubeObject } from '#kube/objects.ts';
import { DRY_RUN, parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult } from '../object.ts';
import { policyTargets } from '../policy-target.ts';
import type { PolicyTargetReference } from '../policy-target.ts';
import { checkAuthorizationPolicy } from './check.ts';
import { authorizationPolicyKind } from './schema.ts';
import type { AuthorizationAction, AuthorizationRule } from './schema.ts';

export type AuthorizationPolicy = ParsedMeta & {
  readonly action: AuthorizationAction;
  /** Empty: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>>;
  /** What it names instead of selecting: gateways and waypoints, never sidecars. */
  readonly targets: readonly PolicyTargetReference[];
  /** ALLOW without rules denies all; with an empty rule it allows all. */
  readonly rules: readonly AuthorizationRule[];
  /** Of action CUSTOM; empty otherwise. */
  readonly provider: string;
  /** Says what it would do, and does nothing. */
  readonly isDryRun: boolean;
};

export function parseAuthorizationPolicy(object: KubeObject): ParseResult<AuthorizationPolicy> {
  return parseObject(authorizationPolicyKind, object, (spec, meta, at) => {
    checkAuthorizationPolicy(spec, meta, at);
    return {
      ...meta,
      action: spec.action ?? 'ALLOW',
      selector: spec.selector?.matchLabels ?? {},
      targets: policyTargets(spec),
      rules: spec.rules ?? [],
      provider: spec.provider?.name ?? '',
      isDryRun: /^(1|t|true)$/i.test(meta.annotations[DRY_RUN] ?? ''),
    };
  });
}
