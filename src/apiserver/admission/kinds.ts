// The configurations of webhooks as objects: defaults and rules.
import { fieldOf, itemOf } from '../field-path.ts';
import type { BuiltInKind } from '../kinds/define.ts';
import type { Behaviour } from '../kinds/kind.ts';
import { nameProblem } from '../metadata-validation.ts';
import type { JsonObject } from '../object.ts';
import {
  isJsonObject,
  listAt,
  numberAt,
  objectAt,
  objectsAt,
  stringAt,
  withFallbacks,
} from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, invalid, notSupported, required } from '../violation.ts';
import type { WebhookKind } from './webhook.ts';

const API = 'admissionregistration.k8s.io/v1';
const POLICIES = ['Fail', 'Ignore'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const TIMEOUT_MAX_SECONDS = 30;

function behaviour(kind: WebhookKind): Behaviour {
  return {
    defaults(draft) {
      draft['webhooks'] = objectsAt(draft, 'webhooks').map((webhook) =>
        webhookWithDefaults(webhook, kind),
      );
    },
    validate: (configuration) => {
      const names = new Set<string>();
      return objectsAt(configuration, 'webhooks').flatMap((webhook, index) => {
        const path = itemOf('webhooks', index);
        const name = stringAt(webhook, 'name');
        const isTwice = names.has(name);
        names.add(name);
        const twice = isTwice ? [duplicate(fieldOf(path, 'name'), name)] : [];
        return [...twice, ...validateWebhook(webhook, path)];
      });
    },
  };
}

function webhookWithDefaults(webhook: JsonObject, kind: WebhookKind): JsonObject {
  const client = objectAt(webhook, 'clientConfig');
  const service = client['service'];
  return {
    ...withFallbacks(webhook, {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      ...(kind === 'mutating' && { reinvocationPolicy: 'Never' }),
    }),
    rules: objectsAt(webhook, 'rules').map((rule) => withFallbacks(rule, { scope: '*' })),
    ...(isJsonObject(service) && {
      clientConfig: { ...client, service: withFallbacks(service, { port: 443 }) },
    }),
  };
}

function validateWebhook(webhook: JsonObject, path: string): Violation[] {
  const name = stringAt(webhook, 'name');
  const at = (field: string) => fieldOf(path, field);
  const problem =
    name.split('.').length < 3
      ? 'should be a domain with at least three segments separated by dots'
      : nameProblem('subdomain', name);
  const effects = stringAt(webhook, 'sideEffects');
  const policy = stringAt(webhook, 'failurePolicy');
  const seconds = numberAt(webhook, 'timeoutSeconds') ?? 0;
  const versions = listAt(webhook, 'admissionReviewVersions');
  return [
    ...(problem === undefined ? [] : [invalid(at('name'), name, problem)]),
    ...(versions.includes('v1')
      ? []
      : [invalid(at('admissionReviewVersions'), versions, 'must include v1')]),
    ...(effects === ''
      ? [required(at('sideEffects'), `must specify one of ${SIDE_EFFECTS.join(', ')}`)]
      : []),
    ...(effects !== '' && !SIDE_EFFECTS.includes(effects)
      ? [notSupported(at('sideEffects'), effects, SIDE_EFFECTS)]
      : []),
    ...(POLICIES.includes(policy) ? [] : [notSupported(at('failurePolicy'), policy, POLICIES)]),
    ...(seconds >= 1 && seconds <= TIMEOUT_MAX_SECONDS
      ? []
      : [
          invalid(
            at('timeoutSeconds'),
            seconds,
            'the timeout value must be between 1 and 30 seconds',
          ),
        ]),
    ...validateClient(objectAt(webhook, 'clientConfig'), at('clientConfig')),
    ...objectsAt(webhook, 'rules').flatMap((rule, index) =>
      validateRule(rule, itemOf(at('rules'), index)),
    ),
  ];
}

function validateClient(client: JsonObject, path: string): Violation[] {
  const url = stringAt(client, 'url');
  const service = client['service'];
  if ((url === '') === !isJsonObject(service)) {
    return [required(path, 'exactly one of url or service is required')];
  }
  if (isJsonObject(service)) {
    return (['name', 'namespace'] as const).flatMap((field) =>
      stringAt(service, field) === '' ? [required(fieldOf(`${path}.service`, field))] : [],
    );
  }
  const isFine = URL.canParse(url) && new URL(url).protocol === 'https:';
  return isFine
    ? []
    : [invalid(fieldOf(path, 'url'), url, "'https' is the only allowed URL scheme")];
}

function validateRule(rule: JsonObject, path: string): Violation[] {
  const lists = ['operations', 'apiGroups', 'apiVersions', 'resources'] as const;
  const missing = lists.filter((field) => listAt(rule, field).length === 0);
  const wrong = listAt(rule, 'operations').filter(
    (operation) => typeof operation === 'string' && !OPERATIONS.includes(operation),
  );
  return [
    ...missing.map((field) => required(fieldOf(path, field))),
    ...wrong.map((operation) => notSupported(fieldOf(path, 'operations'), operation, OPERATIONS)),
  ];
}

function webhookKind(kind: string, which: WebhookKind): BuiltInKind {
  return {
    api: API,
    kind,
    plural: `${kind.toLowerCase()}s`,
    type: `admission.${kind}`,
    scope: 'Cluster',
    categories: ['api-extensions'],
    hasGeneration: true,
    behaviour: behaviour(which),
  };
}

export const WEBHOOK_KINDS: readonly BuiltInKind[] = [
  webhookKind('MutatingWebhookConfiguration', 'mutating'),
  webhookKind('ValidatingWebhookConfiguration', 'validating'),
];
