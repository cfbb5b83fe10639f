// Annotations of Istio that are not known, stand in the wrong place, or say nothing sensible.
import { ANNOTATIONS, AUTOMATIC_ANNOTATIONS } from '../annotation-table.ts';
import { ANNOTATION_VALUES } from '../annotation-values.ts';
import type { Analyzer } from '../analyzer.ts';
import { INJECT } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, DEPLOYMENT, NAMESPACE, POD, SERVICE } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { annotationsOf, goQuote, labelsOf } from '../selectors.ts';

const misplacedAnnotation = messageType({
  code: 'IST0107',
  name: 'MisplacedAnnotation',
  level: 'Warning',
  says: (annotation: string, kinds: string) =>
    `Misplaced annotation: ${annotation} can only be applied to ${kinds}`,
});

const unknownAnnotation = messageType({
  code: 'IST0108',
  name: 'UnknownAnnotation',
  level: 'Warning',
  says: (annotation: string) => `Unknown annotation: ${annotation}`,
});

const invalidAnnotation = messageType({
  code: 'IST0125',
  name: 'InvalidAnnotation',
  level: 'Warning',
  says: (annotation: string, problem: string) => `Invalid annotation ${annotation}: ${problem}`,
});

const deprecatedAnnotation = messageType({
  code: 'IST0135',
  name: 'DeprecatedAnnotation',
  level: 'Info',
  says: (annotation: string, extra: string) =>
    `Annotation ${goQuote(annotation)} has been deprecated${extra} and may not work in future ` +
    'Istio versions.',
});

export const annotations: Analyzer = {
  name: 'annotations.K8sAnalyzer',
  description: 'Checks for misplaced and invalid Istio annotations in Kubernetes resources',
  finds: [misplacedAnnotation, unknownAnnotation, invalidAnnotation, deprecatedAnnotation],
  *run(snapshot) {
    for (const resource of [NAMESPACE, SERVICE, POD, DEPLOYMENT].flatMap((it) => snapshot.of(it))) {
      for (const [name, value] of Object.entries(annotationsOf(resource))) {
        if (isIstios(name) && !AUTOMATIC_ANNOTATIONS.has(name)) {
          yield* problemsOf(resource, name, value);
        }
      }
    }
  },
};

const isIstios = (name: string): boolean =>
  name === 'kubernetes.io/ingress.class' || (name.split('/')[0] ?? '').endsWith('istio.io');

function* problemsOf(resource: Resource, name: string, value: string): Iterable<Message> {
  const place = at(resource, 'metadata', 'annotations', name);
  const rule = ANNOTATIONS.get(name);
  if (rule === undefined) {
    yield message(unknownAnnotation, place, name);
    return;
  }
  // beside the label, the annotation is for those who are older than the label
  const isReplaced = name === INJECT && labelsOf(resource)[INJECT] !== undefined;
  if (rule.isDeprecated && !isReplaced) {
    const extra = name === INJECT ? ` in favor of the "${INJECT}" label` : '';
    yield message(deprecatedAnnotation, place, name, extra);
  }
  if (rule.kinds.includes('Any')) return;
  if (!rule.kinds.includes(resource.kind)) {
    yield message(misplacedAnnotation, place, name, rule.kinds.join(', '));
    return;
  }
  const problem = ANNOTATION_VALUES.get(name)?.(value);
  if (problem !== undefined) yield message(invalidAnnotation, place, name, problem);
}
