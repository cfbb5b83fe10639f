// Definitions of the Gateway API that are older than Istio reads.
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { CUSTOM_RESOURCE_DEFINITION } from '../resource.ts';
import { annotationsOf, goQuote } from '../selectors.ts';

const oldGatewayApi = messageType({
  code: 'IST0176',
  name: 'GatewayAPICRDVersionBelowMinimum',
  level: 'Warning',
  says: (definition: string, installed: string, minimum: string) =>
    `Gateway API CRD ${goQuote(definition)} is at version ${goQuote(installed)} but Istio ` +
    `requires at least ${goQuote(minimum)}; resources of this kind will not be processed. ` +
    'Upgrade the Gateway API CRDs to satisfy the minimum version.',
});

const BUNDLE_VERSION = 'gateway.networking.k8s.io/bundle-version';

/** Major and minor version that Istio 1.31 reads at least. */
const MINIMUM: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['grpcroutes.gateway.networking.k8s.io', [1, 1]],
  ['backendtlspolicies.gateway.networking.k8s.io', [1, 4]],
  ['tlsroutes.gateway.networking.k8s.io', [1, 5]],
  ['tcproutes.gateway.networking.k8s.io', [1, 6]],
]);

export const gatewayApiVersions: Analyzer = {
  name: 'k8sgateway.CRDVersionAnalyzer',
  description: 'Checks Gateway API CRDs are at the minimum version required by this Istio version',
  finds: [oldGatewayApi],
  *run(snapshot) {
    for (const definition of snapshot.of(CUSTOM_RESOURCE_DEFINITION)) {
      const [major, minor] = MINIMUM.get(definition.name) ?? [0, 0];
      const installed = annotationsOf(definition)[BUNDLE_VERSION] ?? '';
      const version = /^v?((\d{1,6})\.(\d{1,6})(?:\.\d{1,6})?(?:[-+].*)?)$/.exec(installed);
      if (version === null) continue;
      const [ours, text] = [[Number(version[2]), Number(version[3])] as const, version[1] ?? ''];
      if (ours[0] > major || (ours[0] === major && ours[1] >= minor)) continue;
      yield message(oldGatewayApi, definition, definition.name, text, `${major}.${minor}.0`);
    }
  },
};
