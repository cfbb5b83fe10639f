// How the API server is told of the webhooks: two objects, with Istio's names and selectors
// (manifests/charts/istio-control/istio-discovery and base), so that labels mean what users know.
import { hash } from 'node:crypto';
import type { KubeObject } from '#kube/objects.ts';
import { apiVersionOf, type ResourceType } from '#kube/resources.ts';

const admission = (kind: string, plural: string): ResourceType => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});

export const MUTATING_WEBHOOK_CONFIGURATION = admission(
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
);
export const VALIDATING_WEBHOOK_CONFIGURATION = admission(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
);

export const INJECTOR_NAME = 'istio-sidecar-injector';
export const VALIDATOR_NAME = 'istio-validator-istio-system';

/** Says which content was written, and by that whose the object is. */
export const CONTENT_ANNOTATION = 'isthmus.dev/content-hash';

export type WebhookAddress =
  /** Where the API server reaches the webhooks by itself, without a trailing slash. */
  | { readonly kind: 'url'; readonly url: string }
  /** By the Service `istiod`. */
  | { readonly kind: 'service'; readonly namespace: string };

export type ConfigurationOptions = {
  readonly address: WebhookAddress;
  /** PEM of the authorities that the webhooks' certificate may be of. */
  readonly rootsPem: string;
  readonly revision: string;
};

const TIMEOUT_SECONDS = 10;
const SERVICE = 'istiod';
const SERVICE_PORT = 443;

function clientConfig({ address, rootsPem }: ConfigurationOptions, path: string) {
  const caBundle = Buffer.from(rootsPem).toString('base64');
  if (address.kind === 'url') return { url: `${address.url}${path}`, caBundle };
  const { namespace } = address;
  return { service: { name: SERVICE, namespace, path, port: SERVICE_PORT }, caBundle };
}

const COMMON = {
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  matchPolicy: 'Equivalent',
  timeoutSeconds: TIMEOUT_SECONDS,
};

type Requirement = {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
};

const INJECT = 'sidecar.istio.io/inject';
const REVISION = 'istio.io/rev';
const ENABLED = 'istio-injection';
const isAbsent = (key: string): Requirement => ({ key, operator: 'DoesNotExist' });
const isIn = (key: string, ...values: string[]): Requirement => ({ key, operator: 'In', values });
const NOT_REFUSED: Requirement = { key: INJECT, operator: 'NotIn', values: ['false'] };

/**
 * Who gets a sidecar: Pods of namespaces that ask for it and Pods that ask themselves. A Pod's
 * `sidecar.istio.io/inject: false` counts before everything, `istio-injection` before a revision.
 */
export function injectorConfiguration(options: ConfigurationOptions): KubeObject {
  const selections: readonly (readonly [string, readonly Requirement[], readonly Requirement[]])[] =
    [
      ['namespace', [isIn(ENABLED, 'enabled')], [NOT_REFUSED]],
      [
        'object',
        [isAbsent(ENABLED), isAbsent(REVISION)],
        [isIn(INJECT, 'true'), isAbsent(REVISION)],
      ],
      ['rev.namespace', [isIn(REVISION, options.revision), isAbsent(ENABLED)], [NOT_REFUSED]],
      [
        'rev.object',
        [isAbsent(REVISION), isAbsent(ENABLED)],
        [NOT_REFUSED, isIn(REVISION, options.revision)],
      ],
    ];
  const webhooks = selections.map(([name, namespaces, objects]) => ({
    name: `${name}.sidecar-injector.istio.io`,
    clientConfig: clientConfig(options, '/inject'),
    rules: [
      {
        operations: ['CREATE'],
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods'],
        scope: '*',
      },
    ],
    namespaceSelector: { matchExpressions: namespaces },
    objectSelector: { matchExpressions: objects },
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    ...COMMON,
  }));
  return configuration(MUTATING_WEBHOOK_CONFIGURATION, INJECTOR_NAME, { ...options, webhooks });
}

const VALIDATED_GROUPS = [
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'authentication.istio.io',
];

/**
 * @param failurePolicy `Ignore` until it is known that the API server reaches the webhook; else
 *   nobody could write any of these kinds
 */
export function validatorConfiguration(
  options: ConfigurationOptions,
  failurePolicy: 'Ignore' | 'Fail',
): KubeObject {
  const rule = {
    operations: ['CREATE', 'UPDATE'],
    apiGroups: VALIDATED_GROUPS,
    apiVersions: ['*'],
    resources: ['*'],
    scope: '*',
  };
  const webhook = {
    name: 'rev.validation.istio.io',
    clientConfig: clientConfig(options, '/validate'),
    rules: [rule],
    failurePolicy,
    ...COMMON,
  };
  const its = { ...options, webhooks: [webhook] };
  return configuration(VALIDATING_WEBHOOK_CONFIGURATION, VALIDATOR_NAME, its);
}

function configuration(
  type: ResourceType,
  name: string,
  its: { readonly webhooks: readonly object[]; readonly revision: string },
): KubeObject {
  const { webhooks, revision } = its;
  const content = hash('sha256', JSON.stringify(webhooks));
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name,
      labels: { app: 'istiod', [REVISION]: revision },
      annotations: { [CONTENT_ANNOTATION]: content },
    },
    webhooks,
  };
}
