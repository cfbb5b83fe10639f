// Authorization of requests to a port: what rbac.ts is to connections. Each decision is a filter of
// its own in the HTTP chain, fetched by name; a change governs the next request on each connection.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { httpPolicyName } from './inbound-names.ts';
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

export function buildHttpRbac(input: HttpRbacInput): Extension {
  const { kind, port } = input;
  return {
    name: httpPolicyName({ kind, port }),
    typedConfig: packed(RBACSchema, filterRules({ ...input, layer: 'http' })),
  };
}

/** A filter that does nothing, for when there is nothing for it to do. */
export const buildNoPolicy = (name: string): Extension => ({
  name,
  typedConfig: packed(RBACSchema, {}),
});
