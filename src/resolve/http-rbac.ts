// Authorization of requests to a port: what rbac.ts is to connections. Each decision is a filter of
// its own, which is there when there is something to decide.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { httpFilterName } from './inbound-names.ts';
import { packed } from './message.ts';
import { filterRules } from './rbac-rules.ts';
import type { RulesInput } from './rbac-rules.ts';

type Extension = MessageInitShape<typeof TypedExtensionConfigSchema>;

export type HttpRbacInput = Omit<RulesInput, 'layer' | 'port'> & {
  /** The workload's own. */
  readonly port: number;
};

/** Under what Envoy's filter leaves its verdicts. */
export const HTTP_RBAC_METADATA = 'envoy.filters.http.rbac';

/** undefined: there is nothing to decide. */
export function buildHttpRbac(input: HttpRbacInput): Extension | undefined {
  const filter = filterRules({ ...input, layer: 'http' });
  if (filter.rules === undefined && filter.shadowRules === undefined) return undefined;
  return { name: httpFilterName(input.kind), typedConfig: packed(RBACSchema, filter) };
}
