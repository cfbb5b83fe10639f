// One webhook of a configuration, as its configuration says it.
import type { JsonObject, KubeObject } from '../object.ts';
import { isJsonObject, listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { labelSelectorOf } from '../selectors/label-selector.ts';
import type { LabelSelector } from '../selectors/label-selector.ts';

export type WebhookKind = 'mutating' | 'validating';

export type WebhookRule = {
  readonly operations: readonly string[];
  readonly groups: readonly string[];
  readonly versions: readonly string[];
  /** `pods`, `pods/status`, `pods/*`, `*`, `*\/*` */
  readonly resources: readonly string[];
  readonly scope: string;
};

/** Where a webhook is. */
export type WebhookTarget =
  | { readonly kind: 'url'; readonly url: string; readonly authorityPem: string }
  | {
      readonly kind: 'service';
      readonly namespace: string;
      readonly name: string;
      readonly path: string;
      readonly port: number;
      readonly authorityPem: string;
    };

export type Webhook = {
  readonly name: string;
  readonly target: WebhookTarget;
  readonly rules: readonly WebhookRule[];
  readonly namespaces: LabelSelector;
  readonly objects: LabelSelector;
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
  /** A webhook that cannot be asked refuses the request, or is passed over. */
  readonly isFailureFatal: boolean;
  readonly matchesEquivalent: boolean;
  readonly timeoutSeconds: number;
  readonly isReinvoked: boolean;
  /** Says that a dry run leaves no traces. */
  readonly allowsDryRun: boolean;
};

const TIMEOUT_DEFAULT_SECONDS = 10;
const PORT_DEFAULT = 443;

export function webhooksOf(configuration: KubeObject): readonly Webhook[] {
  return objectsAt(configuration, 'webhooks').map((webhook) => ({
    name: stringAt(webhook, 'name'),
    target: targetOf(objectAt(webhook, 'clientConfig')),
    rules: objectsAt(webhook, 'rules').map((rule) => ruleOf(rule)),
    namespaces: labelSelectorOf(objectAt(webhook, 'namespaceSelector')),
    objects: labelSelectorOf(objectAt(webhook, 'objectSelector')),
    matchConditions: objectsAt(webhook, 'matchConditions').map((condition) => ({
      name: stringAt(condition, 'name'),
      expression: stringAt(condition, 'expression'),
    })),
    isFailureFatal: stringAt(webhook, 'failurePolicy') !== 'Ignore',
    matchesEquivalent: stringAt(webhook, 'matchPolicy') !== 'Exact',
    timeoutSeconds: numberAt(webhook, 'timeoutSeconds') ?? TIMEOUT_DEFAULT_SECONDS,
    isReinvoked: stringAt(webhook, 'reinvocationPolicy') === 'IfNeeded',
    allowsDryRun: ['None', 'NoneOnDryRun'].includes(stringAt(webhook, 'sideEffects')),
  }));
}

function targetOf(client: JsonObject): WebhookTarget {
  const authorityPem = Buffer.from(stringAt(client, 'caBundle'), 'base64').toString();
  const service = client['service'];
  if (!isJsonObject(service)) return { kind: 'url', url: stringAt(client, 'url'), authorityPem };
  return {
    kind: 'service',
    namespace: stringAt(service, 'namespace'),
    name: stringAt(service, 'name'),
    path: stringAt(service, 'path'),
    port: numberAt(service, 'port') ?? PORT_DEFAULT,
    authorityPem,
  };
}

function ruleOf(rule: JsonObject): WebhookRule {
  const texts = (field: string) => listAt(rule, field).filter((one) => typeof one === 'string');
  return {
    operations: texts('operations'),
    groups: texts('apiGroups'),
    versions: texts('apiVersions'),
    resources: texts('resources'),
    scope: stringAt(rule, 'scope') || '*',
  };
}
