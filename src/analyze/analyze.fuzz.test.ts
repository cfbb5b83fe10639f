// Any text is a file of manifests with problems, and any objects can be analyzed: twice with the
// same result, and in bounded time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { GATEWAY_API_KINDS } from '#istio/gatewayapi/kinds.ts';
import { KINDS } from '#istio/kinds.ts';
import { isOpenApi, valueLike } from '#istio/schema/fuzz-values.ts';
import { apiVersionOf } from '#kube/resources.ts';
import { fuzz } from '../../test/fuzz/harness.ts';
import { analyze } from './analyze.ts';
import { ANALYZERS } from './analyzers.ts';
import { readManifests } from './documents.ts';
import { meshNetworksResource, meshSettingsOf } from './mesh-settings.ts';
import { renderMessage } from './message.ts';
import { resourceOf } from './resource.ts';
import type { Resource } from './resource.ts';
import { Snapshot } from './snapshot.ts';

const labels = fc.dictionary(
  fc.constantFrom('app', 'istio', 'istio-injection', 'istio.io/rev', 'sidecar.istio.io/inject'),
  fc.constantFrom('a', 'enabled', 'true', ''),
);
const annotations = fc.dictionary(
  fc.constantFrom('sidecar.istio.io/inject', 'proxy.istio.io/config', 'x.istio.io/y', 'a/b'),
  fc.string(),
);
const metadata = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'istio-sidecar-injector'),
    namespace: fc.constantFrom('shop', 'istio-system'),
    labels,
    annotations,
  },
  { requiredKeys: ['name'] },
);

/** Objects of Istio's kinds, almost valid. */
const ofIstio = fc.constantFrom(...KINDS, ...GATEWAY_API_KINDS).chain(({ type, spec }) => {
  assert(isOpenApi(spec.openapi));
  return fc.record({
    apiVersion: fc.constant(apiVersionOf(type)),
    kind: fc.constant(type.kind),
    metadata,
    spec: valueLike(spec.openapi),
    status: fc.jsonValue({ maxDepth: 2 }),
  });
});

const FIELDS = ['selector', 'template', 'containers', 'ports', 'port', 'targetPort', 'webhooks'];

const WEBHOOKS = 'MutatingWebhookConfiguration';

/** Objects of Kubernetes with anything in them. */
const ofKubernetes = fc.record({
  apiVersion: fc.constantFrom('v1', 'apps/v1', 'admissionregistration.k8s.io/v1'),
  kind: fc.constantFrom(
    'Pod',
    'Service',
    'Namespace',
    'Secret',
    'ConfigMap',
    'Deployment',
    WEBHOOKS,
  ),
  metadata,
  spec: fc.dictionary(fc.constantFrom(...FIELDS), fc.jsonValue({ maxDepth: 2 })),
  data: fc.jsonValue({ maxDepth: 1 }),
});

const render = (resources: readonly Resource[], settings: unknown): readonly string[] =>
  analyze(new Snapshot(resources, meshSettingsOf(settings)), ANALYZERS).map(renderMessage);

test('any objects can be analyzed', () => {
  let messageCount = 0;
  const objects = fc.array(fc.oneof(ofIstio, ofKubernetes), { maxLength: 8 });
  fc.assert(
    fc.property(objects, fc.jsonValue({ maxDepth: 3 }), (objects, settings) => {
      const resources = [
        ...objects.map((object) => resourceOf(object)),
        meshNetworksResource(settings),
      ];
      const messages = render(resources, settings);
      messageCount += messages.length;
      assert.deepEqual(render(resources, settings), messages);
    }),
    fuzz(500),
  );
  assert(messageCount > 0, 'there is something to say');
});

test('any text is a file of manifests, with problems', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      '---',
      'kind: List',
      'items:',
      '- kind: A',
      '  metadata: {name: a}',
      '- &a [*a]',
    ),
    fc.constantFrom(
      'apiVersion: v1',
      'metadata: {name: a}',
      'kind: Pod',
      '<<: *a',
      '? {a: b}',
      '!!js x',
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const { resources, problems } = readManifests(lines.join('\n'), 'a.yaml', 'shop');
      for (const { origin } of resources) {
        const found = origin?.lineOf(['metadata', 'name']) ?? 0;
        assert(found >= 1 && found <= lines.length + 1);
      }
      for (const { line } of problems) assert(line >= 1);
    }),
    fuzz(2000),
  );
});
