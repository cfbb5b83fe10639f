// Policies that select a Kubernetes Gateway's Pods by label, which has no effect there.
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import {
  at,
  AUTHORIZATION_POLICY,
  POD,
  REQUEST_AUTHENTICATION,
  TELEMETRY,
  WASM_PLUGIN,
} from '../resource.ts';
import { labelsOf, policySelector, selects, specOf } from '../selectors.ts';

const ineffectiveSelector = messageType({
  code: 'IST0166',
  name: 'IneffectiveSelector',
  level: 'Warning',
  says: (gateway: string) =>
    `Ineffective selector on Kubernetes Gateway ${gateway}. Use the TargetRef field instead.`,
});

const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

export const gatewaySelectors: Analyzer = {
  name: 'k8sgateway.SelectorAnalyzer',
  description: 'Check that selectors are effective for Kubernetes gateway',
  finds: [ineffectiveSelector],
  *run(snapshot) {
    const pods = snapshot.of(POD).filter((pod) => labelsOf(pod)[GATEWAY_NAME] !== undefined);
    const types = [AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION, TELEMETRY, WASM_PLUGIN];
    for (const policy of types.flatMap((type) => snapshot.of(type))) {
      const selector = policySelector(policy);
      if (selector === undefined || specOf(policy)['targetRef'] !== undefined) continue;
      for (const pod of pods) {
        const labels = labelsOf(pod);
        if (pod.namespace !== policy.namespace || !selects(selector, labels)) continue;
        const gateway = labels[GATEWAY_NAME] ?? '';
        yield message(ineffectiveSelector, at(policy, 'spec', 'selector'), gateway);
      }
    }
  },
};
