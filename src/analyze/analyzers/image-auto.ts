// `image: auto` is a placeholder that injection fills in: where nothing injects, no image is pulled.
import { labelMatch } from '#kube/label-selector.ts';
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { proxyImage } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import { DEPLOYMENT, MUTATING_WEBHOOK, NAMESPACE, POD } from '../resource.ts';
import { labelsOf, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';

const autoImageMayFail = messageType({
  code: 'IST0146',
  name: 'ImageAutoWithoutInjectionWarning',
  level: 'Warning',
  says: (kind: string, name: string) => words(kind, name),
});

const autoImageFails = messageType({
  code: 'IST0147',
  name: 'ImageAutoWithoutInjectionError',
  level: 'Error',
  says: (kind: string, name: string) => words(kind, name),
});

function words(kind: string, name: string): string {
  return (
    `${kind} ${name} contains \`image: auto\` but does not match any Istio injection webhook ` +
    'selectors.'
  );
}

export const imageAuto: Analyzer = {
  name: 'injection.ImageAutoAnalyzer',
  description: 'Makes sure that Pods and Deployments with `image: auto` are going to be injected',
  finds: [autoImageMayFail, autoImageFails],
  *run(snapshot) {
    for (const pod of snapshot.of(POD)) {
      // it is there, and has not been injected
      if (hasAutoImage(specOf(pod))) yield message(autoImageFails, pod, 'Pod', pod.name);
    }
    for (const deployment of snapshot.of(DEPLOYMENT)) {
      const template = fieldsOf(specOf(deployment)['template']);
      if (!hasAutoImage(fieldsOf(template['spec']))) continue;
      const namespace = snapshot.find(NAMESPACE, '', deployment.namespace || 'default');
      const labels = textMapOf(fieldsOf(template, 'metadata')['labels']);
      if (isInjected(namespace ? labelsOf(namespace) : {}, labels, snapshot)) continue;
      yield message(autoImageMayFail, deployment, 'Deployment', deployment.name);
    }
  },
};

const hasAutoImage = (spec: Fields): boolean =>
  proxyImage(objectsAt(spec, 'containers')) === 'auto';

function isInjected(namespace: Labels, pod: Labels, snapshot: Snapshot): boolean {
  const webhooks = snapshot
    .of(MUTATING_WEBHOOK)
    .flatMap(({ object }) => objectsAt(object, 'webhooks'))
    .filter((webhook) => textAt(webhook, 'name').endsWith('istio.io'));
  return webhooks.some(
    ({ namespaceSelector, objectSelector }) =>
      isSelected(namespaceSelector, namespace) && isSelected(objectSelector, pod),
  );
}

/** A webhook without a selector is for everything. */
export function isSelected(selector: unknown, labels: Labels): boolean {
  return selector === undefined || selector === null || labelMatch(selector)(labels);
}
