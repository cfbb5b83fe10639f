// Namespaces that do not say whether they want sidecars, and Pods that lack theirs.
import { fieldsOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import {
  allContainers,
  DATAPLANE_MODE,
  INJECT,
  INJECTION,
  proxyImage,
  REVISION,
} from '../in-mesh.ts';
import { injectorName, injectorValues } from '../injector-values.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, CONFIG_MAP, fullName, NAMESPACE, POD } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { annotationsOf, goList, labelsOf, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import type { Snapshot } from '../snapshot.ts';

const namespaceNotInjected = messageType({
  code: 'IST0102',
  name: 'NamespaceNotInjected',
  level: 'Info',
  says: (namespace: string) =>
    'The namespace is not enabled for Istio injection. Run ' +
    `'kubectl label namespace ${namespace} istio-injection=enabled' to enable it, or ` +
    `'kubectl label namespace ${namespace} istio-injection=disabled' to explicitly mark it as ` +
    'not needing injection.',
});

const podMissingProxy = messageType({
  code: 'IST0103',
  name: 'PodMissingProxy',
  level: 'Warning',
  says: (pod: string) =>
    `The pod ${pod} is missing the Istio proxy. This can often be resolved by restarting or ` +
    'redeploying the workload.',
});

const multipleInjectionLabels = messageType({
  code: 'IST0123',
  name: 'NamespaceMultipleInjectionLabels',
  level: 'Warning',
  says: (labels: readonly string[]) =>
    `The namespace has more than one type of injection labels ${goList(labels)}, which may ` +
    'lead to undefined behavior. Make sure only one injection label exists.',
});

const injectedByDefault = messageType({
  code: 'IST0148',
  name: 'NamespaceInjectionEnabledByDefault',
  level: 'Info',
  says: () =>
    'is enabled for Istio injection, as Istio is installed with enableNamespacesByDefault as ' +
    'true.',
});

export const injection: Analyzer = {
  name: 'injection.Analyzer',
  description: 'Checks conditions related to Istio sidecar injection',
  finds: [namespaceNotInjected, podMissingProxy, multipleInjectionLabels, injectedByDefault],
  *run(snapshot) {
    for (const namespace of snapshot.of(NAMESPACE)) {
      if (namespace.name !== 'istio-system') yield* namespaceProblems(namespace, snapshot);
    }
    for (const pod of snapshot.of(POD)) {
      const namespace = snapshot.find(NAMESPACE, '', pod.namespace);
      if (namespace === undefined || !isInjecting(namespace) || !lacksProxy(pod)) continue;
      yield message(podMissingProxy, pod, fullName(pod));
    }
  },
};

function* namespaceProblems(namespace: Resource, snapshot: Snapshot): Iterable<Message> {
  const labels = labelsOf(namespace);
  const words = injectionWords(labels);
  if (words.length > 1) yield message(multipleInjectionLabels, namespace, words);
  if (labels[DATAPLANE_MODE] === 'ambient') return;
  if ((labels[INJECTION] ?? '') !== '' || labels[REVISION] !== undefined) return;
  if (isEnabledByDefault(snapshot)) {
    yield message(injectedByDefault, namespace);
    return;
  }
  yield message(namespaceNotInjected, at(namespace, 'metadata', 'name'), namespace.name);
}

/** What a namespace says about proxies; a refusal is not contradicted by a revision. */
function injectionWords(labels: Labels): readonly string[] {
  const own = labels[INJECTION];
  const others = own === undefined || own === 'enabled' ? [REVISION, DATAPLANE_MODE] : [];
  return [INJECTION, ...others]
    .filter((name) => labels[name] !== undefined)
    .map((name) => `${name}=${labels[name]}`);
}

function isEnabledByDefault(snapshot: Snapshot): boolean {
  const settings = snapshot.of(CONFIG_MAP).find(({ name }) => name === injectorName(''));
  if (settings === undefined) return false;
  const webhook = fieldsOf(injectorValues(settings)['sidecarInjectorWebhook']);
  return webhook['enableNamespacesByDefault'] === true;
}

function isInjecting(namespace: Resource): boolean {
  const labels = labelsOf(namespace);
  const isAmbient = labels[DATAPLANE_MODE] === 'ambient';
  return namespace.name !== 'istio-system' && !isAmbient && labels[INJECTION] === 'enabled';
}

function lacksProxy(pod: Resource): boolean {
  const own = labelsOf(pod)[INJECT] ?? annotationsOf(pod)[INJECT] ?? '';
  if (own.toLowerCase() === 'false' || specOf(pod)['hostNetwork'] === true) return false;
  return proxyImage(allContainers(specOf(pod))) === '';
}
