// Fields and kinds that Istio has given up.
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message } from '../message.ts';
import { at, CUSTOM_RESOURCE_DEFINITION, SIDECAR, VIRTUAL_SERVICE } from '../resource.ts';
import { specOf } from '../selectors.ts';
import { deprecated } from '../shared-codes.ts';

const REMOVED_GROUP = 'rbac.istio.io';
const REMOVED_KINDS = new Set([
  'ClusterRbacConfig',
  'RbacConfig',
  'ServiceRole',
  'ServiceRoleBinding',
]);

export const deprecations: Analyzer = {
  name: 'deprecation.DeprecationAnalyzer',
  description: 'Checks for deprecated Istio types and fields',
  finds: [deprecated],
  *run(snapshot) {
    for (const service of snapshot.of(VIRTUAL_SERVICE)) {
      for (const [index, route] of objectsAt(specOf(service), 'http').entries()) {
        const percent = numberAt(fieldsOf(route['fault'], 'delay'), 'percent') ?? 0;
        if (percent <= 0) continue;
        const [old, replacement] = ['HTTPRoute.fault.delay.percent', 'HTTPRoute.fault.delay'];
        const place = at(service, 'spec', 'http', index, 'fault', 'delay', 'percent');
        yield message(deprecated, place, `${old} is deprecated; use ${replacement}.percentage`);
      }
    }
    for (const sidecar of snapshot.of(SIDECAR)) {
      const policy = fieldsOf(specOf(sidecar)['outboundTrafficPolicy']);
      if (policy['egressProxy'] === undefined) continue;
      const place = at(sidecar, 'spec', 'outboundTrafficPolicy', 'egressProxy');
      yield message(deprecated, place, 'OutboundTrafficPolicy.EgressProxy ignored');
    }
    for (const definition of snapshot.of(CUSTOM_RESOURCE_DEFINITION)) {
      const kind = textAt(fieldsOf(specOf(definition)['names']), 'kind');
      if (textAt(specOf(definition), 'group') !== REMOVED_GROUP || !REMOVED_KINDS.has(kind)) {
        continue;
      }
      const text = `Custom resource type ${REMOVED_GROUP} ${kind} is removed`;
      yield message(deprecated, definition, text);
    }
  },
};
