// May this Pod run on this node? In Kubernetes' order and words, so that `kubectl describe pod`
// says what its users know (pkg/scheduler/framework/plugins).
import { fieldsOf, numberAt, objectsAt, textAt, textMapOf, type Fields } from '#kube/fields.ts';
import { requirementMatch, type Labels } from '#kube/label-selector.ts';
import type { KubeObject } from '#kube/objects.ts';
import { conditionOf } from '../conditions.ts';

/** Why a node cannot take the Pod, as one phrase; undefined when it can. */
export function misfitOf(pod: KubeObject, node: KubeObject, podsThere: number): string | undefined {
  const isUnschedulable = fieldsOf(node.spec)['unschedulable'] === true;
  if (isUnschedulable && !toleratesTaint(pod, UNSCHEDULABLE)) {
    return 'node(s) were unschedulable';
  }
  const taint = [...taintsOf(node)].find((one) => !toleratesTaint(pod, one));
  if (taint) return `node(s) had untolerated taint {${renderTaint(taint)}}`;
  if (conditionOf(node, 'Ready')?.status !== 'True') return 'node(s) were not ready';
  if (!isWanted(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  return podsThere >= capacityOf(node) ? 'Too many pods' : undefined;
}

type Taint = { readonly key: string; readonly value: string; readonly effect: string };

const UNSCHEDULABLE: Taint = {
  key: 'node.kubernetes.io/unschedulable',
  value: '',
  effect: 'NoSchedule',
};

/** Taints that keep Pods away; PreferNoSchedule only asks. */
function taintsOf(node: KubeObject): readonly Taint[] {
  return objectsAt(fieldsOf(node.spec), 'taints')
    .map((taint) => ({
      key: textAt(taint, 'key'),
      value: textAt(taint, 'value'),
      effect: textAt(taint, 'effect'),
    }))
    .filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
}

const renderTaint = ({ key, value }: Taint): string => `${key}: ${value}`;

function toleratesTaint({ spec }: KubeObject, taint: Taint): boolean {
  return objectsAt(fieldsOf(spec), 'tolerations').some((toleration) => {
    const [key, effect] = [textAt(toleration, 'key'), textAt(toleration, 'effect')];
    if (effect !== '' && effect !== taint.effect) return false;
    const exists = textAt(toleration, 'operator') === 'Exists';
    if (key === '') return exists; // tolerates everything
    return key === taint.key && (exists || textAt(toleration, 'value') === taint.value);
  });
}

function isWanted({ spec }: KubeObject, { metadata }: KubeObject): boolean {
  const labels = metadata.labels ?? {};
  const selector = Object.entries(textMapOf(fieldsOf(spec)['nodeSelector']));
  if (!selector.every(([name, value]) => labels[name] === value)) return false;
  const required = fieldsOf(
    spec,
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
  );
  const terms = objectsAt(required, 'nodeSelectorTerms');
  return terms.length === 0 || terms.some((term) => isTermMet(term, labels, metadata.name));
}

/** A term without requirements selects no node. */
function isTermMet(term: Fields, labels: Labels, nodeName: string): boolean {
  const byLabels = objectsAt(term, 'matchExpressions').map(requirementMatch);
  const byFields = objectsAt(term, 'matchFields').map(requirementMatch);
  if (byLabels.length + byFields.length === 0) return false;
  const fields = { 'metadata.name': nodeName };
  return byLabels.every((holds) => holds(labels)) && byFields.every((holds) => holds(fields));
}

/** kubelet's default of maxPods. */
const PODS_MAX = 110;

function capacityOf({ status }: KubeObject): number {
  const allocatable = fieldsOf(status, 'allocatable');
  const text = textAt(allocatable, 'pods');
  if (/^\d{1,6}$/.test(text)) return Number(text);
  return numberAt(allocatable, 'pods') ?? PODS_MAX;
}
