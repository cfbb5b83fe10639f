// Injection webhooks that would inject twice, or that nobody answers.
import { fieldsOf, objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { INJECT, INJECTION, REVISION } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { fullName, MUTATING_WEBHOOK, SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { goList } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';
import { isSelected } from './image-auto.ts';

const invalidWebhook = messageType({
  code: 'IST0139',
  name: 'InvalidWebhook',
  level: 'Error',
  says: (problem: string) => problem,
});

type Webhook = { readonly name: string; readonly its: Fields; readonly resource: Resource };

export const webhooks: Analyzer = {
  name: 'webhook.Analyzer',
  description: 'Checks the validity of Istio webhooks',
  finds: [invalidWebhook],
  *run(snapshot) {
    const configurations = snapshot.of(MUTATING_WEBHOOK).filter(isOfIstio);
    const known = configurations.flatMap((resource) =>
      objectsAt(resource.object, 'webhooks').map((its) => ({
        name: `${resource.name}/${textAt(its, 'name')}`,
        its,
        resource,
      })),
    );
    const revisions = [...new Set(configurations.flatMap(revisionsOf))];
    yield* overlapping(known, revisions);
    yield* unanswered(known, snapshot);
  },
};

function isOfIstio(configuration: Resource): boolean {
  const own = objectsAt(configuration.object, 'webhooks');
  return (
    revisionsOf(configuration).length > 0 ||
    own.some((webhook) => textAt(webhook, 'name').endsWith('istio.io'))
  );
}

function revisionsOf({ object }: Resource): readonly string[] {
  const selectors = objectsAt(object, 'webhooks').flatMap((webhook) => [
    fieldsOf(webhook['namespaceSelector']),
    fieldsOf(webhook['objectSelector']),
  ]);
  const selected = selectors.flatMap((selector) => [
    textMapOf(selector['matchLabels'])[REVISION] ?? [],
    ...objectsAt(selector, 'matchExpressions')
      .filter((expression) => textAt(expression, 'key') === REVISION)
      .map((expression) => textsAt(expression, 'values')),
  ]);
  return [textMapOf(object.metadata.labels)[REVISION] ?? [], ...selected].flat();
}

/** Tries all labels that mean anything to injection. */
function* overlapping(known: readonly Webhook[], revisions: readonly string[]): Iterable<Message> {
  const namespaces = withRevisions(
    [{}, { [INJECTION]: 'enabled' }, { [INJECTION]: 'disabled' }],
    revisions,
  );
  const objects = withRevisions([{}, { [INJECT]: 'true' }, { [INJECT]: 'false' }], revisions);
  for (const namespace of namespaces) {
    const inNamespace = known.filter(({ its }) => isSelected(its['namespaceSelector'], namespace));
    for (const labels of objects) {
      const matching = inNamespace.filter(({ its }) => isSelected(its['objectSelector'], labels));
      const names = [...new Set(matching.map(({ name }) => name))].toSorted();
      for (const { name, resource } of names.length > 1 ? matching : []) {
        const others = goList(names.filter((it) => it !== name));
        const effect = 'This may cause injection to occur twice.';
        yield message(
          invalidWebhook,
          resource,
          `Webhook overlaps with others: ${others}. ${effect}`,
        );
      }
    }
  }
}

function withRevisions(bases: readonly Labels[], revisions: readonly string[]): readonly Labels[] {
  const revised = revisions.flatMap((it) => bases.map((base) => ({ ...base, [REVISION]: it })));
  return [...bases, ...revised];
}

function* unanswered(known: readonly Webhook[], snapshot: Snapshot): Iterable<Message> {
  for (const { its, resource } of known) {
    const { service } = fieldsOf(its['clientConfig']);
    if (service === undefined) continue;
    const [namespace, name] = [
      textAt(fieldsOf(service), 'namespace'),
      textAt(fieldsOf(service), 'name'),
    ];
    if (snapshot.find(SERVICE, namespace, name) !== undefined) continue;
    const where = fullName({ namespace, name });
    const text = `Injector refers to a control plane service that does not exist: ${where}.`;
    yield message(invalidWebhook, resource, text);
  }
}
