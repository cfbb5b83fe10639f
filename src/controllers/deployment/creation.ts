// The ReplicaSet of a new template.
import { fieldsOf, textMapOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, REPLICA_SET } from '#kube/resources.ts';
import { controllerReference } from '../owners.ts';
import type { Write } from '../write.ts';
import type { Step } from './plan.ts';
import { nextRevision, revisionAnnotations } from './revision.ts';
import { firstSize } from './rolling.ts';
import type { DeploymentSight } from './status.ts';
import { hashOf, TEMPLATE_HASH, templateOf, withHash } from './template.ts';
import type { DeploymentView } from './view.ts';
import { report, scalingReport, sizeAnnotations } from './writes.ts';

/** @param taken all ReplicaSets of the namespace */
export function planCreation(sight: DeploymentSight, taken: readonly KubeObject[]): Step {
  const { deployment, old, collisions } = sight;
  const { object } = deployment;
  const hash = hashOf(templateOf(object), collisions);
  const name = `${object.metadata.name}-${hash}`;
  if (taken.some(({ metadata }) => metadata.name === name)) return 'collision';
  const replicas = firstSize(deployment, old);
  const annotations = {
    ...revisionAnnotations(object, undefined, nextRevision(old)),
    ...sizeAnnotations(deployment),
  };
  const onRefused = (why: string): readonly Write[] => {
    const message = `Failed to create new replica set "${name}": ${why}`;
    const note = { type: 'Warning', reason: 'ReplicaSetCreateError', message } as const;
    return [{ verb: 'report', report: report(object, note) }];
  };
  return [
    {
      verb: 'create',
      type: REPLICA_SET,
      object: replicaSetOf(deployment, { name, hash, replicas, annotations }),
      report: scalingReport(object, { name, before: 0, after: replicas }),
      onRefused,
    },
  ];
}

function replicaSetOf(
  { object, minReadySeconds }: DeploymentView,
  its: {
    readonly name: string;
    readonly hash: string;
    readonly replicas: number;
    readonly annotations: Readonly<Record<string, string>>;
  },
): KubeObject {
  const { namespace } = object.metadata;
  const template = withHash(templateOf(object), its.hash);
  const selector = fieldsOf(object.spec, 'selector');
  const matchLabels = { ...fieldsOf(selector, 'matchLabels'), [TEMPLATE_HASH]: its.hash };
  return {
    metadata: {
      name: its.name,
      ...(namespace !== undefined && { namespace }),
      labels: textMapOf(fieldsOf(template, 'metadata')['labels']),
      annotations: its.annotations,
      ownerReferences: [controllerReference(DEPLOYMENT, object)],
    },
    spec: {
      replicas: its.replicas,
      ...(minReadySeconds > 0 && { minReadySeconds }),
      selector: { ...selector, matchLabels },
      template,
    },
  };
}
