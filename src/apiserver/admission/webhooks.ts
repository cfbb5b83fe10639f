// Admission by webhooks: mutating ones one after the other, validating ones all at once.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
import { apiVersionOf } from '../kinds/kind.ts';
import { CelError } from '../cel/values.ts';
import type { Draft, Json } from '../object.ts';
import { isJsonObject, isSameJson } from '../object.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { decodeObject } from '../registry/decode.ts';
import { generateUid } from '../registry/names.ts';
import type { Backend } from '../registry/scope.ts';
import { badRequest, StatusError } from '../status.ts';
import type { Store } from '../store/store.ts';
import type { Admission, AdmissionRequest } from './admission.ts';
import { parseReview, renderReview } from './review.ts';
import type { ReviewAnswer } from './review.ts';
import { webhooksOf } from './webhook.ts';
import type { Webhook, WebhookKind } from './webhook.ts';
import type { WebhookClient } from './webhook-client.ts';
import { conditionsHold, matchedVersion } from './webhook-match.ts';

const RESOURCES: Readonly<Record<WebhookKind, string>> = {
  mutating: 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  validating: 'validatingwebhookconfigurations.admissionregistration.k8s.io',
};

export function webhookAdmission(store: Store, client: WebhookClient): Admission {
  const webhooks = new WebhookTable(store);
  return {
    mutate: (request) => mutate(webhooks.get('mutating'), request, client),
    async validate(request) {
      const asked = webhooks.get('validating').map((webhook) => ask(webhook, request, client));
      for (const answer of await Promise.all(asked)) accept(answer, request);
    },
  };
}

/** The webhooks of all configurations, in the order of the configurations' names. */
class WebhookTable {
  readonly #store: Store;
  readonly #known = new Map<WebhookKind, readonly Webhook[]>();

  constructor(store: Store) {
    this.#store = store;
    store.subscribe(({ key }) => {
      for (const kind of ['mutating', 'validating'] as const) {
        if (key.resource === RESOURCES[kind]) this.#known.delete(kind);
      }
    });
  }

  get(kind: WebhookKind): readonly Webhook[] {
    const known = this.#known.get(kind);
    if (known) return known;
    const fresh = this.#store.list({ resource: RESOURCES[kind] }).flatMap(webhooksOf);
    this.#known.set(kind, fresh);
    return fresh;
  }
}

type Asked = { readonly webhook: Webhook; readonly answer: ReviewAnswer };

async function mutate(
  webhooks: readonly Webhook[],
  request: AdmissionRequest,
  client: WebhookClient,
): Promise<void> {
  const { object } = request;
  if (!object || webhooks.length === 0) return;
  let lastChange = -1;
  for (const [index, webhook] of webhooks.entries()) {
    if (await mutateBy(webhook, request, client)) lastChange = index;
  }
  // Who asked to be is called once more when another one changed the object after it.
  for (const [index, webhook] of webhooks.entries()) {
    if (webhook.isReinvoked && index < lastChange) await mutateBy(webhook, request, client);
  }
}

/** @returns whether the object is another now */
async function mutateBy(
  webhook: Webhook,
  request: AdmissionRequest,
  client: WebhookClient,
): Promise<boolean> {
  const asked = await ask(webhook, request, client);
  const answer = accept(asked, request);
  const { object, scope } = request;
  if (!answer?.isAllowed || answer.patch.length === 0 || !object) return false;
  const version = matchedVersion(webhook, request, scope.backend) ?? scope.served.version.name;
  const before: Json = {
    ...object,
    apiVersion: apiVersionOf(scope.served.kind.group, version),
  };
  const patched = applyJsonPatch(before, answer.patch);
  if (!patched.ok) throw failure(webhook, `its patch does not apply: ${patched.problem}`);
  const next = decodePatched(webhook, request, patched.value);
  if (isSameJson(next, object)) return false;
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, next);
  scope.served.kind.behaviour.defaults?.(object);
  return true;
}

function decodePatched(webhook: Webhook, { scope }: AdmissionRequest, value: Json): Draft {
  const { served } = scope;
  const apiVersion = apiVersionOf(served.kind.group, served.version.name);
  const object = isJsonObject(value) ? { ...value, apiVersion } : value;
  return decodeObject(served, object, {
    fieldValidation: 'Ignore',
    warn: () => undefined,
    refuse: (problem) => failure(webhook, `what its patch makes is no object: ${problem}`),
  });
}

/** @returns undefined when the webhook does not want to be asked, or may be passed over */
async function ask(
  webhook: Webhook,
  request: AdmissionRequest,
  client: WebhookClient,
): Promise<Asked | undefined> {
  const { backend, options } = request.scope;
  const version = matchedVersion(webhook, request, backend);
  if (version === undefined) return undefined;
  try {
    if (!conditionsHold(webhook, request)) return undefined;
    if (options.isDryRun && !webhook.allowsDryRun) {
      throw badRequest(
        `admission webhook ${JSON.stringify(webhook.name)} does not support dry run`,
      );
    }
    return { webhook, answer: await answerOf(webhook, request, { client, version, backend }) };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (webhook.isFailureFatal) throw failure(webhook, why);
    const isRule = error instanceof CelError;
    backend.log.warn('webhook passed over', { webhook: webhook.name, why, isRule });
    return undefined;
  }
}

async function answerOf(
  { target, timeoutSeconds }: Webhook,
  request: AdmissionRequest,
  parts: { readonly client: WebhookClient; readonly version: string; readonly backend: Backend },
): Promise<ReviewAnswer> {
  const uid = generateUid(parts.backend.randomBytes);
  const question = renderReview(request, { version: parts.version, uid });
  const answer = parseReview(await parts.client.ask(target, question, timeoutSeconds * 1000), uid);
  if (typeof answer === 'string') throw new Error(`its answer is ${answer}`);
  return answer;
}

function failure({ name }: Webhook, why: string): StatusError {
  const message = `Internal error occurred: failed calling webhook ${JSON.stringify(name)}: ${why}`;
  const causes = [{ message: why }];
  return new StatusError(500, 'InternalError', message, { details: { causes } });
}

/** @throws StatusError when the webhook refuses */
function accept(asked: Asked | undefined, { scope }: AdmissionRequest): ReviewAnswer | undefined {
  if (!asked) return undefined;
  const { webhook, answer } = asked;
  for (const warning of answer.warnings) scope.warn(warning);
  if (answer.isAllowed) return answer;
  const { code, reason, message } = answer;
  const name = JSON.stringify(webhook.name);
  const text =
    message === ''
      ? `admission webhook ${name} denied the request without explanation`
      : `admission webhook ${name} denied the request: ${message}`;
  throw new StatusError(code, reason || REASONS[code] || 'Forbidden', text, { details: {} });
}

const REASONS: Readonly<Record<number, string>> = { 400: 'BadRequest', 422: 'Invalid' };
